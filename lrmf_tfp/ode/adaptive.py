"""A solver whose steps are as long as tolerances allow."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from lrmf_tfp._core.typing import Tensor
from lrmf_tfp._validation import check_choice, check_positive, check_positive_int
from lrmf_tfp.ode import _runge_kutta as rk
from lrmf_tfp.ode._runge_kutta import Rate, State
from lrmf_tfp.ode.solvers import GRADIENTS, broke

__all__ = ["AdaptiveSolver"]

_TABLEAU = rk.TABLEAUS["dormand_prince"]
_SAFETY, _SHRINK_MOST, _GROW_MOST = 0.9, 0.2, 5.0


class _Adapting(NamedTuple):
    """Where an adaptive solve stands."""

    time: Tensor
    length: Tensor
    """Of the next step, signed."""
    state: State
    rate: State
    """At time and state."""
    num_taken: Tensor
    num_tried: Tensor
    kept: Any
    """Arrays of the accepted steps' times, lengths and states before them; maybe empty."""


@dataclass(frozen=True)
class AdaptiveSolver:
    """Dormand and Prince's pair of orders 5 and 4, with steps as long as tolerances allow.

    The error of every component of every sample is held below `atol + rtol |z|` in each step;
    all samples of a batch share the steps. For fields that are stiff in places, and to check
    a `FixedStepSolver`; on a smooth field fixed steps cost less.

    Attributes:
        rtol: Relative tolerance.
        atol: Absolute tolerance.
        gradient: Name in `GRADIENTS`; the lengths of the steps count as constants.
        max_steps: Most steps that are tried. Where they do not suffice, the state becomes NaN
            inside a `tf.function`, and is an error outside.

    Raises:
        ValueError: If a tolerance is not positive, `max_steps` below 1 or the name unknown.

    Examples:
        >>> solver = AdaptiveSolver(rtol=1e-6, atol=1e-6)
        >>> (e,) = solver.solve(lambda t, z: z, (tf.ones([]),), start=0.0, end=1.0)
        >>> print(f"{e:.4f}")
        2.7183

    References:
        [1] Hairer, Norsett, Wanner, Solving Ordinary Differential Equations I, 1993, section
            II.4 and table II.5.2.
    """

    rtol: float = 1e-5
    atol: float = 1e-5
    gradient: str = "recomputed"
    max_steps: int = 1000

    def __post_init__(self) -> None:
        """Check the settings."""
        check_positive(self.rtol, "rtol")
        check_positive(self.atol, "atol")
        check_choice(self.gradient, "gradient", GRADIENTS)
        check_positive_int(self.max_steps, "max_steps")

    def solve(self, rate: Rate, state: State, *, start: float, end: float) -> State:
        """Return the state at time `end`, given that at time `start`.

        Raises:
            FloatingPointError: Outside of a `tf.function`, if the state does not stay finite or
                the steps do not suffice; names time and step.
        """
        ways: dict[str, Callable[..., State]] = {
            "adjoint": functools.partial(rk.adjoint, self._integrate),
            "plain": self._integrate,
            "recomputed": self._recomputed,
        }
        ended = ways[self.gradient](rate, state, start=start, end=end)
        if broke(state, ended):
            reached = self._adapt(rate, state, start=start, end=end)
            raise FloatingPointError(
                f"`x` must reach time {end:.4g} in a finite state within {self.max_steps} steps; "
                f"got to time {float(reached.time):.4g} in {int(reached.num_tried)} steps."
            )
        return ended

    def finer(self) -> AdaptiveSolver:
        """Return the solver with tolerances a tenth as large."""
        return dataclasses.replace(
            self, rtol=self.rtol / 10, atol=self.atol / 10, max_steps=2 * self.max_steps
        )

    def num_steps(self, rate: Rate, state: State, *, start: float, end: float) -> Tensor:
        """Return how many steps are tried, a scalar."""
        return self._adapt(rate, state, start=start, end=end).num_tried

    def _integrate(
        self, rate: Rate, state: State, *, start: float, end: float, controlled: int | None = None
    ) -> State:
        ended = self._adapt(rate, state, start=start, end=end, controlled=controlled)
        return _or_nan(ended, end)

    def _recomputed(self, rate: Rate, state: State, *, start: float, end: float) -> State:
        @tf.custom_gradient
        def run(*state: Tensor) -> tuple[State, Callable[..., Any]]:
            clock = tf.constant(start, state[0].dtype)
            arrays = rk.empty_arrays((clock, clock, *state), self.max_steps)
            ended = self._adapt(rate, state, start=start, end=end, kept=tuple(arrays))
            times, lengths, *states = (array.stack() for array in ended.kept)

            def step(index: Tensor, now: State) -> State:
                return rk.step(_TABLEAU, rate, times[index], now, length=lengths[index])

            walk = rk.Walk(step, ended.num_taken, self.max_steps)
            return _or_nan(ended, end), rk.recomputing_gradient(walk, states)

        return run(*state)

    def _adapt(
        self,
        rate: Rate,
        state: State,
        *,
        start: float,
        end: float,
        controlled: int | None = None,
        kept: tuple[Any, ...] = (),
    ) -> _Adapting:
        """Step from start to end; of the state, the first `controlled` parts are judged."""
        time = tf.constant(start, state[0].dtype)
        rates = rate(time, tuple(state))
        scales = [self.atol + self.rtol * tf.abs(z) for z in state[:controlled]]
        length = _first_length(rate, time, tuple(state), rates, scales=scales, span=end - start)
        shortest = 4.0 * float(np.finfo(time.dtype.as_numpy_dtype).eps) * abs(end - start)

        def judge(before: State, after: State, errors: State) -> Tensor:
            sizes = [tf.maximum(tf.abs(a), tf.abs(b)) for a, b in zip(before, after, strict=True)]
            return _largest(
                tf.abs(error) / (self.atol + self.rtol * size)
                for error, size in zip(errors[:controlled], sizes, strict=False)
            )

        (ended,) = tf.while_loop(
            lambda now: tf.logical_and(now.time != end, tf.abs(now.length) >= shortest),
            lambda now: (_try_step(rate, now, end=end, judge=judge),),
            (_Adapting(time, length, tuple(state), rates, tf.constant(0), tf.constant(0), kept),),
            maximum_iterations=self.max_steps,
        )
        return ended


