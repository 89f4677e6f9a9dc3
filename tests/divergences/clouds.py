"""The samples that the laws of divergences are checked on, and how closely they can hold."""

from __future__ import annotations

import numpy as np
import pytest

from tests.cases import SAMPLE_FUNCTIONS

ROWS = (9, 6)  # one shape for all cases of a law, so that each function is traced once
# Max-sliced ascends from directions that a seed gives: not exact, and not symmetric to the digit.
LOOSE = {"max_sliced_wasserstein": 2e-2}
# Programs that take seconds to trace, and those that differ from another by a setting.
HEAVY = {name for name in SAMPLE_FUNCTIONS if name.startswith("sinkhorn")} | set(LOOSE)
TWINS = {"mmd_multi_gaussian", "sinkhorn_euclidean", "sinkhorn_result"}
KERNELS = {"mmd_laplace", "mmd_unbiased"}  # as "mmd_gaussian", with another kernel
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


def lanes(names, slow):
    """Names as parameters, some of them in the slow lane."""
    return [pytest.param(name, marks=pytest.mark.slow) if name in slow else name for name in names]


EACH = lanes(SAMPLE_FUNCTIONS, TWINS)
"""For laws that all can share one program for."""


def light(names):
    """Names as parameters of a law that needs a program of its own for each."""
    return lanes(names, HEAVY | TWINS | KERNELS)
