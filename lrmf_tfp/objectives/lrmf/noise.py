"""Any objective on samples with noise added, whose narrow modes blur into wide ones (level 3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from lrmf_tfp._core.seeds import seeded_normal
from lrmf_tfp._core.typing import Array, Tensor
from lrmf_tfp.objectives.base import Objective, VariableGroup

__all__ = ["NoisyObjective", "check_noise_scales"]

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
        self.loss_ranks_weights = objective.loss_ranks_weights

    def __call__(self, *batches: Tensor, seed: Tensor | None = None) -> Any:
        """Return the objective's terms on one noisy batch of each domain.

        Args:
            *batches: One tensor `[B, ...]` for each domain.
            seed: Stateless seed `[2]` of the noise, which is the same for one seed.
        """
        seed = tf.cast(_FIXED if seed is None else seed, tf.int64)
        return self.objective(*self._noisy(batches, seed), seed=seed)

    def blurred(self, samples: Array) -> Array:
        """Return samples `[N, ...]` with noise added, as the held-out loss sees them."""
        return self._noisy((tf.convert_to_tensor(samples),), _FIXED)[0].numpy()

    def groups(self) -> tuple[VariableGroup, ...]:
        """Return the groups of the objective."""
        return self.objective.groups()

    def validation_loss(self, *batches: Tensor) -> Tensor:
        """Return the objective's held-out loss on noisy samples, with the same noise each time."""
        return self.objective.validation_loss(*self._noisy(batches, _FIXED))

    def _noisy(self, batches: tuple[Tensor, ...], seed: Any) -> list[Tensor]:
        return [
            batch
            + tf.cast(self.scale, batch.dtype)
            * seeded_normal(
                tf.shape(batch), tf.constant([index + 1, 0], tf.int64) + seed, dtype=batch.dtype
            )
            for index, batch in enumerate(batches)
        ]


def check_noise_scales(scales: Sequence[float]) -> tuple[float, ...]:
    """Return scales of noise; raise ValueError unless they are positive, finite and fall."""
    values = np.asarray(scales, np.float64)
    good = values.ndim == 1 and np.all(np.isfinite(values)) and np.all(values > 0.0)
    if not good or np.any(np.diff(values) >= 0.0):
        raise ValueError(
            f"`noise_scales` must be positive numbers, each below the one before; got {scales}."
        )
    return tuple(values.tolist())