def _try_step(
    rate: Rate, now: _Adapting, *, end: float, judge: Callable[..., Tensor]
) -> _Adapting:
    """Take a step if its error is within the tolerances, and choose the next length."""
    last = tf.abs(now.length) >= tf.abs(end - now.time)
    length = tf.where(last, end - now.time, now.length)
    rates = rk.stages(_TABLEAU, rate, now.time, now.state, length=length, first=now.rate)
    after = rk.moved(now.state, rates, _TABLEAU.weights, length=length)
    time = tf.where(last, tf.cast(end, length.dtype), now.time + length)
    rates.append(rate(time, after))
    zeros = tuple(tf.zeros_like(z) for z in after)
    errors = rk.moved(zeros, rates, rk.DORMAND_PRINCE_ERROR, length=length)
    ratio = tf.stop_gradient(judge(now.state, after, errors))
    taken = ratio <= 1.0  # never where it is NaN
    change = tf.clip_by_value(_SAFETY * ratio**-0.2, _SHRINK_MOST, _GROW_MOST)
    change = tf.where(tf.math.is_finite(ratio), change, tf.constant(_SHRINK_MOST, ratio.dtype))
    kept = tuple(
        array.write(now.num_taken, part)  # a step that is not taken is written over
        for array, part in zip(now.kept, (now.time, length, *now.state), strict=bool(now.kept))
    )
    return _Adapting(
        tf.where(taken, time, now.time),
        tf.stop_gradient(length * change),
        tuple(tf.where(taken, a, b) for a, b in zip(after, now.state, strict=True)),
        tuple(tf.where(taken, a, b) for a, b in zip(rates[-1], now.rate, strict=True)),
        now.num_taken + tf.cast(taken, tf.int32),
        now.num_tried + 1,
        kept,
    )


def _first_length(
    rate: Rate, time: Tensor, state: State, rates: State, *, scales: Sequence[Tensor], span: float
) -> Tensor:
    """Return the signed length to try first, algorithm of [1], p. 169, for order 5.

    Where nothing moves yet, that is all of the span: a step that proves too long is repeated.
    """
    place = _largest(tf.abs(z) / scale for z, scale in zip(state, scales, strict=False))
    speed = _largest(tf.abs(dz) / scale for dz, scale in zip(rates, scales, strict=False))
    whole = tf.constant(abs(span), place.dtype)
    guess = tf.where(speed < 1e-10, whole, 0.01 * tf.maximum(place, 1e-4) / (speed + 1e-30))
    short = tf.minimum(guess, whole)
    sign = 1.0 if span > 0 else -1.0
    trial = rk.moved(state, [rates], [1.0], length=sign * short)
    bent = rate(time + sign * short, trial)
    bend = _largest(
        tf.abs(a - b) / (scale * short) for a, b, scale in zip(bent, rates, scales, strict=False)
    )
    steepest = tf.maximum(speed, bend)
    fit = tf.where(steepest < 1e-10, whole, (0.01 / (steepest + 1e-30)) ** 0.2)
    return tf.stop_gradient(sign * tf.minimum(tf.minimum(100.0 * short, fit), whole))


def _largest(parts: Iterable[Tensor]) -> Tensor:
    return tf.reduce_max(tf.stack([tf.reduce_max(part) for part in parts]))


def _or_nan(ended: _Adapting, end: float) -> State:
    """Return the state, NaN where it is not that at the end."""
    there = tf.equal(ended.time, tf.cast(end, ended.time.dtype))
    return tuple(tf.where(there, z, tf.constant(float("nan"), z.dtype)) for z in ended.state)
