"""The fitted map outside the process that made it: SavedModel out, `Alignment` back (level 5)."""

from __future__ import annotations

from lrmf_tfp.export.alignment import Alignment, AlignmentMethods, load, row_hashes
from lrmf_tfp.export.module import AlignmentModule, Standardizer

__all__ = [
    "Alignment",
    "AlignmentMethods",
    "AlignmentModule",
    "Standardizer",
    "load",
    "row_hashes",
]
