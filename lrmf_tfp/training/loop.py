"""The compiled loop: many optimiser steps in one call, any number of variable groups.

Variables and slots are changed inside one `tf.while_loop`; under `jit_compile` XLA carries them
through the loop, so that Python and the runtime stay off the hot path. The optimiser sees the
weights of a group as one vector. A step whose terms or gradients are not finite changes nothing
and ends the loop, and the caller learns which term broke.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import tensorflow as tf

from lrmf_tfp._core.graph import as_graph
from lrmf_tfp._core.typing import Tensor
from lrmf_tfp.objectives.base import Objective, VariableGroup
from lrmf_tfp.ode.solves import noted_solves, penalty_of
from lrmf_tfp.optimizers import StepContext
from lrmf_tfp.samples.batch import Batch, as_batch, map_parts
from lrmf_tfp.training.config import FitConfig
from lrmf_tfp.training.distribution import Distribution, OneDevice

__all__ = ["CompiledLoop", "LoopOutcome"]

_ROOM = 32
"""The most quantities that a step can record."""


class LoopOutcome(NamedTuple):
    """What one compiled call did."""

    num_good: Tensor
    """Scalar int64, finite steps taken."""
    finite: Tensor
    """Scalar bool, False if the loop ended at a step that was not finite."""
    sums: Tensor
    """`[K]` float64, sums of the recorded quantities over the finite steps."""
    last: Tensor
    """`[K]` float64, the recorded quantities of the last step tried."""


class CompiledLoop:
    """Optimiser steps on an objective, compiled once for each signature of the batches.

    Attributes:
        groups: The variable groups.
        slots: Optimiser slots, one list of lists a group.
        averages: Exponential moving averages of the weights, one list a group.
        scale: Variable, factor on every learning rate; halved after a recovery.
        names: Names of the recorded quantities, known after the first trace.
        num_traces: How often the loop was traced.
    """

    def __init__(
        self, objective: Objective, config: FitConfig, *, distribution: Distribution | None = None
    ) -> None:
        self._distribution = distribution or OneDevice()
        self._objective = objective
        self._config = config
        self.groups = objective.groups()
        if not any(group.variables for group in self.groups):
            raise ValueError("`objective` must have trainable variables; got none.")
        self._optimizers = [config.optimizer_for(group) for group in self.groups]
        with self._distribution.scope():
            self.scale = tf.Variable(1.0, trainable=False, dtype=tf.float64, name="scale")
            self.averages = [_vector(group) for group in self.groups]
            self.slots = [
                [_vector(group) for _ in range(optimizer.num_slots)]
                for group, optimizer in zip(self.groups, self._optimizers, strict=True)
            ]
        self._swap = as_graph(self._swap_averages)
        self.names: list[str] = []
        self.num_traces = 0
        single = self._distribution.num_replicas == 1
        compiled = config.jit_compile and objective.jit_compatible and single
        self._compiled = as_graph(self._loop, jit_compile=compiled)

    def run(
        self, batches: tuple[Tensor | Batch, ...], *, step: int, num_steps: int, seed: int = 0
    ) -> LoopOutcome:
        """Take `num_steps` steps from number `step` on, with batches `[K, B, ...]`."""
        tensors = tuple(map_parts(tf.convert_to_tensor, as_batch(batch)) for batch in batches)
        counts = (tf.constant(value, tf.int64) for value in (step, num_steps, seed))
        return self._compiled(tensors, *counts)

    def reset(self) -> None:
        """Empty the optimisers' slots and start the averages from the present weights."""
        for group_slots in self.slots:
            for slot in group_slots:
                slot.assign(tf.zeros_like(slot))
        for group, average in zip(self.groups, self.averages, strict=True):
            average.assign(_flatten(group.variables, average.dtype))

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Hold the averaged weights in the objective for the time of the block."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def _swap_averages(self) -> None:
        for group, average in zip(self.groups, self.averages, strict=True):
            weights = _flatten(group.variables, average.dtype)
            self._assign_weights(group, average.value())
            self._distribution.assign(average, weights)

    def _loop(
        self, data: tuple[Batch, ...], first: Tensor, num_steps: Tensor, seed: Tensor
    ) -> LoopOutcome:
        self.num_traces += 1
        zeros = tf.zeros([_ROOM], tf.float64)
        index, finite, sums, last = tf.while_loop(
            lambda index, finite, *_: tf.logical_and(index < num_steps, finite),
            functools.partial(self._step, data, first, seed),
            [tf.constant(0, tf.int64), num_steps >= 0, zeros, zeros],
            maximum_iterations=self._config.steps_per_call,
        )
        num_good, size = tf.where(finite, index, index - 1), len(self.names)
        return LoopOutcome(num_good, finite, sums[:size], last[:size])

    def _step(  # noqa: PLR0913 (what is fixed in a call, then what the loop carries)
        self,
        data: tuple[Batch, ...],
        first: Tensor,
        seed: Tensor,
        index: Tensor,
        finite: Tensor,
        sums: Tensor,
        last: Tensor,
    ) -> list[Tensor]:
        """Take one step; record the terms, learning rates and gradient norms."""
        del finite, last
        step = first + index
        terms, penalties, gradients = self._distribution.mean(
            functools.partial(_differentiate, self._objective, self.groups, seed=_at(seed, step)),
            [_row(domain, index) for domain in data],
        )
        norms = [_global_norm(group) for group in gradients]
        values, rates = _as_float64([*terms, *penalties]), []
        good = tf.reduce_all(tf.math.is_finite(tf.stack([*values, *norms])))
        for number, (group, optimizer) in enumerate(
            zip(self.groups, self._optimizers, strict=True)
        ):
            loss = tf.add_n(_as_float64([getattr(terms, group.loss), *penalties]))
            context = self._context(group, step, loss, norms[number])
            gradient = _flatten(gradients[number], self.averages[number].dtype)
            before = [slot.value() for slot in self.slots[number]]
            change, after = optimizer.update(
                gradient * tf.cast(context.shrink, gradient.dtype), before, context
            )
            apply = tf.logical_and(good, group.moves(step))
            self._commit(number, change, (before, after), apply=apply, count=context.step)
            rates.append(optimizer.rate(context))
        self.names = self._names_of(terms._fields, num_penalties=len(penalties))
        record = _padded([*values, *_as_float64(rates), *norms])
        finite = tf.reduce_all(tf.math.is_finite(record))
        return [index + 1, finite, sums + tf.where(finite, record, tf.zeros_like(record)), record]

    def _context(
        self, group: VariableGroup, step: Tensor, loss: Tensor, norm: Tensor
    ) -> StepContext:
        progress = tf.cast(step, tf.float64) / self._config.num_steps
        limit = tf.constant(self._config.clip_norm, tf.float64)
        shrink = limit / tf.maximum(norm, limit)
        count = group.num_moves(step)
        return StepContext(count, progress, loss, tf.square(norm), self.scale.value(), shrink)

    def _commit(
        self,
        number: int,
        change: Tensor,
        slots: tuple[Sequence[Tensor], Sequence[Tensor]],
        *,
        apply: Tensor,
        count: Tensor,
    ) -> None:
        """Move a group's weights, their average and the slots, if the step is to be applied."""
        group, average = self.groups[number], self.averages[number]
        if not group.variables:
            return
        old, mean = _flatten(group.variables, average.dtype), average.value()
        new = old + change
        keep = tf.cast(self._average_weight(count), new.dtype)
        self._assign_weights(group, tf.where(apply, new, old))
        self._distribution.assign(average, tf.where(apply, new + keep * (mean - new), mean))
        for slot, before, after in zip(self.slots[number], *slots, strict=True):
            self._distribution.assign(slot, tf.where(apply, after, before))

    def _assign_weights(self, group: VariableGroup, weights: Tensor) -> None:
        if not group.variables:
            return
        sizes = [variable.shape.num_elements() for variable in group.variables]
        for variable, part in zip(group.variables, tf.split(weights, sizes), strict=True):
            self._distribution.assign(
                variable, tf.cast(tf.reshape(part, variable.shape), variable.dtype)
            )

    def _average_weight(self, step: Tensor) -> Tensor:
        """Return the weight of the old average; it grows, so that the start is forgotten."""
        count = tf.cast(step, tf.float64)
        return tf.minimum(
            (1.0 + count) / (10.0 + count), tf.constant(self._config.average_decay, tf.float64)
        )

    def _names_of(self, terms: Sequence[str], *, num_penalties: int) -> list[str]:
        """Return the names of what a step records."""
        suffixes = [f"_{group.name}" if len(self.groups) > 1 else "" for group in self.groups]
        return [
            *terms,
            *["penalty"] * num_penalties,
            *(f"learning_rate{suffix}" for suffix in suffixes),
            *(f"gradient_norm{suffix}" for suffix in suffixes),
        ]


