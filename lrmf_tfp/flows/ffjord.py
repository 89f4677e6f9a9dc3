"""FFJORD: flows that follow a learned velocity field over time (level 2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from lrmf_tfp._typing import Tensor
from lrmf_tfp._validation import check_choice, check_positive_int
from lrmf_tfp.flows.base import Flow
from lrmf_tfp.flows.ode import FixedStepSolver, Rate, Solver
from lrmf_tfp.networks import VelocityField

__all__ = ["FFJORDLayer", "StepError", "TRACES", "ffjord_flow"]

TRACES = ("auto", "exact", "rademacher", "gaussian")
"""How the divergence is computed: exactly, or by Hutchinson's estimate with this noise."""

_MAX_EXACT_SIZE = 16


class StepError(NamedTuple):
    """What halving the solver's steps changes, the largest over a batch; scalars."""

    position: Tensor
    """In the units of the samples."""
    log_det: Tensor
    """In nats."""


class FFJORDLayer(tf.Module):
    """Moves points along `dx/dt = v(t, x)` for a unit of time.

    The log-det-Jacobian is the integral of the field's divergence along the way. The inverse is
    the same integral backwards, as exact as the solver.

    Attributes:
        field: The velocity field.
        solver: How the differential equation is solved; may be set at any time.
        trace: Name in `TRACES`; may be set at any time, the weights do not know of it.

    References:
        [1] Grathwohl, Chen, Bettencourt, Sutskever, Duvenaud, FFJORD, ICLR 2019,
            arXiv:1810.01367, eq. (2)-(7).
    """

    def __init__(
        self,
        field: VelocityField,
        *,
        solver: Solver,
        trace: str = "auto",
        seed: int = 0,
        name: str = "ffjord",
    ) -> None:
        super().__init__(name=name)
        self.field = field
        self.solver = solver
        self.trace = check_choice(trace, "trace", TRACES)
        self._seed = seed

    def forward_and_log_det(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return `x` at time 1 and `log|det dy/dx|` `[B]`."""
        return self._follow(x, start=0.0, end=1.0)

    def inverse_and_log_det(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the start of the path that ends in `y`, and `log|det dx/dy|` `[B]`."""
        return self._follow(y, start=1.0, end=0.0)

    def trajectory(self, x: Tensor, *, num_times: int = 20) -> Tensor:
        """Return the paths of `x` `[B, D]` at equal times from 0 to 1, `[num_times, B, D]`."""
        check_positive_int(num_times - 1, "num_times")
        places = [tf.convert_to_tensor(x)]
        for k in range(num_times - 1):
            start, end = k / (num_times - 1), (k + 1) / (num_times - 1)
            (place,) = self.solver.solve(
                lambda t, z: (self.field.value(t, z[0]),), (places[-1],), start=start, end=end
            )
            places.append(place)
        return tf.stack(places)

    def step_error(self, x: Tensor) -> StepError:
        """Return by how much halving the steps moves `x` `[B, D]` and its log-det.

        The error of the present steps is about this much; where it is large, the field has become
        stiff and needs a finer solver.

        Raises:
            TypeError: If the solver has no fixed number of steps.
        """
        if not isinstance(self.solver, FixedStepSolver):
            found = type(self.solver).__name__
            raise TypeError(f"`solver` must be a FixedStepSolver to be halved; got {found}.")
        x = tf.convert_to_tensor(x)
        finer = FixedStepSolver(2 * self.solver.num_steps, self.solver.method)
        coarse = self._follow(x, start=0.0, end=1.0)
        fine = self._follow(x, start=0.0, end=1.0, solver=finer)
        return StepError(
            *(tf.reduce_max(tf.abs(a - b)) for a, b in zip(coarse, fine, strict=True))
        )

    def _follow(
        self, x: Tensor, *, start: float, end: float, solver: Solver | None = None
    ) -> tuple[Tensor, Tensor]:
        y, log_det = (solver or self.solver).solve(
            self._rate(x), (x, tf.zeros_like(x[:, 0])), start=start, end=end
        )
        return y, log_det

    def _rate(self, x: Tensor) -> Rate:
        """Return the rate of place and log-det; of noise there is one draw for the whole way."""
        size = x.shape[1]
        if self.trace == "exact" or (self.trace == "auto" and size <= _MAX_EXACT_SIZE):
            return lambda time, state: self.field.value_and_divergence(time, state[0])
        noise = self._noise(x)

        def rate(time: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
            value, product = self.field.value_and_product(time, state[0], noise)
            return value, tf.reduce_sum(noise * product, axis=1)

        return rate

    def _noise(self, x: Tensor) -> Tensor:
        # The seed is taken from the batch: new batches get new noise, the same batch the same.
        bits = tf.bitcast(tf.cast(tf.reduce_sum(x), tf.float32), tf.int32)
        seed = tf.stack([bits, tf.constant(self._seed)])
        normal = tf.random.stateless_normal(tf.shape(x), seed, dtype=x.dtype, alg="philox")
        if self.trace == "gaussian":
            return tf.stop_gradient(normal)
        return tf.stop_gradient(tf.where(normal > 0.0, tf.ones_like(x), -tf.ones_like(x)))


def ffjord_flow(
    event_size: int,
    *,
    num_blocks: int = 1,
    hidden_units: Sequence[int] = (64, 64),
    activation: str = "tanh",
    solver: Solver | None = None,
    trace: str = "auto",
    dtype: tf.DType = tf.float32,
    seed: int = 0,
) -> Flow:
    """Build a continuous flow, the identity at the start.

    Smooth by nature, no split into halves, and points never cross; a step costs as many passes
    of the network as the solver has stages.

    Args:
        event_size: D >= 1.
        num_blocks: Number of velocity fields that are followed one after the other.
        hidden_units: Widths of the hidden layers of each field, at least one.
        activation: Name in `lrmf_tfp.networks.ACTIVATIONS`; smooth ones suit solvers.
        solver: `FixedStepSolver()` by default.
        trace: `"exact"` costs D directions, Hutchinson's `"rademacher"` or `"gaussian"` one but
            is noisy; `"auto"` is exact up to D = 16, Rademacher above.
        dtype: `tf.float32` or `tf.float64`.
        seed: Seed of the fields' start and of the noise.

    Returns:
        Flow on events `[D]`; a `tfb.Bijector` whose variables all exist already.

    Raises:
        ValueError: If a size is below 1, there is no hidden layer or a name is unknown.

    Examples:
        >>> flow = ffjord_flow(2, hidden_units=(8,))
        >>> y, log_det = flow.forward_and_log_det([[1.0, 2.0]])
        >>> y.numpy().tolist(), float(log_det[0])
        ([[1.0, 2.0]], 0.0)

    References:
        [1] Grathwohl et al., FFJORD, ICLR 2019, arXiv:1810.01367.
    """
    check_positive_int(event_size, "event_size")
    check_positive_int(num_blocks, "num_blocks")
    check_choice(trace, "trace", TRACES)
    if not hidden_units:
        raise ValueError("`hidden_units` must have at least 1 entry; got none.")
    for width in hidden_units:
        check_positive_int(width, "hidden_units")
    layers = []
    for index in range(num_blocks):
        field = VelocityField(
            event_size,
            hidden_units=hidden_units,
            activation=activation,
            seed=seed * 1000 + index,
            dtype=dtype,
        )
        layers.append(
            FFJORDLayer(
                field, solver=solver or FixedStepSolver(), trace=trace, seed=seed * 1000 + index
            )
        )
    return Flow(layers, event_shape=[event_size], dtype=dtype, name="ffjord_flow")
