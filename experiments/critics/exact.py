"""The critics of W1 and MMD of a few samples, which need no training."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

import lrmf_tfp as lt
from experiments.critics.population import HEIGHT, WIDTH, mmd_squared, w1

__all__ = ["mmd", "wasserstein"]

Array = NDArray[np.floating[Any]]
_METHODS = ("sorting", "neighbours", "all_pairs", "cross")


def wasserstein(x: Array, y: Array, shift: float) -> tuple[dict[str, Any], Any]:
    """Return W1 by every method, and the critic of the linear program over all pairs."""
    critics = {name: lt.ratios.wasserstein_critic(x, y, method=name) for name in _METHODS}
    exact = float(lt.divergences.wasserstein_1d(x, y))
    critic = critics["all_pairs"]
    gap = np.linspace(x.max(), y.min(), 20)
    slopes = np.diff(critic(gap)) / np.diff(gap)
    return {
        "w1_lp": critic.distance,
        "w1_exact": exact,
        "w1_by_method": {name: each.distance for name, each in critics.items()},
        "w1_difference_of_means": float(y.mean() - x.mean()),
        "w1_population": w1(shift),
        "w1_slope_on_gap": [float(slopes.min()), float(slopes.max())],
    }, critic


def mmd(x: Array, y: Array, shift: float) -> tuple[dict[str, float], lt.ratios.MMDCritic]:
    """Return the MMD of the samples and how well its critic attains it, and the critic."""
    kernel = lt.kernels.GaussianKernel(math.sqrt(0.5 * WIDTH))
    critic = lt.ratios.mmd_critic(x, y, kernel=kernel, height=HEIGHT)
    attained = tf.reduce_mean(critic(critic.numerator)) - tf.reduce_mean(
        critic(critic.denominator)
    )
    unbiased = lt.divergences.mmd_squared(
        critic.numerator, critic.denominator, kernel=critic.kernel, unbiased=True
    )
    grid = np.linspace(-1.0, 3.5, 1001)[:, None]
    return {
        "mmd_squared": critic.mmd_squared,
        "mmd_squared_unbiased": critic.height * float(unbiased),
        "mmd_squared_population": mmd_squared(shift),
        "witness_identity_error": abs(float(attained) - critic.mmd),
        "critic_sup_norm": float(np.max(np.abs(critic(grid)))),
        "critic_sup_norm_limit": math.sqrt(HEIGHT),
    }, critic
