"""The samples that the laws of divergences are checked on, and how closely they can hold."""

from __future__ import annotations

import numpy as np
import pytest

from tests.cases import SAMPLE_FUNCTIONS

ROWS = (9, 6)  # one shape for all cases of a law, so that each function is traced once
# Max-sliced ascends from directions that a seed gives: not exact, and not symmetric to the digit.
LOOSE = {"max_sliced_wasserstein": 2e-2}
# Programs that take seconds to trace: of laws that need a program of their own they keep to the
# slow lane, one of them apart.
HEAVY = {name for name in SAMPLE_FUNCTIONS if name.startswith("sinkhorn")} | set(LOOSE)
SOLVED = {name: 1e-6 for name in SAMPLE_FUNCTIONS if name.startswith("sinkhorn")}


def clouds(seed, dtype=np.float64, *, name=None):
    """Two sets of 9 and 6 rows, in as many columns as the function takes."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(ROWS[0], 2)), rng.normal(size=(ROWS[1], 2)) + rng.normal(size=2)
    columns = 2 if name is None else SAMPLE_FUNCTIONS[name].columns
    return x[:, :columns].astype(dtype), y[:, :columns].astype(dtype)


def tolerance(name, exact=1e-9):
    """The largest relative difference of two values that are equal but for rounding."""
    return max(LOOSE.get(name, 0.0), SOLVED.get(name, 0.0), exact)


def light(names, *, but=()):
    """Names as parameters, those of heavy programs marked as slow."""
    return [
        pytest.param(name, marks=pytest.mark.slow) if name in HEAVY - set(but) else name
        for name in names
    ]
