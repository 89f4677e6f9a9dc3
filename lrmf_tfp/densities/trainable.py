"""Densities with variables to train, and the start of their training (level 2)."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

from lrmf_tfp._core.log_det import forward_and_log_det, inverse_and_log_det
from lrmf_tfp._core.typing import Array, Tensor
from lrmf_tfp._validation import check_positive, check_positive_int
from lrmf_tfp.densities.mixture import is_mixture, start_mixture

__all__ = [
    "FlowDensity",
    "flow_density",
    "gaussian_density",
    "moment_start",
    "student_t_base",
]

_DEAD = 1e-12  # of the widest axis: a scale below that is rounding
_MOST_ROWS = 1024  # as many samples tell the moments of a layer


class FlowDensity(tfd.Distribution):
    """Density of `flow(z)`, `z` from a base: `log p(x) = log base(z) + log|det dz/dx|`.

    Like `tfd.TransformedDistribution`, but `log_prob` runs the flow's inverse once, and a module
    that holds this density finds its variables. Over a `ConditionalFlow`, `log_prob` and `sample`
    take `condition=`.

    Attributes:
        distribution: The base, on events `[D]` or `[H, W, C]`.
        bijector: The flow, from noise towards the data.

    References:
        [1] Papamakarios et al., Normalizing Flows for Probabilistic Modeling and Inference,
            JMLR 2021, arXiv:1912.02762, eq. (6).
    """

    def __init__(
        self, distribution: tfd.Distribution, bijector: tfb.Bijector, *, name: str = "flow_density"
    ) -> None:
        parameters = {"distribution": distribution, "bijector": bijector, "name": name}
        self.distribution = distribution
        self.bijector = bijector
        super().__init__(
            dtype=distribution.dtype,
            reparameterization_type=tfd.FULLY_REPARAMETERIZED,
            validate_args=False,
            allow_nan_stats=True,
            parameters=parameters,
            name=name,
        )

    @classmethod
    def _parameter_properties(cls, dtype: Any, num_classes: Any = None) -> dict[str, Any]:
        del dtype, num_classes
        return {
            "distribution": tfp.util.BatchedComponentProperties(),
            "bijector": tfp.util.BatchedComponentProperties(
                event_ndims=lambda self: len(self.event_shape)
            ),
        }

    def _event_shape(self) -> tf.TensorShape:
        return self.distribution.event_shape

    def _event_shape_tensor(self) -> Tensor:
        return self.distribution.event_shape_tensor()

    def _batch_shape(self) -> tf.TensorShape:
        return self.distribution.batch_shape

    def given(self, condition: Any) -> FlowDensity:
        """Return the density for a condition of a `ConditionalFlow`; it shares the variables.

        Raises:
            ValueError: If the flow has no conditions, or this is not one of them.
        """
        if not hasattr(self.bijector, "given"):
            raise ValueError(
                "`condition` must be left out for a flow without conditions; "
                f"got one for {self.bijector.name}."
            )
        return FlowDensity(self.distribution, self.bijector.given(condition), name=self.name)

    def _sample_n(self, n: Tensor, seed: Any = None, condition: Any = None) -> Tensor:
        if condition is not None:
            return self.given(condition)._sample_n(n, seed=seed)
        ndims = len(self.event_shape)
        noise = self.distribution.sample(n, seed=seed)
        return forward_and_log_det(self.bijector, noise, event_ndims=ndims)[0]

    def _log_prob(self, x: Tensor, condition: Any = None) -> Tensor:
        if condition is not None:
            return self.given(condition)._log_prob(x)
        ndims = len(self.event_shape)
        z, log_det = inverse_and_log_det(self.bijector, x, event_ndims=ndims)
        return self.distribution.log_prob(z) + log_det


def flow_density(flow: tfb.Bijector, *, base: tfd.Distribution | None = None) -> FlowDensity:
    """Build the density of a base distribution pushed through `flow`.

    Args:
        flow: Bijector from noise towards the data, events `[D]` or `[H, W, C]`.
        base: Distribution of the noise, of the same event shape; by default the standard normal
            in the flow's `event_shape`.

    Returns:
        Distribution on events whose trainable variables are those of `flow` and `base`.

    Raises:
        TypeError: If `base` is missing and `flow` does not tell its `event_shape`.

    Examples:
        >>> from lrmf_tfp.flows import affine_flow
        >>> density = flow_density(affine_flow(2))
        >>> round(float(density.log_prob([0.0, 0.0])), 4)
        -1.8379
    """
    if base is None:
        if not hasattr(flow, "event_shape"):
            raise TypeError(
                "`base` must be given for a flow without `event_shape`; "
                f"got None for a {type(flow).__name__}."
            )
        zeros = np.zeros(flow.event_shape, flow.dtype.as_numpy_dtype)
        noise = tfd.Normal(zeros, np.ones_like(zeros))
        base = tfd.Independent(noise, zeros.ndim, name="standard_normal")
    return FlowDensity(base, flow)


def student_t_base(
    event_size: int,
    *,
    df: float = 10.0,
    dtype: tf.DType = tf.float32,
    name: str = "student_t_base",
) -> tfd.Independent:
    """Build independent Student t noise, a base with tails that forgive outliers.

    Under a flow with a normal base the log-density of a point falls with the square of its
    distance from the data, so that one outlier can outweigh thousands of other samples; under
    this base it falls with the logarithm. The body differs little: 0.006 nats an axis from the
    normal for `df=10`.

    Args:
        event_size: D >= 1.
        df: Degrees of freedom > 0; fewer are heavier tails.
        dtype: `tf.float32` or `tf.float64`.
        name: Name of the distribution.

    Returns:
        Distribution on `[D]` without variables.

    Raises:
        ValueError: If `event_size` is below 1 or `df` is not positive.

    Examples:
        >>> student_t_base(2).event_shape.as_list()
        [2]

    References:
        [1] Jaini, Kobyzev, Yu, Brubaker, Tails of Lipschitz Triangular Flows, ICML 2020,
            arXiv:1907.04481, section 4.
    """
    check_positive_int(event_size, "event_size")
    check_positive(df, "df")
    zeros = tf.zeros([event_size], dtype)
    noise = tfd.StudentT(df=tf.cast(df, dtype), loc=zeros, scale=tf.ones_like(zeros))
    return tfd.Independent(noise, reinterpreted_batch_ndims=1, name=name)


def moment_start(density: Any, samples: Array) -> None:
    """Start a density at the mean and scale of samples, whatever its weights were.

    A Gaussian with `loc` and `scale_tril` variables gets its maximum-likelihood moments, without
    the correlations where there are too few samples for them (N <= 2 D). A flow density whose
    last layer has `shift` and `log_diag` gets the mean and scale per axis; an axis that never
    varies, such as a black pixel, gets the widest scale. Another flow starts those of its layers
    that can, as Glow's. A mixture starts on clusters of the samples. Other densities stay as they
    are.

    Args:
        density: A `tfd.Distribution`.
        samples: Samples `[N, D]`.

    Examples:
        >>> density = gaussian_density(1)
        >>> moment_start(density, np.array([[1.0], [3.0]]))
        >>> density.mean().numpy().tolist(), density.stddev().numpy().tolist()
        ([2.0], [1.0])
    """
    exact = np.asarray(samples, np.float64)
    if is_mixture(density):
        start_mixture(density, exact)
        return
    loc, scale = exact.mean(axis=0), exact.std(axis=0)
    dead = scale <= _DEAD * scale.max()
    scale = np.where(dead, scale.max() or 1.0, scale)
    if isinstance(density, tfd.MultivariateNormalTriL):
        variances = np.diag(np.square(scale))
        few = len(exact) <= 2 * exact.shape[1]
        covariance = variances if few else np.atleast_2d(np.cov(exact.T, bias=True))
        ridge = np.where(dead, 1.0, 1e-10) * variances
        density.loc.assign(loc)
        density.scale_tril.assign(tf.cast(np.linalg.cholesky(covariance + ridge), density.dtype))
        return
    layers = getattr(getattr(density, "bijector", None), "layers", ())
    if layers and hasattr(layers[-1], "log_diag"):
        layers[-1].shift.assign(loc)
        layers[-1].log_diag.assign(np.log(scale))
    elif any(hasattr(layer, "initialize") for layer in layers):
        some = samples[:: -(-len(samples) // _MOST_ROWS)]
        density.bijector.initialize(some, inverse=True)


def gaussian_density(
    event_size: int,
    *,
    loc: Array | None = None,
    scale_tril: Array | None = None,
    dtype: tf.DType = tf.float32,
    name: str = "gaussian_density",
) -> tfd.MultivariateNormalTriL:
    """Build a trainable Gaussian with a full covariance.

    Args:
        event_size: D >= 1.
        loc: Mean `[D]` at the start; zero by default.
        scale_tril: Cholesky factor `[D, D]` of the covariance at the start; the identity by
            default.
        dtype: `tf.float32` or `tf.float64`.
        name: Name of the distribution.

    Returns:
        `tfd.MultivariateNormalTriL` with trainable `loc` and `scale_tril`.

    Raises:
        ValueError: If `event_size` is below 1 or a shape does not fit it.

    Examples:
        >>> gaussian_density(3).event_shape.as_list()
        [3]
    """
    check_positive_int(event_size, "event_size")
    loc = np.zeros(event_size) if loc is None else np.asarray(loc)
    scale_tril = np.eye(event_size) if scale_tril is None else np.asarray(scale_tril)
    if loc.shape != (event_size,):
        raise ValueError(f"`loc` must have shape [{event_size}]; got {list(loc.shape)}.")
    if scale_tril.shape != (event_size, event_size):
        raise ValueError(
            f"`scale_tril` must have shape [{event_size}, {event_size}]; "
            f"got {list(scale_tril.shape)}."
        )
    factor = tfp.util.TransformedVariable(
        tf.cast(scale_tril, dtype),
        tfb.FillScaleTriL(diag_bijector=tfb.Exp(), diag_shift=None),
        name="scale_tril",
    )
    return tfd.MultivariateNormalTriL(
        loc=tf.Variable(tf.cast(loc, dtype), name="loc"), scale_tril=factor, name=name
    )
