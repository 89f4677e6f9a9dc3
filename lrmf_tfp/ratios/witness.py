"""The critic of the MMD: the witness function, in closed form (level 5)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from lrmf_tfp._core.typing import Samples, Tensor
from lrmf_tfp._validation import as_pair, check_positive
from lrmf_tfp.divergences import mmd_squared, mmd_witness
from lrmf_tfp.kernels import RadialKernel, build_kernel

__all__ = ["MMDCritic", "mmd_critic"]

_ROUNDING = 1e-13  # a squared MMD below this share of the kernel is rounding


@dataclass(frozen=True, eq=False)
class MMDCritic:
    """The function of unit norm that tells two sample sets apart best, in a kernel's space.

    `MMD = max(mean(f(x)) - mean(f(y)))` over functions f of norm at most 1 in the reproducing
    space of `height * kernel`; the maximum is at `witness / MMD`. Its absolute value is at most
    `sqrt(height * kernel(0))` anywhere. The energy kernel has a witness and a distance, but no
    such space: the last sentence does not hold for it.

    References:
        [1] Gretton, Borgwardt, Rasch, Schoelkopf, Smola, A Kernel Two-Sample Test, JMLR 2012,
            section 2.3 and lemma 4.
    """

    source: Tensor
    """`[N, D]`, float64."""
    target: Tensor
    """`[M, D]`, float64."""
    kernel: RadialKernel
    """The kernel, of any height of its own."""
    height: float
    """Factor on the kernel: it multiplies the squared MMD, and the critic by its root."""
    mmd_squared: float
    """Squared MMD of the samples, the biased one: the squared norm of the witness."""

    @property
    def mmd(self) -> float:
        """The MMD of the samples, `sqrt(mmd_squared)`, which is the norm of the witness."""
        return float(np.sqrt(self.mmd_squared))

    def __call__(self, z: Samples) -> Tensor:
        """Return the critic `witness(z) / mmd` `[G]` at points `z` `[G, D]`.

        `mean(f(x)) - mean(f(y))` over the samples is `mmd`. Errors as `witness`.
        """
        return self.witness(z) / self.mmd

    def witness(self, z: Samples) -> Tensor:
        """Return `height * (mean(k(z, x)) - mean(k(z, y)))` `[G]` at points `z` `[G, D]`.

        Raises:
            TypeError: If `z` is not numeric.
            ValueError: If `z` is not finite or of another width.
        """
        return self.height * mmd_witness(z, self.source, self.target, kernel=self.kernel)


def mmd_critic(
    source: Samples,
    target: Samples,
    *,
    kernel: str | RadialKernel = "gaussian",
    height: float = 1.0,
) -> MMDCritic:
    """Return the critic of the MMD of two sample sets, high on source, low on target.

    No training and no program: the witness is a difference of two means. It is divided by its
    norm, the root of the *biased* squared MMD. Dividing by the square gives a function of norm
    `1 / MMD`; the unbiased estimate is no norm, and may be 0 or below.

    Args:
        source: Samples `[N, D]`.
        target: Samples `[M, D]`.
        kernel: A kernel of `lrmf_tfp.kernels`, or a name of `KERNELS` for one as wide as the
            samples' median distance.
        height: Factor on the kernel, > 0.

    Returns:
        The critic.

    Raises:
        TypeError: If samples are not numbers, or the kernel is neither a name nor a kernel.
        ValueError: If shapes do not fit, values are not finite, the kernel's name is unknown, or
            the two sample sets are the same to the kernel, so that there is nothing to tell.

    Examples:
        >>> from lrmf_tfp.kernels import GaussianKernel
        >>> critic = mmd_critic([[0.0]], [[2.0]], kernel=GaussianKernel(0.2), height=4.0)
        >>> round(critic.mmd, 6), np.round(critic([[0.0], [1.0], [2.0]]), 6).tolist()
        (2.828427, [1.414214, 0.0, -1.414214])

    References:
        [1] Gretton, Borgwardt, Rasch, Schoelkopf, Smola, A Kernel Two-Sample Test, JMLR 2012,
            section 2.3 and eq. (5).
    """
    check_positive(height, "height")
    x, y = map(tf.constant, as_pair(source, target, dtype=np.float64))
    found = build_kernel(kernel, x, y) if isinstance(kernel, str) else kernel
    if not isinstance(found, RadialKernel):
        raise TypeError(f"`kernel` must be a name or a RadialKernel; got {kernel!r}.")
    value = float(mmd_squared(x, y, kernel=found))
    typical = float(tf.reduce_max(tf.abs(found(x[:1], tf.concat([x, y], axis=0)))))
    if value <= _ROUNDING * typical:
        raise ValueError(
            "`source` and `target` must differ, for a critic of unit norm; "
            f"got a squared MMD of {value:.1e}."
        )
    return MMDCritic(x, y, found, height, height * value)
