"""Mixtures of Gaussians with variables to train."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from sklearn.cluster import KMeans
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

from lrmf_tfp._core.seeds import seeded_normal
from lrmf_tfp._core.typing import Array, IntArray
from lrmf_tfp._validation import check_positive_int
from lrmf_tfp.samples.standardize import weighted_moments

__all__ = ["MixtureDensity", "mixture_density"]

_NARROWEST = 1e-3  # of the scale of all samples: a cluster of equal points still has a width


class MixtureDensity(tfd.MixtureSameFamily):
    """A mixture of Gaussians with diagonal covariances, all of whose parts are variables."""

    def initialize(self, rows: Array, weights: Array | None = None) -> None:
        """Put the components on the clusters that k-means finds in samples `[N, D]`."""
        parts, logits = self.components_distribution, self.mixture_distribution.logits
        num_components = parts.loc.shape[0]
        count = min(num_components, len(rows))
        clusters = KMeans(count, n_init=4, random_state=0).fit(rows, sample_weight=weights)
        index = np.arange(num_components) % count
        _, spread = weighted_moments(rows, weights)
        spread = np.where(spread > 0.0, spread, spread.max() or 1.0)
        members = [np.flatnonzero(clusters.labels_ == k) for k in range(count)]
        widths = np.array([weighted_moments(*_part(rows, weights, m))[1] for m in members])
        masses = np.ones(len(rows)) if weights is None else weights
        shares = np.bincount(clusters.labels_, masses, minlength=count) / masses.sum()
        scales = np.maximum(widths, _NARROWEST * spread)[index]
        parts.loc.assign(clusters.cluster_centers_[index])
        parts.parameters["scale_diag"].assign(tf.cast(scales, self.dtype))
        logits.assign(np.log(np.maximum(shares, 1.0 / len(rows)))[index])


def _part(rows: Array, weights: Array | None, members: IntArray) -> tuple[Array, Array | None]:
    return rows[members], None if weights is None else weights[members]


def mixture_density(
    event_size: int,
    *,
    num_components: int = 8,
    dtype: tf.DType = tf.float32,
    seed: int = 0,
    name: str = "mixture_density",
) -> MixtureDensity:
    """Build a trainable mixture of Gaussians with diagonal covariances.

    `p(x) = sum_k softmax(logits)_k N(x; loc_k, diag(scale_k)^2)`. `moment_start` puts its
    components on clusters of the samples, and a private fit starts there.

    Args:
        event_size: D >= 1.
        num_components: K >= 1.
        dtype: `tf.float32` or `tf.float64`.
        seed: Seed of the components' first places, standard normal.
        name: Name of the distribution.

    Returns:
        Distribution on `[D]` with trainable `logits` `[K]`, `loc` `[K, D]` and `scale` `[K, D]`.

    Raises:
        ValueError: If a number is below 1.

    Examples:
        >>> mixture_density(2, num_components=3).event_shape.as_list()
        [2]
    """
    check_positive_int(event_size, "event_size")
    check_positive_int(num_components, "num_components")
    shape = [num_components, event_size]
    loc = seeded_normal(shape, tf.constant([seed, num_components], tf.int64), dtype=dtype)
    scale = tfp.util.TransformedVariable(tf.ones(shape, dtype), tfb.Exp(), name="scale")
    return MixtureDensity(
        tfd.Categorical(logits=tf.Variable(tf.zeros([num_components], dtype), name="logits")),
        tfd.MultivariateNormalDiag(loc=tf.Variable(loc, name="loc"), scale_diag=scale),
        name=name,
    )
