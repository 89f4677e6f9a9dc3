"""FFJORD: flows that follow a learned velocity field over time."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import tensorflow as tf

from lrmf_tfp._core.typing import Tensor
from lrmf_tfp._validation import (
    check_choice,
    check_not_negative,
    check_positive_int,
    check_positive_ints,
)
from lrmf_tfp.flows.base import Flow
from lrmf_tfp.flows.spec import FlowSpec
from lrmf_tfp.networks import VelocityField
from lrmf_tfp.ode.solvers import FixedStepSolver, Solver, State
from lrmf_tfp.ode.solves import Solve, StepError, is_listening, note_solve

__all__ = ["FFJORD", "FFJORDLayer", "TRACES", "ffjord_flow", "use_exact_traces"]

TRACES = ("auto", "exact", "rademacher", "gaussian")
"""How the divergence is computed: exactly, or by Hutchinson's estimate with this noise."""

_MAX_EXACT_SIZE = 16  # in training; what is only evaluated can afford more
_MAX_EXACT_SIZE_EVALUATED = 128


class FFJORDLayer(tf.Module):
    """Moves points along `dx/dt = v(t, x)` for a unit of time.

    The log-det-Jacobian is the integral of the field's divergence along the way. The inverse is
    the same integral backwards, as exact as the solver.

    While others listen (`noted_solves`), a solve also integrates what the regularisers charge,
    `kinetic_weight |v|^2 + jacobian_weight |dv/dx|_F^2`, which straightens the paths and keeps
    the field smooth, so that few steps do. `lrmf_tfp.fit` adds it to the loss.

    Attributes:
        field: The velocity field.
        solver: How the differential equation is solved; may be set at any time.
        num_steps: Variable, the present number of steps of a `FixedStepSolver`; saved with the
            weights, raised by `refine_steps`.
        trace: Name in `TRACES`; may be set at any time, the weights do not know of it.
        kinetic_weight: Weight of the kinetic energy.
        jacobian_weight: Weight of the Jacobian's squared Frobenius norm.

    References:
        [1] Grathwohl, Chen, Bettencourt, Sutskever, Duvenaud, FFJORD, ICLR 2019,
            arXiv:1810.01367, eq. (2)-(7).
        [2] Finlay, Jacobsen, Nurbekyan, Oberman, How to Train Your Neural ODE, ICML 2020,
            arXiv:2002.02798, eq. (8) and (10).
    """

    def __init__(
        self,
        field: VelocityField,
        *,
        solver: Solver,
        trace: str = "auto",
        kinetic_weight: float = 0.0,
        jacobian_weight: float = 0.0,
        seed: int = 0,
        name: str = "ffjord",
    ) -> None:
        super().__init__(name=name)
        self.field = field
        self.num_steps = tf.Variable(1, trainable=False, dtype=tf.int64, name="num_steps")
        self.solver = solver
        self.trace = check_choice(trace, "trace", TRACES)
        self.kinetic_weight = check_not_negative(kinetic_weight, "kinetic_weight")
        self.jacobian_weight = check_not_negative(jacobian_weight, "jacobian_weight")
        self._seed = seed

    @property
    def solver(self) -> Solver:
        """How the differential equation is solved."""
        if isinstance(self._solver, FixedStepSolver):
            return dataclasses.replace(self._solver, num_steps=self.num_steps)
        return self._solver

    @solver.setter
    def solver(self, solver: Solver) -> None:
        if not hasattr(solver, "solve"):
            raise TypeError(
                f"`solver` must be a solver, such as FixedStepSolver(8); got {solver!r}."
            )
        self._solver = solver
        if isinstance(solver, FixedStepSolver):
            self.num_steps.assign(solver.num_steps)

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

    @property
    def can_refine(self) -> bool:
        """Whether the solver has a number of steps that can be raised."""
        return isinstance(self._solver, FixedStepSolver)

    def error_between(self, x: Tensor, *, start: float, end: float) -> StepError:
        """Return by how much a finer solve changes place and log-det of `x` `[B, D]`."""
        coarse, fine = (
            self._solve(solver, x, start=start, end=end)
            for solver in (self.solver, self.solver.finer())
        )
        changes = [tf.reshape(tf.abs(a - b), [-1]) for a, b in zip(coarse, fine, strict=True)]
        # The zero stands for an empty batch, whose maximum is not defined.
        return StepError(*(tf.reduce_max(tf.pad(change, [[0, 1]])) for change in changes))

    def raise_steps(self, error: StepError) -> None:
        """Double the number of steps if the error is above the tolerance, up to the most."""
        if not isinstance(self._solver, FixedStepSolver):
            return
        small = tf.logical_and(*(part <= self._solver.tolerance for part in error))
        doubled = 2 * self.num_steps
        stay = tf.logical_or(small, doubled > self._solver.max_steps)
        self.num_steps.assign(tf.where(stay, self.num_steps, doubled))

    def _follow(self, x: Tensor, *, start: float, end: float) -> tuple[Tensor, Tensor]:
        charged = is_listening() and bool(self.kinetic_weight or self.jacobian_weight)
        y, log_det, *cost = self._solve(self.solver, x, start=start, end=end, charged=charged)
        charge = tf.abs(cost[0]) if charged else None  # backwards the integral is below 0
        note_solve(Solve(self, x, start, end, charge))
        return y, log_det

    def _solve(
        self, solver: Solver, x: Tensor, *, start: float, end: float, charged: bool = False
    ) -> State:
        noise = None if self._is_exact(x.shape[1]) else self._noise(x)

        def rate(time: Tensor, state: State) -> State:
            value, divergence, steepness = self._speeds(time, state[0], noise, charged=charged)
            if not charged:
                return value, divergence
            cost = self.kinetic_weight * tf.reduce_sum(tf.square(value), axis=1)
            return value, divergence, cost + self.jacobian_weight * steepness

        zeros = tf.zeros_like(x[:, 0])
        return solver.solve(rate, (x, *[zeros] * (1 + charged)), start=start, end=end)

    def _speeds(
        self, time: Tensor, x: Tensor, noise: Tensor | None, *, charged: bool
    ) -> tuple[Tensor, Tensor, Tensor | float]:
        """Return the velocity, its divergence and the squared norm of its Jacobian, if charged."""
        if noise is not None:
            value, product = self.field.value_and_product(time, x, noise)
            steepness = tf.reduce_sum(tf.square(product), axis=1)
            return value, tf.reduce_sum(noise * product, axis=1), steepness
        if charged and self.jacobian_weight:
            value, jacobian = self.field.value_and_jacobian(time, x)
            steepness = tf.reduce_sum(tf.square(jacobian), axis=[1, 2])
            return value, tf.linalg.trace(jacobian), steepness
        return *self.field.value_and_divergence(time, x), 0.0

    def _is_exact(self, size: int) -> bool:
        return self.trace == "exact" or (self.trace == "auto" and size <= _MAX_EXACT_SIZE)

    def _noise(self, x: Tensor) -> Tensor:
        # The seed is taken from the batch: new batches get new noise, the same batch the same.
        bits = tf.bitcast(tf.cast(tf.reduce_sum(x), tf.float32), tf.int32)
        seed = tf.stack([bits, tf.constant(self._seed)])
        normal = tf.random.stateless_normal(tf.shape(x), seed, dtype=x.dtype, alg="philox")
        if self.trace == "gaussian":
            return tf.stop_gradient(normal)
        return tf.stop_gradient(tf.where(normal > 0.0, tf.ones_like(x), -tf.ones_like(x)))