def _differentiate(
    objective: Objective, groups: Sequence[VariableGroup], *batches: Batch, seed: Tensor
) -> tuple[Any, list[Tensor], list[list[Tensor]]]:
    """Return the terms, what the flows' regularisers charge if any do, and the gradients."""
    with tf.GradientTape(persistent=len(groups) > 1) as tape, noted_solves() as solves:
        terms = objective(*(batch.bare() for batch in batches), seed=seed)
        penalty = penalty_of(solves)
        losses = [getattr(terms, group.loss) for group in groups]
        if penalty is not None:
            losses = [loss + tf.cast(penalty, loss.dtype) for loss in losses]
    gradients = [
        tape.gradient(
            loss, list(group.variables), unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        for loss, group in zip(losses, groups, strict=True)
    ]
    return terms, [] if penalty is None else [penalty], gradients


def _padded(values: Sequence[Tensor]) -> Tensor:
    """Return the values as a vector with room for as many as any objective has.

    How many there are is known once a step has been traced, and the loop wants to know it before.
    Asking the objective first would trace it twice, a third of what its compilation costs.
    """
    if len(values) > _ROOM:
        raise ValueError(f"`objective` must have at most {_ROOM} terms; got {len(values)}.")
    return tf.pad(tf.stack(values), [[0, _ROOM - len(values)]])


def _at(seed: Tensor, step: Tensor) -> Tensor:
    """Return the stateless seed `[2]` of a step."""
    return tf.stack([seed, step])


def _row(domain: Batch, index: Tensor) -> Batch:
    """Return one batch of the K of a domain; a domain that is used whole has only one."""
    return map_parts(
        lambda part: part[0] if part.shape[0] == 1 else tf.gather(part, index), domain
    )


def _global_norm(gradients: Sequence[Tensor]) -> Tensor:
    squares = [tf.cast(tf.reduce_sum(tf.square(g)), tf.float64) for g in gradients]
    return tf.sqrt(tf.add_n(squares)) if squares else tf.zeros([], tf.float64)


def _as_float64(values: Sequence[Tensor]) -> list[Tensor]:
    return [tf.cast(value, tf.float64) for value in values]


def _vector(group: VariableGroup) -> tf.Variable:
    """Return a vector of zeros as long as the group's weights, in their widest dtype."""
    dtypes = {variable.dtype for variable in group.variables}
    size = sum(variable.shape.num_elements() for variable in group.variables)
    dtype = max(dtypes, key=lambda each: each.size, default=tf.float32)
    return tf.Variable(tf.zeros([size], dtype), trainable=False)


def _flatten(values: Sequence[Any], dtype: tf.DType) -> Tensor:
    """Return tensors or variables as one vector."""
    parts = [tf.cast(tf.reshape(value, [-1]), dtype) for value in values]
    return tf.concat(parts, axis=0) if parts else tf.zeros([0], dtype)
