"""Generative ratio matching: a projection keeps density ratios, MMD does the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import tensorflow as tf

from lrmf_tfp._core.typing import Tensor
from lrmf_tfp._validation import check_not_negative, check_positive, check_positive_int
from lrmf_tfp.networks import MLP
from lrmf_tfp.objectives.base import VariableGroup
from lrmf_tfp.objectives.generative._gram_blocks import GramBlocks, gram_blocks
from lrmf_tfp.objectives.generative.generators import Generator, GeneratorObjective, root_of_mmd
from lrmf_tfp.objectives.generative.implicit import glorot_mlp
from lrmf_tfp.objectives.scored import ScoredSpec
from lrmf_tfp.objectives.spec import Parts
from lrmf_tfp.optimizers import Adam, ConstantSchedule
from lrmf_tfp.samples.batch import Batch

__all__ = [
    "GRAM",
    "GRAMObjective",
    "GRAMTerms",
    "projection_network",
]

_MAX_RATIO = 1e9
_START = 0.1  # scale of the features: within one bandwidth, so that every pair is seen
_OPTIMIZER = Adam(1e-3, beta_1=0.5, beta_2=0.999, schedule=ConstantSchedule())


class GRAMTerms(NamedTuple):
    """Terms of ratio matching on one batch of generated samples and one of data."""

    loss: Tensor
    """What the generator minimises, `sqrt(mmd_squared + 1e-6)` of the features."""
    projection_loss: Tensor
    """What the projection minimises, `-pearson - sum_weight * sum(ratios)`."""
    mmd_squared: Tensor
    """Biased squared MMD of the features, the sum over bandwidths."""
    pearson: Tensor
    """`mean((ratios - 1)^2)`, which at a small ridge is mostly its own bias."""
    mean_ratio: Tensor
    """Mean of the ratios, 1 for good ones; near 0 where features are spread too far."""


class GRAMObjective(GeneratorObjective):
    """Ratio matching: no saddle point, two losses of the same kernel matrices.

    With the features u of generated samples and v of data, and `K(u, v)` their kernel matrices::

        ratios = N / M inverse(K(u, u) + ridge I) K(u, v) 1
        projection_loss = -mean((ratios - 1)^2) - sum_weight * sum(ratios)
        loss = sqrt(mean(K(u, u)) + mean(K(v, v)) - 2 mean(K(u, v)) + 1e-6)

    The projection moves to lose as little as possible of the Pearson divergence of data and
    generated samples; the generator moves to make the MMD of the features small. Both gradients
    are taken at the same place, and both steps are made at once. Kernel matrices are float64, and
    the system is solved by Cholesky, outside XLA, whose factorisation on CPUs takes 40 times as
    long.

    A ratio is about 1 on average whatever the features are, as long as they can tell something;
    the sum keeps the projection from spreading them until all ratios are 0. Clipped ratios go
    without the sum, as in the authors' code.

    Attributes:
        generator: What makes the samples.
        projection: What makes the features, `[B, D] -> [B, F]`.

    Examples:
        >>> from lrmf_tfp.objectives import implicit_generator
        >>> generator = implicit_generator(2, noise_size=4, hidden_units=(8,))
        >>> objective = GRAMObjective(generator, projection_network(2, hidden_units=(8,)))
        >>> terms = objective(tf.eye(2), seed=[0, 1])
        >>> bool(terms.loss > 0.0)
        True

    References:
        [1] Srivastava, Xu, Gutmann, Sutton, Generative Ratio Matching Networks, ICLR 2020,
            arXiv:1806.00101, eq. (7) ratios, eq. (9) generator, algorithm 1.
        [2] Sugiyama, Suzuki, Kanamori, Density Ratio Estimation in Machine Learning, 2012,
            section 3.3.
    """

    jit_compatible = False

    def __init__(
        self,
        generator: Generator,
        projection: tf.Module,
        *,
        ridge: float = 1e-3,
        bandwidths: Sequence[float] | None = (1.0,),
        clip_ratios: bool = False,
        normalize: bool = False,
        sum_weight: float = 1.0,
        name: str = "gram",
    ) -> None:
        """Join a generator and a projection.

        Args:
            generator: A flow or an `ImplicitGenerator`.
            projection: Module `[B, D] -> [B, F]`, such as a `projection_network`.
            ridge: Added to the diagonal of the kernel matrix of generated features, > 0.
            bandwidths: Of the Gaussian kernels, in units of the features; ratios are averaged and
                squared MMDs added over them. None: the root of each pair of batches' median
                squared distance.
            clip_ratios: Clip ratios to [0, 1e9], and leave out the sum.
            normalize: Divide each feature by its standard deviation over both batches.
            sum_weight: Weight of the sum of the ratios, >= 0.
            name: Name of the module.

        Raises:
            TypeError: If a number is none.
            ValueError: If a number is out of its range, or there are no bandwidths.
        """
        super().__init__(generator, name=name)
        self.projection = projection
        self._ridge = check_positive(ridge, "ridge")
        self._sum_weight = check_not_negative(sum_weight, "sum_weight")
        self._bandwidths = _as_bandwidths(bandwidths)
        self._clip_ratios = clip_ratios
        self._normalize = normalize

    def groups(self) -> tuple[VariableGroup, ...]:
        """Return the generator and the projection, which move at once; one if one is fixed."""
        generator = tuple(self.generator.trainable_variables)
        projection = tuple(self.projection.trainable_variables)
        groups = (
            VariableGroup("generator", generator, "loss", 1, _OPTIMIZER),
            VariableGroup("projection", projection, "projection_loss", 1, _OPTIMIZER),
        )
        return tuple(group for group in groups if group.variables)

    def __call__(self, *batches: Tensor | Batch, seed: Tensor | None = None) -> GRAMTerms:
        """Return the terms on `(start, data)` or `(data,)`, `[B, ...]` each.

        Raises:
            ValueError: If a batch has fewer than 2 rows; outside a `tf.function`, also if features
                are not finite or the kernel system is singular.
        """
        generated, data = self.generate(batches, seed)
        features = self.features(generated.values, data.values)
        blocks = gram_blocks(*features, bandwidths=self._bandwidths)
        if tf.executing_eagerly():
            _check_blocks(blocks, features, self._ridge)
        ratios = blocks.ratios(self._ridge)
        if self._clip_ratios:
            ratios = tf.clip_by_value(ratios, 0.0, _MAX_RATIO)
        pearson = tf.reduce_mean(tf.square(ratios - 1.0))
        gain = 0.0 if self._clip_ratios else self._sum_weight * tf.reduce_sum(ratios)
        squared = blocks.mmd_squared()
        return GRAMTerms(
            loss=root_of_mmd(squared),
            projection_loss=-pearson - gain,
            mmd_squared=squared,
            pearson=pearson,
            mean_ratio=tf.reduce_mean(ratios),
        )

    def features(self, generated: Tensor, data: Tensor) -> tuple[Tensor, Tensor]:
        """Return the features of generated samples `[N, F]` and of data `[M, F]`."""
        u, v = self.projection(generated), self.projection(data)
        if self._normalize:
            spread = tf.math.reduce_std(tf.concat([u, v], axis=0), axis=0)
            spread = tf.where(spread > 0.0, spread, tf.ones_like(spread))
            u, v = u / spread, v / spread
        return u, v


def projection_network(
    event_size: int,
    *,
    num_features: int = 10,
    hidden_units: Sequence[int] = (100, 100),
    activation: str = "relu",
    dtype: tf.DType = tf.float32,
    seed: int = 0,
) -> MLP:
    """Build a multilayer perceptron whose features start within one bandwidth of 1.

    Where they start wider, kernels see neighbours only, the projection spreads what they see, and
    modes are lost.

    Args:
        event_size: D, columns of a sample.
        num_features: F, columns of the features.
        hidden_units: Widths of the hidden layers.
        activation: Name of their activation, or one for each.
        dtype: Floating-point type.
        seed: Seed of the weights.

    Raises:
        TypeError: If a size is not a whole number.
        ValueError: If a size is below 1 or a name is unknown.
    """
    return glorot_mlp(
        check_positive_int(event_size, "event_size"),
        check_positive_int(num_features, "num_features"),
        scale=_START,
        hidden_units=hidden_units,
        activation=activation,
        dtype=dtype,
        seed=seed,
    )


def _as_bandwidths(values: Sequence[float] | None) -> tuple[float, ...] | None:
    if values is None:
        return None
    checked = tuple(check_positive(value, "bandwidths") for value in values)
    if not checked:
        raise ValueError("`bandwidths` must have at least 1 entry; got none.")
    return checked


def _check_blocks(blocks: GramBlocks, features: tuple[Tensor, Tensor], ridge: float) -> None:
    for values, name in zip(features, ("generated samples", "data"), strict=True):
        wrong = int(tf.reduce_sum(tf.cast(~tf.math.is_finite(values), tf.int32)))
        if wrong:
            raise ValueError(
                f"`projection` must give finite features; got {wrong} others of the {name}."
            )
    largest = max(float(bound) for bound in blocks.rounding)
    if largest >= ridge:
        raise ValueError(
            f"`ridge` must be above the rounding of the kernel system, {largest:.1g}; "
            f"got {ridge:g}."
        )


@dataclass(frozen=True, kw_only=True)
class GRAM(ScoredSpec):
    """MMD of features that keep the density ratio; see `GRAMObjective` for the settings.

    The ridge is larger than the objective's own: at 1e-3 the ratios of such batches are mostly
    bias.
    """

    ridge: float = 0.1

    def build(self, parts: Parts) -> GRAMObjective:
        """Return a new objective around a new flow and a new projection."""
        projection = projection_network(parts.event_size, dtype=parts.dtype, seed=parts.seed)
        return GRAMObjective(parts.flow(), projection, ridge=self.ridge)
