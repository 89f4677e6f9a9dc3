"""The compiled loop: many optimiser steps in one call, any number of variable groups (level 4).

Variables and slots are changed inside one `tf.while_loop`; under `jit_compile` XLA carries them
through the loop, so that Python and the runtime stay off the hot path. The optimiser sees the
weights of a group as one vector. A step whose terms or gradients are not finite changes nothing
and ends the loop, and the caller learns which term broke.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import tensorflow as tf

from lrmf_tfp._core.typing import Tensor
from lrmf_tfp.objectives.base import Objective, VariableGroup
from lrmf_tfp.ode.solves import noted_solves, penalty_of
from lrmf_tfp.optimizers import StepContext
from lrmf_tfp.training.config import FitConfig

__all__ = ["CompiledLoop", "LoopOutcome"]


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
        self, objective: Objective, config: FitConfig, *, strategy: Any | None = None
    ) -> None:
        self._strategy = strategy or tf.distribute.get_strategy()
        self._num_replicas = self._strategy.num_replicas_in_sync
        self._objective = objective
        self._config = config
        self.groups = objective.groups()
        if not any(group.variables for group in self.groups):
            raise ValueError("`objective` must have trainable variables; got none.")
        self._optimizers = [config.optimizer_for(group) for group in self.groups]
        with self._strategy.scope():
            self.scale = tf.Variable(1.0, trainable=False, dtype=tf.float64, name="scale")
            self.averages = [_vector(group) for group in self.groups]
            self.slots = [
                [_vector(group) for _ in range(optimizer.num_slots)]
                for group, optimizer in zip(self.groups, self._optimizers, strict=True)
            ]
        self._swap = tf.function(self._swap_averages, autograph=False)
        self.names: list[str] = []
        self.num_traces = 0
        compiled = config.jit_compile and objective.jit_compatible and self._num_replicas == 1
        self._compiled = tf.function(self._loop, autograph=False, jit_compile=compiled)

    def run(self, batches: tuple[Tensor, ...], *, step: int, num_steps: int) -> LoopOutcome:
        """Take `num_steps` steps from number `step` on, with batches `[K, B, ...]`."""
        tensors = tf.nest.map_structure(tf.convert_to_tensor, tuple(batches))
        return self._compiled(
            tensors, tf.constant(step, tf.int64), tf.constant(num_steps, tf.int64)
        )

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
            self._assign(average, weights)

    def _loop(self, data: tuple[Tensor, ...], first: Tensor, num_steps: Tensor) -> LoopOutcome:
        self.num_traces += 1
        self._check_batches(data)
        self.names = self._record_names(data)
        zeros = tf.zeros([len(self.names)], tf.float64)

        def body(index: Tensor, finite: Tensor, sums: Tensor, last: Tensor) -> list[Tensor]:
            del finite, last
            batches = tuple(_row(part, index) for part in data)
            record = self._step(batches, first + index)
            finite = tf.reduce_all(tf.math.is_finite(record))
            sums += tf.where(finite, record, tf.zeros_like(record))
            return [index + 1, finite, sums, record]

        index, finite, sums, last = tf.while_loop(
            lambda index, finite, *_: tf.logical_and(index < num_steps, finite),
            body,
            [tf.constant(0, tf.int64), num_steps >= 0, zeros, zeros],
            maximum_iterations=self._config.steps_per_call,
        )
        num_good = tf.where(finite, index, index - 1)
        return LoopOutcome(num_good, finite, sums, last)

    def _step(self, batches: tuple[Tensor, ...], step: Tensor) -> Tensor:
        """Take one step and return the terms, learning rates and gradient norms."""
        seed = tf.stack([tf.constant(self._config.seed, tf.int64), step])
        terms, penalties, gradients = self._terms_and_gradients(batches, seed)
        norms = [_global_norm(group) for group in gradients]
        values = _as_float64([*terms, *penalties])
        finite = tf.reduce_all(tf.math.is_finite(tf.stack([*values, *norms])))
        rates = []
        for index, group in enumerate(self.groups):
            loss = tf.add_n(_as_float64([getattr(terms, group.loss), *penalties]))
            context = self._context(group, step, loss, norms[index])
            apply = tf.logical_and(finite, group.moves(step))
            self._apply(index, gradients[index], context, apply=apply)
            rates.append(self._optimizers[index].rate(context))
        return tf.stack([*values, *_as_float64(rates), *norms])

    def _context(
        self, group: VariableGroup, step: Tensor, loss: Tensor, norm: Tensor
    ) -> StepContext:
        progress = tf.cast(step, tf.float64) / self._config.num_steps
        limit = tf.constant(self._config.clip_norm, tf.float64)
        shrink = limit / tf.maximum(norm, limit)
        count = group.num_moves(step)
        return StepContext(count, progress, loss, tf.square(norm), self.scale.value(), shrink)

    def _apply(
        self,
        index: int,
        gradients: list[Tensor],
        context: StepContext,
        *,
        apply: Tensor,
    ) -> None:
        group, slots, average = self.groups[index], self.slots[index], self.averages[index]
        if not group.variables:
            return
        gradient = _flatten(gradients, average.dtype)
        old_slots = [slot.value() for slot in slots]
        change, new_slots = self._optimizers[index].update(
            gradient * tf.cast(context.shrink, gradient.dtype), old_slots, context
        )
        old, mean = _flatten(group.variables, average.dtype), average.value()
        new = old + change
        keep = tf.cast(self._average_weight(context.step), new.dtype)
        self._assign_weights(group, tf.where(apply, new, old))
        self._assign(average, tf.where(apply, new + keep * (mean - new), mean))
        for slot, before, after in zip(slots, old_slots, new_slots, strict=True):
            self._assign(slot, tf.where(apply, after, before))

    def _assign_weights(self, group: VariableGroup, weights: Tensor) -> None:
        if not group.variables:
            return
        sizes = [variable.shape.num_elements() for variable in group.variables]
        for variable, part in zip(group.variables, tf.split(weights, sizes), strict=True):
            self._assign(variable, tf.cast(tf.reshape(part, variable.shape), variable.dtype))

    def _average_weight(self, step: Tensor) -> Tensor:
        """Return the weight of the old average; it grows, so that the start is forgotten."""
        count = tf.cast(step, tf.float64)
        return tf.minimum(
            (1.0 + count) / (10.0 + count), tf.constant(self._config.average_decay, tf.float64)
        )

    def _terms_and_gradients(
        self, batches: tuple[Tensor, ...], seed: Tensor
    ) -> tuple[Any, list[Tensor], list[list[Tensor]]]:
        if self._num_replicas == 1:
            return _differentiate(self._objective, self.groups, batches, seed)

        def replica() -> tuple[Any, list[Tensor], list[list[Tensor]]]:
            shard = tf.distribute.get_replica_context().replica_id_in_sync_group
            parts = tuple(_shard(batch, shard, self._num_replicas) for batch in batches)
            return _differentiate(self._objective, self.groups, parts, seed)

        return self._strategy.reduce("MEAN", self._strategy.run(replica), axis=None)

    def _assign(self, variable: tf.Variable, value: Tensor) -> None:
        if self._num_replicas == 1:
            variable.assign(value)
        else:
            self._strategy.extended.update(variable, lambda v, new: v.assign(new), args=(value,))

    def _record_names(self, data: tuple[Tensor, ...]) -> list[str]:
        with noted_solves() as solves:
            terms = self._objective(
                *(_row(part, tf.constant(0, tf.int64)) for part in data),
                seed=tf.constant([0, 0], tf.int64),
            )
        penalty = ["penalty"] * (penalty_of(solves) is not None)
        suffixes = [f"_{group.name}" if len(self.groups) > 1 else "" for group in self.groups]
        rates = [f"learning_rate{suffix}" for suffix in suffixes]
        return [
            *terms._fields,
            *penalty,
            *rates,
            *(f"gradient_norm{suffix}" for suffix in suffixes),
        ]

    def _check_batches(self, data: tuple[Tensor, ...]) -> None:
        for part in tf.nest.flatten(data):
            if part.shape[1] % self._num_replicas:
                raise ValueError(
                    f"`batch_size` must be divisible by the {self._num_replicas} replicas; "
                    f"got batches of {part.shape[1]} rows."
                )


def _differentiate(
    objective: Objective,
    groups: Sequence[VariableGroup],
    batches: tuple[Tensor, ...],
    seed: Tensor,
) -> tuple[Any, list[Tensor], list[list[Tensor]]]:
    """Return the terms, what the flows' regularisers charge if any do, and the gradients."""
    with tf.GradientTape(persistent=len(groups) > 1) as tape, noted_solves() as solves:
        terms = objective(*batches, seed=seed)
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


def _row(domain: Any, index: Tensor) -> Any:
    """Return one batch of a domain, of each of its parts if it has several."""
    return tf.nest.map_structure(
        lambda part: part[0] if part.shape[0] == 1 else tf.gather(part, index), domain
    )


def _shard(domain: Any, shard: Tensor, num_shards: int) -> Any:
    def part_of(batch: Tensor) -> Tensor:
        return tf.gather(tf.reshape(batch, [num_shards, -1, *batch.shape[1:]]), shard)

    return tf.nest.map_structure(part_of, domain)


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
