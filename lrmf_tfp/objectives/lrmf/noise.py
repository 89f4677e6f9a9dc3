"""Any objective on samples with noise added, whose narrow modes blur into wide ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from lrmf_tfp._core.seeds import seeded_normal
from lrmf_tfp._core.typing import Tensor
from lrmf_tfp.densities import moment_start
from lrmf_tfp.objectives.base import Objective, Stage, VariableGroup
from lrmf_tfp.samples.batch import Batch, as_batch, map_parts
from lrmf_tfp.samples.sources import Source

__all__ = ["Anneal", "NoisyObjective", "Prelude"]

_FIXED = (0, 0)  # seed of the noise on held-out samples


class NoisyObjective(Objective):
    """An objective whose densities are those of its samples convolved with Gaussian noise.

    `terms(a + scale * e, b + scale * e')` with `e` and `e'` standard normal: the same loss, with
    the same bound, of the domains `A * N(0, scale^2)` and `B * N(0, scale^2)`. Where the modes of
    the two lie many of their widths apart, the gradient that would bring them together vanishes
    like `exp(-distance^2)`; noise as wide as the distance brings it back. Minimised for a falling
    sequence of scales, each from the solution of the last, it leads to the noise-free objective.

    Attributes:
        objective: What is called on the noisy samples; its variables are the ones trained.
        scale: Variable, standard deviation of the noise, in the units of the samples.

    References:
        [1] Usman, Sud, Dufour, Saenko, Log-Likelihood Ratio Minimizing Flows, NeurIPS 2020,
            arXiv:2003.12170, example 2.2 (the gradient that vanishes).
        [2] Song and Ermon, Generative Modeling by Estimating Gradients of the Data Distribution,
            NeurIPS 2019, arXiv:1907.05600, section 3.2 (noise that is annealed).
    """

    def __init__(self, objective: Objective, *, name: str = "noisy") -> None:
        """Wrap an objective; the scale of the noise is 0 until it is assigned."""
        super().__init__(name=name)
        self.objective = objective
        self.scale = tf.Variable(0.0, trainable=False, dtype=tf.float32, name="scale")
        self.jit_compatible = objective.jit_compatible
        self.takes_weights = objective.takes_weights
        self.takes_conditions = objective.takes_conditions
        self.loss_ranks_weights = objective.loss_ranks_weights

    def __call__(self, *batches: Tensor | Batch, seed: Tensor | None = None) -> Any:
        """Return the objective's terms on one noisy batch of each domain.

        Args:
            *batches: One batch `[B, ...]` for each domain.
            seed: Stateless seed `[2]` of the noise, which is the same for one seed.
        """
        seed = tf.cast(_FIXED if seed is None else seed, tf.int64)
        return self.objective(*self._noisy(batches, seed), seed=seed)

    def blurred(self, rows: Batch) -> Batch:
        """Return rows with noise added, as the held-out loss sees them."""
        noisy = as_batch(self._noisy((map_parts(tf.convert_to_tensor, rows),), _FIXED)[0])
        return map_parts(lambda part: part.numpy(), noisy)

    def groups(self) -> tuple[VariableGroup, ...]:
        """Return the groups of the objective."""
        return self.objective.groups()

    def validation_loss(self, *batches: Tensor | Batch) -> Tensor:
        """Return the objective's held-out loss on noisy samples, with the same noise each time."""
        return self.objective.validation_loss(*self._noisy(batches, _FIXED))

    def _noisy(self, batches: tuple[Tensor | Batch, ...], seed: Tensor) -> list[Tensor | Batch]:
        return [
            as_batch(batch)
            ._replace(values=self._blurred(as_batch(batch).values, index, seed))
            .bare()
            for index, batch in enumerate(batches)
        ]

    def _blurred(self, values: Tensor, index: int, seed: Tensor) -> Tensor:
        own = tf.constant([index + 1, 0], tf.int64) + seed
        noise = seeded_normal(tf.shape(values), own, dtype=values.dtype)
        return values + tf.cast(self.scale, values.dtype) * noise


class Prelude(Protocol):
    """What leads the map to the joint stage of LRMF; `Anneal` does."""

    def stages(self, fit: Objective, main: Objective, source: Source) -> Iterator[Stage]:
        """Yield the stages before the joint one; see `Anneal.stages`."""


@dataclass(frozen=True, init=False)
class Anneal:
    """Noise on both domains that falls step by step while the map finds its way.

    One short stage for each scale before the noise-free one, the density fitted to the noisy
    target first; together they take at most twice the steps of the joint stage. For modes that
    lie many of their widths apart, where the gradient vanishes.

    Attributes:
        scales: Falling standard deviations, in target standard deviations.

    Examples:
        >>> Anneal(8, 4, 2, 1).scales
        (8.0, 4.0, 2.0, 1.0)
    """

    scales: tuple[float, ...]

    def __init__(self, *scales: float) -> None:
        """Check the scales.

        Args:
            *scales: Positive numbers, each below the one before, one at least.

        Raises:
            ValueError: If they are not.
        """
        object.__setattr__(self, "scales", _checked(scales))

    def __repr__(self) -> str:
        """Return the call that makes it."""
        return f"{type(self).__name__}({', '.join(f'{scale:g}' for scale in self.scales)})"

    def stages(self, fit: Objective, main: Objective, source: Source) -> Iterator[Stage]:
        """Yield the noisy stages.

        Args:
            fit: Maximum-likelihood objective of the shared density.
            main: The objective on source and target.
            source: The training rows; the second domain is the target.
        """
        noisy_fit, noisy = NoisyObjective(fit), NoisyObjective(main)
        for scale in self.scales:
            noisy_fit.scale.assign(scale)
            noisy.scale.assign(scale)
            moment_start(fit.density, noisy_fit.blurred(source.training()[1]))
            share = 1.0 / len(self.scales)
            yield Stage(f"noise_{scale:g}_target", noisy_fit, (1,), share=share)
            yield Stage(f"noise_{scale:g}", noisy, share=share)


def _checked(scales: Sequence[float]) -> tuple[float, ...]:
    """Return scales of noise; raise ValueError unless they are positive, finite and fall."""
    values = np.asarray(scales, np.float64)
    good = (
        values.ndim == 1
        and len(values) > 0
        and np.all(np.isfinite(values))
        and np.all(values > 0.0)
    )
    if not good or np.any(np.diff(values) >= 0.0):
        raise ValueError(
            f"`scales` must be positive numbers, each below the one before; got {scales}."
        )
    return tuple(values.tolist())
