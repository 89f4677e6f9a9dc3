"""Lower bounds of divergences by a critic's outputs at samples.

A bound is an object with `bound(numerator_outputs, denominator_outputs)`: an `FDivergence`, whose
bound is an expectation, or `DonskerVaradhan`, whose is the logarithm of one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import tensorflow as tf

from lrmf_tfp._core.means import weighted_mean
from lrmf_tfp._core.typing import Tensor, Weights
from lrmf_tfp._validation import check_choice
from lrmf_tfp.divergences._compiled import compiled
from lrmf_tfp.divergences._pair import weighed
from lrmf_tfp.divergences.f_divergence.table import F_DIVERGENCES, FDivergence
from lrmf_tfp.kernels.samples import as_sample
from lrmf_tfp.samples.sample import Sample

__all__ = [
    "DonskerVaradhan",
    "VARIATIONAL_BOUNDS",
    "VariationalBound",
    "as_variational_bound",
    "donsker_varadhan_bound",
    "log_mean_exp",
    "variational_bound",
]


@dataclass(frozen=True)
class DonskerVaradhan:
    """The bound `E_p[v] - log(E_q[exp(v)]) <= KL(p || q)`, for every function v of a sample.

    Equality holds where `v = log(p / q) + c`, for any constant c: the bound does not see it, and
    so a trained v tells the log-ratio once `log(E_q[exp(v)])` is taken off. For the same v it is
    at least the bound of the f-divergence `"kl"` (that of Nguyen, Wainwright and Jordan).

    The logarithm of a sample's mean is below that of the expectation on average: this bound on M
    samples of q is too high by about `var_q(exp(v)) / (2 M E_q[exp(v)]^2)`, even for a fixed v.

    References:
        [1] Donsker and Varadhan, Asymptotic Evaluation of Certain Markov Process Expectations
            for Large Time IV, Communications on Pure and Applied Mathematics 1983.
        [2] Belghazi et al., Mutual Information Neural Estimation, ICML 2018, arXiv:1801.04062,
            theorem 1.
    """

    name: ClassVar[str] = "donsker_varadhan"

    def activation(self, outputs: Tensor) -> Tensor:
        """Return the critic's value, which is its raw output."""
        return tf.identity(outputs)

    def log_ratio_of_output(self, outputs: Tensor) -> Tensor:
        """Return `log(p / q)` of an optimal output with `E_q[exp(v)] = 1`."""
        return tf.identity(outputs)

    def bound(
        self,
        numerator_outputs: Tensor,
        denominator_outputs: Tensor,
        numerator_weights: Tensor | None = None,
        denominator_weights: Tensor | None = None,
    ) -> Tensor:
        """Return `mean(v(x)) - log(mean(exp(v(y))))`, x from p and y from q.

        Args:
            numerator_outputs: Raw outputs `[N]` at samples of p.
            denominator_outputs: Raw outputs `[M]` at samples of q.
            numerator_weights: `[N]` >= 0 of any scale, for a weighted mean; equal by default.
            denominator_weights: `[M]`, likewise.

        Returns:
            Scalar, nats.
        """
        gain = weighted_mean(numerator_outputs, numerator_weights)
        return gain - log_mean_exp(denominator_outputs, denominator_weights)


VariationalBound = FDivergence | DonskerVaradhan
"""What `VariationalObjective` maximises."""

VARIATIONAL_BOUNDS: dict[str, VariationalBound] = {
    **F_DIVERGENCES,
    DonskerVaradhan.name: DonskerVaradhan(),
}
"""The eight f-divergences and `"donsker_varadhan"`, by name."""


def as_variational_bound(divergence: str | VariationalBound) -> VariationalBound:
    """Return the bound of a name, or the one that is given.

    Raises:
        ValueError: If the name is not in `VARIATIONAL_BOUNDS`.
    """
    if isinstance(divergence, (FDivergence, DonskerVaradhan)):
        return divergence
    return VARIATIONAL_BOUNDS[check_choice(divergence, "divergence", VARIATIONAL_BOUNDS)]


