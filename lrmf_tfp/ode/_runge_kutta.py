"""Explicit Runge-Kutta methods, and how steps are walked and differentiated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from lrmf_tfp._core.typing import Tensor

__all__ = [
    "DORMAND_PRINCE_ERROR",
    "Rate",
    "State",
    "TABLEAUS",
    "Tableau",
    "Walk",
    "adjoint",
    "empty_arrays",
    "moved",
    "plain",
    "recomputed",
    "recomputing_gradient",
    "stages",
    "step",
]

State = tuple[Tensor, ...]
"""What is integrated."""

Rate = Callable[[Tensor, State], State]
"""From time, a scalar, and state to the state's derivative."""


class Tableau(NamedTuple):
    """An explicit Runge-Kutta method: stage `i` is at `t + nodes[i] h`."""

    nodes: Sequence[float]
    rows: Sequence[Sequence[float]]
    """Shares of the earlier stages' rates in each stage's state."""
    weights: Sequence[float]
    """Shares of the stages' rates in the step."""


TABLEAUS = {
    "rk4": Tableau(
        nodes=(0.0, 1 / 2, 1 / 2, 1.0),
        rows=((), (1 / 2,), (0.0, 1 / 2), (0.0, 0.0, 1.0)),
        weights=(1 / 6, 1 / 3, 1 / 3, 1 / 6),
    ),
    "dormand_prince": Tableau(
        nodes=(0.0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0),
        rows=(
            (),
            (1 / 5,),
            (3 / 40, 9 / 40),
            (44 / 45, -56 / 15, 32 / 9),
            (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
            (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
        ),
        weights=(35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
    ),
}
"""The methods by name, of order 4 with 4 stages and of order 5 with 6."""

DORMAND_PRINCE_ERROR = (
    71 / 57600,
    0.0,
    -71 / 16695,
    71 / 1920,
    -17253 / 339200,
    22 / 525,
    -1 / 40,
)
"""Shares of the stages' rates, and of the rate after the step, in the error of the step."""


def stages(
    tableau: Tableau,
    rate: Rate,
    time: Tensor,
    state: State,
    *,
    length: Tensor,
    first: State | None = None,
) -> list[State]:
    """Return the rates of all stages of a step of `length`; the `first` may be known."""
    rates = [rate(time, state) if first is None else first]
    for node, row in zip(tableau.nodes[1:], tableau.rows[1:], strict=True):
        rates.append(rate(time + node * length, moved(state, rates, row, length=length)))
    return rates


def moved(
    state: State, rates: Sequence[State], shares: Sequence[float], *, length: Tensor
) -> State:
    """Return `state + length * sum(share * rate)`."""
    after = list(state)
    for share, rate in zip(shares, rates, strict=True):
        if share:
            after = [z + (length * share) * dz for z, dz in zip(after, rate, strict=True)]
    return tuple(after)


def step(tableau: Tableau, rate: Rate, time: Tensor, state: State, *, length: Tensor) -> State:
    """Return the state one step of `length` later."""
    rates = stages(tableau, rate, time, state, length=length)
    return moved(state, rates, tableau.weights, length=length)


class Walk(NamedTuple):
    """Steps taken one after the other.

    Attributes:
        step: From a step's number and the state before it to the state after it.
        num_steps: Number of steps, an int or a scalar integer tensor.
        max_steps: Bound of `num_steps` known before the graph is run.
    """

    step: Callable[[Tensor, State], State]
    num_steps: int | Tensor
    max_steps: int

    def size(self) -> Tensor:
        """Return the number of steps, int32."""
        return tf.cast(self.num_steps, tf.int32)


def plain(walk: Walk, state: State) -> State:
    """Return the state after all steps; differentiated by TensorFlow."""
    count = walk.size()

    def body(index: Tensor, *now: Tensor) -> tuple[Tensor, ...]:
        return (index + 1, *walk.step(index, now))

    _, *ended = tf.while_loop(
        lambda index, *_: index < count,
        body,
        (tf.constant(0), *state),
        maximum_iterations=walk.max_steps,
    )
    return tuple(ended)


def recomputed(walk: Walk, state: State) -> State:
    """Return the same; the gradient goes back step by step from the states that were kept."""

    @tf.custom_gradient
    def run(*state: Tensor) -> tuple[State, Callable[..., Any]]:
        ended, kept = _walk_keeping(walk, state)
        return ended, recomputing_gradient(walk, kept)

    return run(*state)


def recomputing_gradient(walk: Walk, kept: Sequence[Tensor]) -> Callable[..., Any]:
    """Return the gradient of a walk for `tf.custom_gradient`.

    Args:
        walk: The steps, which are taken again.
        kept: The states before each step, `[max_steps, ...]`.
    """

    def gradient(*upstream: Tensor, variables: Sequence[tf.Variable] = ()) -> Any:
        slopes, totals = _walk_back(walk, kept, upstream, variables)
        return (slopes, totals) if variables else slopes

    return gradient


def _walk_keeping(walk: Walk, state: State) -> tuple[State, list[Tensor]]:
    """Return the state after all steps, and the states before each, `[max_steps, ...]`."""
    count = walk.size()
    size = int(count) if tf.executing_eagerly() else walk.max_steps

    def body(index: Tensor, arrays: Any, now: State) -> tuple[Any, ...]:
        arrays = [array.write(index, z) for array, z in zip(arrays, now, strict=True)]
        return index + 1, arrays, walk.step(index, now)

    _, arrays, ended = tf.while_loop(
        lambda index, *_: index < count,
        body,
        (tf.constant(0), empty_arrays(state, size), tuple(state)),
        maximum_iterations=walk.max_steps,
    )
    return tuple(ended), [array.stack() for array in arrays]


def empty_arrays(state: State, size: int) -> list[Any]:
    """Return a TensorArray for each part of a state; stacked, what is not written is 0."""
    return [tf.TensorArray(z.dtype, size=size, element_shape=z.shape) for z in state]


def _walk_back(
    walk: Walk,
    kept: Sequence[Tensor],
    upstream: Sequence[Tensor],
    variables: Sequence[tf.Variable],
) -> tuple[list[Tensor], list[Tensor]]:
    """Return the gradients in the first state and in the variables."""

    def body(index: Tensor, slopes: Any, totals: Any) -> tuple[Any, ...]:
        now = [states[index] for states in kept]
        found = _vector_product(lambda *z: walk.step(index, z), now, slopes, variables)
        totals = [a + b for a, b in zip(totals, found[len(now) :], strict=True)]
        return index - 1, found[: len(now)], totals

    _, slopes, totals = tf.while_loop(
        lambda index, *_: index >= 0,
        body,
        (walk.size() - 1, list(upstream), [tf.zeros_like(v) for v in variables]),
        maximum_iterations=walk.max_steps,
    )
    return list(slopes), list(totals)


def adjoint(
    integrate: Callable[..., State], rate: Rate, state: State, *, start: float, end: float
) -> State:
    """Return `integrate(rate, state, start=, end=)` with gradients by the adjoint equation.

    Nothing is kept on the way: state and gradients are integrated back together, and agree with
    those of the steps as far as the solver is exact.
    """

    @tf.custom_gradient
    def run(*state: Tensor) -> tuple[State, Callable[..., Any]]:
        ended = integrate(rate, state, start=start, end=end)

        def gradient(*upstream: Tensor, variables: Sequence[tf.Variable] = ()) -> Any:
            size = len(ended)

            def rate_back(time: Tensor, augmented: State) -> State:
                now, slopes = augmented[:size], augmented[size : 2 * size]
                speeds: list[State] = []

                def forward(*z: Tensor) -> State:
                    speeds.append(rate(time, z))
                    return speeds[-1]

                found = _vector_product(forward, now, slopes, variables)
                return (*speeds[-1], *(-part for part in found))

            zeros = [tf.zeros_like(v) for v in variables]
            first = (*ended, *upstream, *zeros)
            back = integrate(rate_back, first, start=end, end=start, controlled=2 * size)
            slopes, totals = list(back[size : 2 * size]), list(back[2 * size :])
            return (slopes, totals) if variables else slopes

        return ended, gradient

    return run(*state)


def _vector_product(
    function: Callable[..., State],
    now: Sequence[Tensor],
    slopes: Sequence[Tensor],
    variables: Sequence[tf.Variable],
) -> list[Tensor]:
    """Return `slopes` times the Jacobian of `function(*now)` in `now` and in the variables."""
    with tf.GradientTape() as tape:
        tape.watch(now)
        after = function(*now)
    return tape.gradient(
        after,
        [*now, *variables],
        output_gradients=list(slopes),
        unconnected_gradients=tf.UnconnectedGradients.ZERO,
    )
