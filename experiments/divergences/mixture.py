"""The mixture of two Gaussians in the plane, and the Gaussians that are closest to it, exactly.

Expectations are Gauss-Hermite quadratures, so that values and gradients are exact to about eight
digits: the truth beside what a critic finds.
"""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from scipy.optimize import minimize
from tensorflow_probability import distributions as tfd

import lrmf_tfp as lt

__all__ = [
    "COVARIANCE",
    "Gaussian",
    "MEAN",
    "closest_in_reverse",
    "confined_bound",
    "draw",
    "forward_kl",
    "log_density",
    "reverse_kl",
]

Array = NDArray[np.floating[Any]]

_WEIGHTS = np.array([0.75, 0.25])
_MEANS = np.array([[0.5, 2.0], [9.0, 9.0]])
_VARIANCES = np.array([[4.0, 1.5], [1.0, 3.0]])  # of each axis, not standard deviations
_NUM_NODES = 60

MEAN = _WEIGHTS @ _MEANS
"""Mean of the mixture, (2.625, 3.75): that of the forward KL's Gaussian."""
COVARIANCE = np.diag(_WEIGHTS @ _VARIANCES) + np.einsum(
    "k,ki,kj->ij", _WEIGHTS, _MEANS - MEAN, _MEANS - MEAN
)
"""Covariance of the mixture: that of the forward KL's Gaussian."""


class Gaussian(NamedTuple):
    """A Gaussian in the plane, with what it costs."""

    mean: Array  # [2]
    cov: Array  # [2, 2]
    divergence: float  # nats


def draw(num_samples: int, *, seed: int) -> Array:
    """Return samples `[N, 2]` of the mixture, three quarters of them near (0.5, 2)."""
    rng = np.random.default_rng(seed)
    component = (rng.random(num_samples) >= _WEIGHTS[0]).astype(int)
    noise = rng.normal(size=(num_samples, 2))
    return _MEANS[component] + np.sqrt(_VARIANCES[component]) * noise


def log_density(x: Array) -> Array:
    """Return the mixture's log-density `[...]` at points `[..., 2]`."""
    return np.asarray(_law().log_prob(tf.constant(x, tf.float64)))


def forward_kl(mean: Array, cov: Array) -> float:
    """Return `KL(mixture || N(mean, cov))`, nats."""
    model = tfd.MultivariateNormalTriL(_constant(mean), tf.linalg.cholesky(_constant(cov)))
    total = 0.0
    for weight, centre, variances in zip(_WEIGHTS, _MEANS, _VARIANCES, strict=True):
        nodes, masses = _nodes()
        x = centre + np.sqrt(variances) * nodes
        total += weight * masses @ (log_density(x) - model.log_prob(_constant(x)).numpy())
    return float(total)


def reverse_kl(mean: Array, cov: Array) -> float:
    """Return `KL(N(mean, cov) || mixture)`, nats."""
    root = tf.linalg.cholesky(_constant(cov))
    return float(_reverse(_constant(mean), root))


def closest_in_reverse(mean: Array, cov: Array) -> Gaussian:
    """Return the local minimum of the reverse KL that descent from a Gaussian reaches."""
    root = np.linalg.cholesky(cov)
    start = np.array([*mean, np.log(root[0, 0]), root[1, 0], np.log(root[1, 1])])
    objective = tf.function(_reverse_of_parameters, autograph=False)

    def value_and_slope(parameters: Array) -> tuple[float, Array]:
        value, slope = objective(_constant(parameters))
        return float(value), slope.numpy()

    found = minimize(value_and_slope, start, jac=True, method="BFGS", options={"gtol": 1e-8})
    mean, root = found.x[:2], _root(_constant(found.x)).numpy()
    return Gaussian(mean, root @ root.T, float(found.fun))


def confined_bound(
    divergence: lt.divergences.FDivergence,
    mean: Array,
    cov: Array,
    *,
    log_ratios: tuple[float, float],
) -> float:
    """Return the best bound of `D_f(mixture || N(mean, cov))` by a critic that is confined.

    A critic whose log-ratio cannot leave an interval does best where it clips the true one.
    """
    x, y = np.linspace(-30.0, 35.0, 1301), np.linspace(-25.0, 32.0, 1141)
    points = np.stack(np.meshgrid(x, y), axis=-1)
    cell = (x[1] - x[0]) * (y[1] - y[0])
    model = tfd.MultivariateNormalTriL(_constant(mean), tf.linalg.cholesky(_constant(cov)))
    log_p, log_q = log_density(points), model.log_prob(_constant(points)).numpy()
    clipped = _constant(np.clip(log_p - log_q, *log_ratios))
    critic = divergence.optimal_critic(clipped)
    gain, cost = critic.numpy(), divergence.conjugate(critic).numpy()
    return float(np.sum(np.exp(log_p) * gain - np.exp(log_q) * cost) * cell)


def _reverse_of_parameters(parameters: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    with tf.GradientTape() as tape:
        tape.watch(parameters)
        value = _reverse(parameters[:2], _root(parameters))
    return value, tape.gradient(value, parameters)


def _reverse(mean: tf.Tensor, root: tf.Tensor) -> tf.Tensor:
    nodes, masses = _nodes()
    x = mean + tf.matmul(_constant(nodes), root, transpose_b=True)
    log_model = tfd.MultivariateNormalTriL(mean, root).log_prob(x)
    return tf.reduce_sum(_constant(masses) * (log_model - _law().log_prob(x)))


def _root(parameters: tf.Tensor) -> tf.Tensor:
    """Return the Cholesky factor of `(mean, log l11, l21, log l22)`."""
    first, low, second = tf.exp(parameters[2]), parameters[3], tf.exp(parameters[4])
    return tf.stack([tf.stack([first, tf.zeros_like(low)]), tf.stack([low, second])])


def _nodes() -> tuple[Array, Array]:
    """Return nodes `[K, 2]` and masses `[K]` of the standard normal in the plane."""
    points, weights = np.polynomial.hermite_e.hermegauss(_NUM_NODES)
    weights = weights / weights.sum()
    nodes = np.array(list(itertools.product(points, points)))
    return nodes, np.outer(weights, weights).ravel()


def _law() -> tfd.Distribution:
    return tfd.MixtureSameFamily(
        tfd.Categorical(probs=_constant(_WEIGHTS)),
        tfd.MultivariateNormalDiag(_constant(_MEANS), _constant(np.sqrt(_VARIANCES))),
    )


def _constant(value: Any) -> tf.Tensor:
    return tf.constant(value, tf.float64)
