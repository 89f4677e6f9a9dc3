"""Optimisers and learning-rate schedules as frozen, functional objects.

An optimiser owns no variables: the engine keeps its slots, so that the same code runs inside
one compiled loop, under a `tf.distribute.Strategy` and from a checkpoint.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import tensorflow as tf

from lrmf_tfp._core.typing import Tensor
from lrmf_tfp._validation import check_positive

__all__ = [
    "Adam",
    "ConstantSchedule",
    "CosineSchedule",
    "Optimizer",
    "PolyakSGD",
    "RMSProp",
    "SGD",
    "StepContext",
]


class StepContext(NamedTuple):
    """What an optimiser may look at.

    Attributes:
        step: Scalar int64, counts from 0 the steps of the variables that are moved.
        progress: Scalar float64 in [0, 1), the share of all steps that has passed.
        loss: Scalar, what the gradient is of: the group's loss, with what regularisers charge.
        squared_norm: Scalar, squared norm of the group's gradient before clipping.
        scale: Scalar float64, product of the halvings after recoveries.
        shrink: Scalar in (0, 1], what clipping has multiplied the gradient by.
    """

    step: Tensor
    progress: Tensor
    loss: Tensor
    squared_norm: Tensor
    scale: Tensor
    shrink: Tensor


@dataclass(frozen=True)
class ConstantSchedule:
    """The learning rate stays as it is."""

    def __call__(self, progress: Tensor) -> Tensor:
        """Return the factor at `progress` in [0, 1)."""
        return tf.ones_like(progress)


@dataclass(frozen=True)
class CosineSchedule:
    """Linear warm-up, then half a cosine down to `final` times the learning rate.

    References:
        [1] Loshchilov and Hutter, SGDR, ICLR 2017, arXiv:1608.03983, eq. (5).
    """

    final: float = 0.01
    """Factor at the end, >= 0."""
    warmup: float = 0.02
    """Fraction of the steps over which the factor rises from 0 to 1, in [0, 1)."""

    def __call__(self, progress: Tensor) -> Tensor:
        """Return the factor at `progress` in [0, 1)."""
        rising = (progress + 1e-3 * self.warmup) / max(self.warmup, 1e-12)
        falling = tf.clip_by_value((progress - self.warmup) / (1.0 - self.warmup), 0.0, 1.0)
        decayed = self.final + (1.0 - self.final) * 0.5 * (1.0 + tf.cos(math.pi * falling))
        return tf.minimum(decayed, tf.maximum(rising, 0.0)) if self.warmup else decayed


Schedule = ConstantSchedule | CosineSchedule


class Optimizer(Protocol):
    """A functional optimiser of one vector of weights `[P]`; it keeps `num_slots` vectors."""

    num_slots: int

    def rate(self, context: StepContext) -> Tensor:
        """Return the step size, for the log."""

    def update(
        self, gradient: Tensor, slots: Sequence[Tensor], context: StepContext
    ) -> tuple[Tensor, list[Tensor]]:
        """Return the change of the weights `[P]` and the new slots."""


class _Scheduled:
    """What optimisers with a learning rate and a schedule share."""

    learning_rate: float
    schedule: Schedule

    def __post_init__(self) -> None:
        check_positive(self.learning_rate, "learning_rate")

    def rate(self, context: StepContext) -> Tensor:
        """Return the scheduled learning rate."""
        return self.learning_rate * self.schedule(context.progress) * context.scale


@dataclass(frozen=True)
class Adam(_Scheduled):
    """Adam with bias correction.

    References:
        [1] Kingma and Ba, Adam, ICLR 2015, arXiv:1412.6980, algorithm 1.
    """

    learning_rate: float = 1e-3
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    schedule: Schedule = field(default_factory=CosineSchedule)
    num_slots = 2

    def update(
        self, gradient: Tensor, slots: Sequence[Tensor], context: StepContext
    ) -> tuple[Tensor, list[Tensor]]:
        """Return the change of the weights `[P]` and the new first and second moments."""
        time = tf.cast(context.step + 1, tf.float64)
        first_correction = 1.0 - tf.constant(self.beta_1, tf.float64) ** time
        second_correction = 1.0 - tf.constant(self.beta_2, tf.float64) ** time
        dtype = gradient.dtype
        first = self.beta_1 * slots[0] + (1.0 - self.beta_1) * gradient
        second = self.beta_2 * slots[1] + (1.0 - self.beta_2) * tf.square(gradient)
        rate = tf.cast(self.rate(context) / first_correction, dtype)
        spread = tf.sqrt(second / tf.cast(second_correction, dtype)) + self.epsilon
        return -rate * first / spread, [first, second]


@dataclass(frozen=True)
class SGD(_Scheduled):
    """Stochastic gradient descent with optional heavy-ball momentum."""

    learning_rate: float = 1e-2
    momentum: float = 0.0
    schedule: Schedule = field(default_factory=CosineSchedule)
    num_slots = 1

    def update(
        self, gradient: Tensor, slots: Sequence[Tensor], context: StepContext
    ) -> tuple[Tensor, list[Tensor]]:
        """Return the change of the weights `[P]` and the new velocity."""
        rate = tf.cast(self.rate(context), gradient.dtype)
        velocity = self.momentum * slots[0] - rate * gradient
        return velocity, [velocity]


@dataclass(frozen=True)
class RMSProp(_Scheduled):
    """Gradients divided by the root of their mean square, without momentum.

    References:
        [1] Tieleman and Hinton, Lecture 6.5: RMSProp, Neural Networks for Machine Learning, 2012.
    """

    learning_rate: float = 1e-3
    decay: float = 0.9
    epsilon: float = 1e-8
    schedule: Schedule = field(default_factory=CosineSchedule)
    num_slots = 1

    def update(
        self, gradient: Tensor, slots: Sequence[Tensor], context: StepContext
    ) -> tuple[Tensor, list[Tensor]]:
        """Return the change of the weights `[P]` and the new mean square."""
        square = self.decay * slots[0] + (1.0 - self.decay) * tf.square(gradient)
        rate = tf.cast(self.rate(context), gradient.dtype)
        return -rate * gradient / (tf.sqrt(square) + self.epsilon), [square]


@dataclass(frozen=True)
class PolyakSGD:
    """Gradient descent whose step size follows from a known lower bound of the loss.

    `rate = min((loss - lower_bound) / (c * norm**2), max_rate)`, with the loss and the gradient
    of the batch. The nearer the bound, the shorter the step; at or below it the weights stay.
    There is no schedule, and clipping plays no part: the rule has the norm in it already, so
    that no step is longer than `sqrt(max_rate * (loss - lower_bound) / c)`.

    The bound must hold for everything that is fitted with this optimiser. That of LRMF's joint
    stage is 0, but the negative log-likelihoods of its private fits are bounded by nothing, and
    may be below 0 from the start: fit these with another one.

    Raises:
        ValueError: If `lower_bound` is not finite, or `c` or `max_rate` not positive.

    Examples:
        >>> PolyakSGD(max_rate=0.1).lower_bound
        0.0

    References:
        [1] Loizou, Vaswani, Laradji, Lacoste-Julien, Stochastic Polyak Step-Size for SGD, AISTATS
            2021, arXiv:2002.10542, SPS_max in section 3.
    """

    lower_bound: float = 0.0
    """What no batch's loss can be below."""
    c: float = 0.5
    """Divisor, > 0; 0.5 is the best for convex losses, more is more careful."""
    max_rate: float = 1.0
    """Largest step size, > 0."""
    num_slots = 0

    def __post_init__(self) -> None:
        if not math.isfinite(self.lower_bound):
            raise ValueError(f"`lower_bound` must be finite; got {self.lower_bound}.")
        check_positive(self.c, "c")
        check_positive(self.max_rate, "max_rate")

    def rate(self, context: StepContext) -> Tensor:
        """Return the step size on the gradient before clipping."""
        gap = tf.nn.relu(tf.cast(context.loss, tf.float64) - self.lower_bound)
        divisor = tf.maximum(self.c * context.squared_norm, gap / self.max_rate)
        return context.scale * tf.math.divide_no_nan(gap, divisor)

    def update(
        self, gradient: Tensor, slots: Sequence[Tensor], context: StepContext
    ) -> tuple[Tensor, list[Tensor]]:
        """Return the change of the weights `[P]`; there are no slots."""
        del slots
        rate = self.rate(context) / context.shrink
        return -tf.cast(rate, gradient.dtype) * gradient, []
