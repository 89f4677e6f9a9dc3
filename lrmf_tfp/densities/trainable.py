"""Densities with variables to train, and the start of their training."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

from lrmf_tfp._core.conditions import condition_size_of, given
from lrmf_tfp._core.log_det import forward_and_log_det, inverse_and_log_det
from lrmf_tfp._core.typing import Array, Tensor
from lrmf_tfp._validation import check_positive, check_positive_int
from lrmf_tfp.densities.gaussian import live_scale
from lrmf_tfp.samples.batch import Batch, as_batch
from lrmf_tfp.samples.sources import thinned
from lrmf_tfp.samples.standardize import weighted_moments

__all__ = [
    "FlowDensity",
    "Initializable",
    "flow_density",
    "moment_start",
    "student_t_base",
]

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

    @property
    def condition_size(self) -> int:
        """Number of covariates that base or flow depend on."""
        return max(condition_size_of(self.distribution), condition_size_of(self.bijector))

    def given(self, condition: Any) -> FlowDensity:
        """Return the density for a condition of a `ConditionalFlow`; it shares the variables.

        Raises:
            ValueError: If the flow has no conditions, or this is not one of them.
        """
        if self.condition_size == 0:
            raise ValueError(
                "`condition` must be left out for a flow without conditions; "
                f"got one for {self.bijector.name}."
            )
        base, flow = (
            given(part, condition if condition_size_of(part) else None)
            for part in (self.distribution, self.bijector)
        )
        return FlowDensity(base, flow, name=self.name)

    def initialize(self, rows: Array, weights: Array | None = None) -> None:
        """Start at the mean and scale per axis of samples `[N, D]` with weights `[N]`.

        If the last layer has `shift` and `log_diag`; otherwise start the layers that can, as
        Glow's. An axis that never varies, such as a black pixel, gets the widest scale.
        """
        layers = getattr(self.bijector, "layers", ())
        if layers and hasattr(layers[-1], "log_diag"):
            loc, scale = weighted_moments(rows, weights)
            layers[-1].shift.assign(loc)
            layers[-1].log_diag.assign(np.log(live_scale(scale)[0]))
        elif any(hasattr(layer, "initialize") for layer in layers):
            some = thinned(Batch(rows, weights), _MOST_ROWS, np.random.default_rng(0), keep=False)
            self.bijector.initialize(some.values, inverse=True)

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


@runtime_checkable
class Initializable(Protocol):
    """A density that knows where to start from samples."""

    def initialize(self, rows: Array, weights: Array | None = None) -> None:
        """Start from samples `[N, D]` and their weights `[N]`."""


def moment_start(density: tfd.Distribution, samples: Array | Batch) -> None:
    """Start a density at the mean and scale of samples, whatever its weights were.

    A Gaussian gets its maximum-likelihood moments, a flow density whose last layer is affine the
    mean and scale per axis, another one starts those of its layers that can, a mixture starts on
    clusters of the samples: see each one's `initialize`. Densities without one stay as they are.

    Args:
        density: A `tfd.Distribution`.
        samples: Samples `[N, D]`, or a `Batch` with weights.

    Examples:
        >>> from lrmf_tfp.densities import gaussian_density
        >>> density = gaussian_density(1)
        >>> moment_start(density, np.array([[1.0], [3.0]]))
        >>> density.mean().numpy().tolist(), density.stddev().numpy().tolist()
        ([2.0], [1.0])
    """
    if isinstance(density, Initializable):
        rows = as_batch(samples)
        density.initialize(np.asarray(rows.values, np.float64), rows.weights)
