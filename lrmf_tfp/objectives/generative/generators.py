"""What makes samples, and the objectives that compare them with data.

A generator is a flow, which moves the samples of a source, or a network that turns noise into
samples. The objectives take either, and are called on a batch of what the generator starts from
and a batch of data, or on data alone where noise is to be drawn.
"""

from __future__ import annotations

from typing import TypeAlias

import tensorflow as tf
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

from lrmf_tfp._core.log_det import forward_and_log_det
from lrmf_tfp._core.typing import Tensor
from lrmf_tfp.divergences import energy_distance
from lrmf_tfp.objectives.base import Objective
from lrmf_tfp.objectives.generative.implicit import ImplicitGenerator, implicit_generator
from lrmf_tfp.samples.batch import Batch, as_batch, map_parts

__all__ = [
    "Generator",
    "GeneratorObjective",
    "ImplicitGenerator",
    "implicit_generator",
    "root_of_mmd",
]

_UNDER_ROOT = 1e-6  # keeps the slope of the root finite where the two sets agree

Generator: TypeAlias = tfb.Bijector | tfd.Distribution | ImplicitGenerator
"""What makes samples: a flow moves those of a source, a density or a network draws its own."""


class GeneratorObjective(Objective):
    """Base class of objectives that compare generated samples with data.

    They are called on `(start, data)`, where the generator is applied to `start`: a source's
    samples for a flow, noise for a network. Called on `(data,)` alone, they draw the noise from
    the step's seed. Losses in a learned or drawn space do not rank weights, so with held-out
    samples those with the least energy distance are kept, and without them the last ones.

    Attributes:
        generator: What makes the samples.
    """

    main_stage = "generator"
    loss_ranks_weights = False
    most_validation_rows = 2000  # of an energy distance

    def __init__(self, generator: Generator, *, name: str) -> None:
        super().__init__(name=name)
        self.generator = generator

    @property
    def flow(self) -> tfb.Bijector:
        """The generator, if it is a flow; only then can an `Aligner` use the objective."""
        if isinstance(self.generator, tfb.Bijector):
            return self.generator
        found = type(self.generator).__name__
        raise AttributeError(f"`generator` must be a flow to have a `flow`; got a {found}.")

    def generate(
        self, batches: tuple[Tensor | Batch, ...], seed: Tensor | None = None
    ) -> tuple[Batch, Batch]:
        """Return generated samples `[N, D]` and data `[M, D]`.

        Generated samples have the weights of what they started as. Weights, where there are any,
        sum to 1.

        Args:
            batches: `(start, data)`, or `(data,)`.
            seed: Stateless seed `[2]` of the noise.

        Raises:
            ValueError: If a set has fewer than 2 rows, the widths differ, a flow gets nothing to
                move, or rows have weights that the objective does not take.
        """
        *started, data = (_as_tensors(batch) for batch in batches)
        if started:
            generated = started[0]._replace(values=self._apply(started[0].values))
        elif hasattr(self.generator, "sample"):
            generated = Batch(self._sample(data.values, seed))
        else:
            raise ValueError(
                "`batches` must be a source and data where the generator is a flow; got 1 batch."
            )
        _check_batch(generated.values, "generated samples", like=data.values)
        _check_batch(data.values, "data", like=generated.values)
        weighted = generated.weights is not None or data.weights is not None
        if weighted and not self.takes_weights:
            raise ValueError(
                "`weights` must be left out for an objective that takes none; "
                f"got some for {type(self).__name__}."
            )
        return generated, data

    def validation_loss(self, *batches: Tensor | Batch) -> Tensor:
        """Return the energy distance of generated samples and data."""
        generated, data = self.generate(batches)
        return energy_distance(
            generated.values,
            data.values,
            source_weights=generated.weights,
            target_weights=data.weights,
        )

    def _apply(self, start: Tensor) -> Tensor:
        if isinstance(self.generator, tfb.Bijector):
            return forward_and_log_det(self.generator, start)[0]
        return self.generator(start)

    def _sample(self, data: Tensor, seed: Tensor | None) -> Tensor:
        """Return as many samples as there are data."""
        seed = tf.constant([0, 0]) if seed is None else tf.cast(seed, tf.int32)
        samples = self.generator.sample(data.shape[0] or tf.shape(data)[0], seed=seed)
        return tf.ensure_shape(samples, [data.shape[0], None])


def root_of_mmd(squared: Tensor) -> Tensor:
    """Return `sqrt(max(squared, 0) + 1e-6)` of a squared MMD, whose slope is finite at 0."""
    return tf.sqrt(tf.nn.relu(squared) + tf.constant(_UNDER_ROOT, squared.dtype))


def _as_tensors(batch: Tensor | Batch) -> Batch:
    """Return a batch as tensors, its weights, which may be of any scale, divided by their sum."""
    values, weights, conditions = map_parts(tf.convert_to_tensor, as_batch(batch))
    if weights is not None:
        weights = weights / tf.reduce_max(weights)
        weights = weights / tf.reduce_sum(weights)
    return Batch(values, weights, conditions)


def _check_batch(samples: Tensor, name: str, *, like: Tensor) -> None:
    rows, columns = samples.shape
    if rows is not None and rows < 2:
        raise ValueError(f"`{name}` must have at least 2 rows in a batch; got {rows}.")
    if columns != like.shape[1] and None not in (columns, like.shape[1]):
        raise ValueError(f"`{name}` must have {like.shape[1]} columns; got {columns}.")
