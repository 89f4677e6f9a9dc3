"""Type aliases shared by the package."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Array", "IntArray", "Samples", "Tensor", "Weights"]

Array: TypeAlias = npt.NDArray[np.floating[Any]]
"""A NumPy array of floats."""

IntArray: TypeAlias = npt.NDArray[np.integer[Any]]
"""A NumPy array of integers, for labels."""

Samples: TypeAlias = Any
"""What users pass as samples: array, data frame, tensor or finite `tf.data.Dataset`."""

Tensor: TypeAlias = Any
"""A `tf.Tensor`; TensorFlow ships no type information."""

Weights: TypeAlias = npt.ArrayLike | Tensor
"""What users pass as weights `[N]`: numbers on any positive scale."""
