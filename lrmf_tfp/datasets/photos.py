"""The two photographs that come with scikit-learn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lrmf_tfp import _validation

__all__ = ["photographs"]


def photographs(*, width: int | None = None) -> dict[str, NDArray[np.uint8]]:
    """Load the two photographs that come with scikit-learn: a temple in China, and a dahlia.

    Nothing is downloaded. They are 640 pixels wide and 427 high, under CC BY 2.0.

    Args:
        width: W, to make them smaller, with antialiasing and their proportions kept; as they are
            when None.

    Returns:
        `{"china": ..., "flower": ...}`, RGB from 0 to 255, `[H, W, 3]` each.

    Raises:
        TypeError: if `width` is not a whole number.
        ValueError: if `width` is not between 2 and 640.

    Examples:
        >>> photographs(width=64)["china"].shape
        (43, 64, 3)
    """
    from PIL import Image
    from sklearn.datasets import load_sample_image

    found = {name: load_sample_image(f"{name}.jpg") for name in ("china", "flower")}
    if width is None:
        return found
    height, most = found["china"].shape[:2]
    if _validation.check_positive_int(width, "width", lowest=2) > most:
        raise ValueError(f"`width` must be at most {most}; got {width}.")
    size = (width, max(1, round(height * width / most)))
    return {
        name: np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))
        for name, image in found.items()
    }