def use_exact_traces(module: tf.Module) -> None:
    """Let every FFJORD layer in a module compute exact divergences, up to D = 128.

    An estimate is as good as the truth while training, but log-dets of one sample that change
    with the batch around it are not what a score or a saved model should tell.
    """
    for part in module.submodules:
        if isinstance(part, FFJORDLayer) and part.field.event_size <= _MAX_EXACT_SIZE_EVALUATED:
            part.trace = "exact"


def ffjord_flow(  # noqa: PLR0913 (the settings of the architecture, all with defaults)
    event_size: int,
    *,
    num_blocks: int = 1,
    hidden_units: Sequence[int] = (64, 64),
    activation: str = "tanh",
    solver: Solver | None = None,
    trace: str = "auto",
    kinetic_weight: float = 0.0,
    jacobian_weight: float = 0.0,
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
        solver: `FixedStepSolver()` by default, whose steps training doubles where the field
            becomes stiff; `AdaptiveSolver()`; or any `Solver`.
        trace: `"exact"` costs D directions, Hutchinson's `"rademacher"` or `"gaussian"` one but
            is noisy; `"auto"` is exact up to D = 16, Rademacher above.
        kinetic_weight: Weight of the regulariser `mean of integral |v|^2 dt`, which training adds
            to the loss: shorter and straighter paths; 0.01 is common.
        jacobian_weight: Weight of `mean of integral |dv/dx|_F^2 dt`: a smoother field.
        dtype: `tf.float32` or `tf.float64`.
        seed: Seed of the fields' start and of the noise.

    Returns:
        Flow on events `[D]`; a `tfb.Bijector` whose variables all exist already.

    Raises:
        ValueError: If a size is below 1, there is no hidden layer, a weight is negative or a name
            is unknown.

    Examples:
        >>> flow = ffjord_flow(2, hidden_units=(8,))
        >>> y, log_det = flow.forward_and_log_det([[1.0, 2.0]])
        >>> y.numpy().tolist(), float(log_det[0])
        ([[1.0, 2.0]], 0.0)

    References:
        [1] Grathwohl et al., FFJORD, ICLR 2019, arXiv:1810.01367.
        [2] Finlay et al., How to Train Your Neural ODE, ICML 2020, arXiv:2002.02798.
    """
    check_positive_int(event_size, "event_size")
    check_positive_int(num_blocks, "num_blocks")
    check_choice(trace, "trace", TRACES)
    if not hidden_units:
        raise ValueError("`hidden_units` must have at least 1 entry; got none.")
    check_positive_ints(hidden_units, "hidden_units")
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
                field,
                solver=solver or FixedStepSolver(),
                trace=trace,
                kinetic_weight=kinetic_weight,
                jacobian_weight=jacobian_weight,
                seed=seed * 1000 + index,
            )
        )
    return Flow(layers, event_shape=[event_size], dtype=dtype, name="ffjord_flow")


@dataclass(frozen=True, kw_only=True)
class FFJORD(FlowSpec):
    """A learned velocity field, followed for a unit of time; see `ffjord_flow`."""

    num_blocks: int = 1
    hidden_units: Sequence[int] = (64, 64)
    activation: str = "tanh"
    solver: Solver | None = None
    trace: str = "auto"
    kinetic_weight: float = 0.0
    jacobian_weight: float = 0.0

    def build(
        self, event_shape: Sequence[int], *, dtype: tf.DType, seed: int, condition_size: int = 0
    ) -> Flow:
        """Return a new flow; see `FlowSpec.build`."""
        self.check(event_shape, condition_size=condition_size)
        return ffjord_flow(math.prod(event_shape), dtype=dtype, seed=seed, **self.settings())