def variational_bound(
    divergence: str | VariationalBound,
    numerator_outputs: Tensor,
    denominator_outputs: Tensor,
    *,
    numerator_weights: Weights | None = None,
    denominator_weights: Weights | None = None,
) -> Tensor:
    """Return the lower bound of a divergence that a critic's raw outputs give.

    `mean(g(v(x))) - mean(f*(g(v(y))))` for an f-divergence. For a critic that was not fitted to
    these samples it is unbiased for a number below the divergence, except for Donsker and
    Varadhan's, which is a little too high. On samples that the critic was fitted to, every one
    is too high.

    Args:
        divergence: A name in `VARIATIONAL_BOUNDS`, an `FDivergence` or a `DonskerVaradhan`.
            `"kl"` is the bound of Nguyen, Wainwright and Jordan.
        numerator_outputs: Raw outputs v `[N]` at samples of p, or a `Sample` of them, `[N, 1]`.
        denominator_outputs: Raw outputs v `[M]` at samples of q, likewise.
        numerator_weights: Weights `[N]` >= 0 of any scale, for means; equal ones by default.
        denominator_weights: Weights `[M]`, likewise.

    Returns:
        Scalar, nats for the divergences made of logarithms.

    Raises:
        TypeError: If outputs are not numbers.
        ValueError: If the name is unknown, outputs are not finite numbers `[N]`, or weights are
            negative, all 0 or given twice.

    Examples:
        >>> log_ratio_x, log_ratio_y = [1.0, 3.0], [-1.0, 0.0]
        >>> optimal = lambda log_ratio: 1.0 + np.array(log_ratio)
        >>> round(float(variational_bound("kl", optimal(log_ratio_x), optimal(log_ratio_y))), 4)
        2.3161

    References:
        [1] Nguyen, Wainwright, Jordan, Estimating divergence functionals and the likelihood
            ratio by convex risk minimization, IEEE Trans. Inf. Theory 2010, arXiv:0809.0853,
            lemma 1.
        [2] Nowozin, Cseke, Tomioka, f-GAN, NeurIPS 2016, arXiv:1606.00709,
            eq. (4).
    """
    found = as_variational_bound(divergence)
    x, a = _as_outputs(numerator_outputs, numerator_weights, "numerator")
    y, b = _as_outputs(denominator_outputs, denominator_weights, "denominator")
    if x.dtype != y.dtype:
        x, y = tf.cast(x, tf.float64), tf.cast(y, tf.float64)
    return _bound(x, y, a, b, found)


def donsker_varadhan_bound(
    numerator_outputs: Tensor,
    denominator_outputs: Tensor,
    *,
    numerator_weights: Weights | None = None,
    denominator_weights: Weights | None = None,
) -> Tensor:
    """Return `mean(v(x)) - log(mean(exp(v(y))))`, in expectation about a lower bound of the KL.

    See `DonskerVaradhan` for when it is tight and for its bias.

    Args:
        numerator_outputs: Outputs v `[N]` at samples of p, or a `Sample` of them, `[N, 1]`.
        denominator_outputs: Outputs v `[M]` at samples of q, likewise.
        numerator_weights: Weights `[N]` >= 0 of any scale, for means; equal ones by default.
        denominator_weights: Weights `[M]`, likewise.

    Returns:
        Scalar, nats.

    Raises:
        TypeError: If outputs are not numbers.
        ValueError: As `variational_bound`.

    Examples:
        >>> round(float(donsker_varadhan_bound([1.0, 3.0], [-1.0, 0.0])), 4)
        2.3799

    References:
        [1] Donsker and Varadhan, Asymptotic Evaluation of Certain Markov Process Expectations
            for Large Time IV, Communications on Pure and Applied Mathematics 1983.
    """
    return variational_bound(
        DonskerVaradhan.name,
        numerator_outputs,
        denominator_outputs,
        numerator_weights=numerator_weights,
        denominator_weights=denominator_weights,
    )


def log_mean_exp(x: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return `log(mean(exp(x)))` of `x` `[N]`, weighted or not, without overflow."""
    if weights is None:
        return tf.reduce_logsumexp(x) - tf.math.log(tf.cast(tf.size(x), x.dtype))
    x = tf.where(weights > 0.0, x, x.dtype.min)  # a row of weight 0 may hold anything
    highest = tf.stop_gradient(tf.reduce_max(x))
    return highest + tf.math.log(weighted_mean(tf.exp(x - highest), weights))


@compiled
def _bound(
    numerator: Tensor,
    denominator: Tensor,
    numerator_weights: Tensor | None,
    denominator_weights: Tensor | None,
    divergence: VariationalBound,
) -> Tensor:
    return divergence.bound(numerator, denominator, numerator_weights, denominator_weights)


def _as_outputs(value: object, weights: Weights | None, name: str) -> tuple[Tensor, Tensor | None]:
    """Return outputs `[N]` and their weights as tensors of a floating dtype."""
    if isinstance(value, Sample):
        apart = f"{name}_weights"
        sample = as_sample(value, f"{name}_outputs", weighs=weights is None, weights_name=apart)
        if sample.rows.shape[1] != 1:
            shape = list(sample.rows.shape)
            raise ValueError(f"`{name}_outputs` must have shape [N, 1] in a Sample; got {shape}.")
        value, weights = sample.rows[:, 0], sample.weights if weights is None else weights
    outputs = _as_vector(value, f"{name}_outputs")
    if weights is None:
        return outputs, None
    column, shares = weighed(outputs[:, None], weights, f"{name}_weights")
    return column[:, 0], shares


def _as_vector(value: object, name: str) -> Tensor:
    if not isinstance(value, (tf.Tensor, tf.Variable)):
        value = np.asarray(value)
        if value.dtype.kind not in "iuf":
            raise TypeError(f"`{name}` must be numeric; got dtype {value.dtype}.")
    outputs = tf.convert_to_tensor(value)
    if outputs.dtype not in (tf.float32, tf.float64):
        outputs = tf.cast(outputs, tf.float64)
    if outputs.shape.rank != 1 or outputs.shape[0] == 0:
        raise ValueError(f"`{name}` must have shape [N]; got {outputs.shape}.")
    if not tf.is_symbolic_tensor(outputs) and not np.all(np.isfinite(outputs.numpy())):
        raise ValueError(f"`{name}` must be finite; got {_first_wrong(outputs.numpy())}.")
    return outputs


def _first_wrong(values: Tensor) -> float:
    return float(values[~np.isfinite(values)][0])
