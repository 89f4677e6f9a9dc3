"""Means and spreads over seeds of numbers in nested dictionaries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["mean_over_seeds", "std_over_seeds"]


def mean_over_seeds(per_seed: Sequence[Any]) -> Any:
    """Return entry by entry the mean of numbers; all of truth values; texts where they agree."""
    first = per_seed[0]
    if isinstance(first, dict):
        return {name: mean_over_seeds([each[name] for each in per_seed]) for name in first}
    if isinstance(first, bool):
        return all(per_seed)
    if isinstance(first, (int, float)):
        return float(np.mean(per_seed))
    return first if all(each == first for each in per_seed) else "differs"


def std_over_seeds(per_seed: Sequence[Any]) -> Any:
    """Return entry by entry the standard deviation of numbers, 0 for one seed; no other entry."""
    first = per_seed[0]
    if isinstance(first, dict):
        found = {name: std_over_seeds([each[name] for each in per_seed]) for name in first}
        return {name: value for name, value in found.items() if value is not None}
    if isinstance(first, (int, float)) and not isinstance(first, bool):
        return float(np.std(per_seed, ddof=1)) if len(per_seed) > 1 else 0.0
    return None
