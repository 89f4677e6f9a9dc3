"""The critic of the MMD: the witness function, in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from lrmf_tfp._core.typing import Array, Samples, Tensor
from lrmf_tfp._validation import check_positive
from lrmf_tfp.divergences import mmd_squared
from lrmf_tfp.kernels import RadialKernel
from lrmf_tfp.kernels.radial import squared_distances
from lrmf_tfp.ratios._kernels import as_kernel, described_kernel, kernel_of
from lrmf_tfp.ratios._module import PointwiseModule
from lrmf_tfp.ratios._rows import as_pair, distinct, quiet, shares
from lrmf_tfp.ratios.critic import SavedCritic
from lrmf_tfp.ratios.saved import described_pair
from lrmf_tfp.samples import Sample

__all__ = ["MMDCritic", "mmd_critic"]

_ROUNDING = 1e-13  # a squared MMD below this share of the kernel is rounding


class MMDCritic(SavedCritic):
    """The function of unit norm that tells two samples apart best, in a kernel's space.

    `MMD = max(mean(f(x)) - mean(f(y)))` over functions f of norm at most 1 in the reproducing
    space of `height * kernel`; the maximum is at `witness / MMD`, which is what calling the critic
    returns. Its absolute value is at most `sqrt(height * kernel(0))` anywhere. The energy kernel
    has a witness and a distance, but no such space: the last sentence does not hold for it. Where
    a kernel has a kink, at a sample itself, its slope there counts as 0.

    References:
        [1] Gretton, Borgwardt, Rasch, Schoelkopf, Smola, A Kernel Two-Sample Test, JMLR 2012,
            section 2.3 and lemma 4.
    """

    ROWS_AT_ONCE = 1024

    @property
    def numerator(self) -> Array:
        """`[N, D]`, float64, the rows with mass."""
        return self.arrays["numerator"]

    @property
    def denominator(self) -> Array:
        """`[M, D]`, float64, the rows with mass."""
        return self.arrays["denominator"]

    @property
    def weights(self) -> tuple[Array, Array]:
        """The probabilities of the rows, `[N]` and `[M]`."""
        return self.arrays["numerator_shares"], self.arrays["denominator_shares"]

    @property
    def kernel(self) -> RadialKernel:
        """The kernel, of any height of its own.

        Raises:
            ValueError: If it is none of the library's and the critic was loaded.
        """
        if isinstance(self.module, WitnessModule):
            return self.module.kernel
        return kernel_of(self.metadata["kernel"])

    @property
    def height(self) -> float:
        """Factor on the kernel: it multiplies the squared MMD, and the critic by its root."""
        return float(self.metadata["height"])

    @property
    def mmd_squared(self) -> float:
        """Squared MMD of the samples, the biased one: the squared norm of the witness."""
        return float(self.metadata["mmd_squared"])

    @property
    def mmd(self) -> float:
        """The MMD of the samples, `sqrt(mmd_squared)`, which is the norm of the witness."""
        return float(np.sqrt(self.mmd_squared))

    def witness(self, x: Samples | Sample) -> Array:
        """Return `height * (mean(k(x, x_p)) - mean(k(x, x_q)))` `[B]` at samples `[B, D]`.

        Raises:
            TypeError: If `x` is not numeric.
            ValueError: If `x` is not finite, of another width or has other columns.
        """
        return self.mmd * self(x)

    def gradient(self, x: Samples | Sample) -> Array:
        """Return the gradient `[B, D]` of the critic; errors as `witness`."""
        return self.evaluate("gradient", x)


class WitnessModule(PointwiseModule):
    """What is saved of a critic: its value and its gradient.

    Attributes:
        kernel: The kernel.
    """

    def __init__(self, points: Array, masses: Array, kernel: RadialKernel) -> None:
        """Build `f(x) = sum_j masses_j k(x, points_j)` of points `[K, D]` and signed masses."""
        super().__init__(points.shape[1], name="mmd_critic")
        self.kernel = kernel
        root = tf.sqrt(kernel.scale(tf.float64))
        centre = points.mean(axis=0)  # squared distances by a product want points around 0
        places, signed = tf.constant(points - centre) / root, tf.constant(masses)
        payload = signed[:, None] * places

        def parts(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            moved = (tf.cast(x, tf.float64) - centre) / root
            squares = tf.nn.relu(squared_distances(moved, places))
            return moved, *kernel.value_and_decay(squares)

        def value(x: Tensor) -> Tensor:
            return tf.linalg.matvec(parts(x)[1], signed)

        def gradient(x: Tensor) -> Tensor:
            moved, _, decay = parts(x)  # d k / d x = -2 decay (x - y) / scale
            pulls = tf.linalg.matvec(decay, signed)[:, None] * moved - tf.matmul(decay, payload)
            return -2.0 * pulls / root

        self._provide({"value": value, "gradient": gradient})


@quiet
def mmd_critic(
    numerator: Samples | Sample,
    denominator: Samples | Sample,
    *,
    kernel: str | RadialKernel = "gaussian",
    height: float = 1.0,
) -> MMDCritic:
    """Return the critic of the MMD of two samples, high on the numerator, low on the denominator.

    No training and no program: the witness is a difference of two means, weighted where rows have
    weights. It is divided by its norm, the root of the *biased* squared MMD. Dividing by the
    square gives a function of norm `1 / MMD`; the unbiased estimate is no norm, and may be 0 or
    below.

    Args:
        numerator: Samples `[N, D]`; a `Sample` where rows have weights.
        denominator: Samples `[M, D]`, likewise.
        kernel: A kernel of `lrmf_tfp.kernels`, or a name of `KERNELS` for one as wide as the
            samples' median distance.
        height: Factor on the kernel, > 0.

    Returns:
        The critic.

    Raises:
        TypeError: If samples are not numbers, or the kernel is neither a name nor a kernel.
        ValueError: If shapes do not fit, values are not finite, the kernel's name is unknown, or
            the two samples are the same to the kernel, so that there is nothing to tell.

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
    pair = as_pair(numerator, denominator, min_rows=1)
    found = as_kernel(kernel, distinct(pair.numerator), distinct(pair.denominator))
    x, y = (sample.values.astype(np.float64) for sample in pair)
    a, b = (shares(sample) for sample in pair)
    value = float(mmd_squared(x, y, kernel=found, source_weights=a, target_weights=b))
    typical = float(tf.reduce_max(tf.abs(found(tf.constant(x[:1]), tf.concat([x, y], axis=0)))))
    if value <= _ROUNDING * typical:
        raise ValueError(
            "`numerator` and `denominator` must differ, for a critic of unit norm; "
            f"got a squared MMD of {value:.1e}."
        )
    arrays = {"numerator": x, "denominator": y, "numerator_shares": a, "denominator_shares": b}
    metadata: dict[str, Any] = {
        **described_pair(pair, "MMDCritic"),
        "dtype": "float64",
        "kernel": described_kernel(found),
        "height": float(height),
        "mmd_squared": float(height) * value,
    }
    masses = np.sqrt(height / value) * np.concatenate([a, -b])
    module = WitnessModule(np.concatenate([x, y]), masses, found)
    return MMDCritic(module, metadata, arrays=arrays)
