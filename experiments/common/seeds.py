"""Seeds of an experiment, and means and spreads over them of numbers in nested dictionaries.

`per_seed` holds what each seed gave: numbers, or dictionaries of one nesting. What is returned
has the nesting of one of them. A list of numbers is the simplest case: `mean_over_seeds([1.0,
2.0])` is 1.5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np

__all__ = ["mean_over_seeds", "over_seeds", "seeds_of", "std_over_seeds"]


def seeds_of(config: Any) -> range:
    """Return the `seeds` seeds of a configuration, from its `seed` on."""
    return range(config.seed, config.seed + config.seeds)


def over_seeds(per_seed: Sequence[Any], reduce: Callable[[Sequence[Any]], Any]) -> Any:
    """Return entry by entry what `reduce` makes of the seeds' values; None leaves an entry out."""
    first = per_seed[0]
    if not isinstance(first, Mapping):
        return reduce(per_seed)
    found = {name: over_seeds([each[name] for each in per_seed], reduce) for name in first}
    return {name: value for name, value in found.items() if value is not None}


def mean_over_seeds(per_seed: Sequence[Any], *, differing: str | None = "differs") -> Any:
    """Return entry by entry the mean of numbers and arrays; truth values must hold on all seeds.

    Args:
        per_seed: what each seed gave.
        differing: stands for texts that do not agree; None leaves them out. Where all agree, the
            value itself stands.
    """

    def mean(values: Sequence[Any]) -> Any:
        first = values[0]
        if isinstance(first, bool):
            return all(values)
        if isinstance(first, np.ndarray):
            return np.mean(values, axis=0, dtype=np.float64)
        if all(each == first for each in values):
            return first
        return float(np.mean(values)) if isinstance(first, Real) else differing

    return over_seeds(per_seed, mean)


def std_over_seeds(per_seed: Sequence[Any], *, ddof: int = 1) -> Any:
    """Return entry by entry the standard deviation of numbers and arrays; no other entry.

    Args:
        per_seed: what each seed gave.
        ddof: 1 estimates the spread of further seeds, 0 measures that of these. One seed has a
            spread of 0.
    """

    def std(values: Sequence[Any]) -> Any:
        first = values[0]
        if isinstance(first, bool) or not isinstance(first, (Real, np.ndarray)):
            return None
        spread = np.std(values, axis=0, ddof=min(ddof, len(values) - 1), dtype=np.float64)
        return spread if isinstance(first, np.ndarray) else float(spread)

    return over_seeds(per_seed, std)
