"""The estimator, and the fitted map outside the process that made it."""

from __future__ import annotations

from lrmf_tfp.alignment.aligner import Aligner
from lrmf_tfp.alignment.fitted import Alignment, load

__all__ = ["Aligner", "Alignment", "load"]
