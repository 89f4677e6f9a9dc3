"""Every argument check of the library and its wording."""

from __future__ import annotations

from lrmf_tfp._validation.arrays import as_events, as_labels, as_pair, as_samples, as_vector
from lrmf_tfp._validation.checks import (
    check_choice,
    check_finite,
    check_fraction,
    check_not_negative,
    check_positive,
    check_positive_int,
    check_positive_ints,
    check_same_width,
    check_seed,
    check_varies,
    shortened,
)
from lrmf_tfp._validation.frames import column_names, frame_like, is_frame

__all__ = [
    "as_events",
    "as_labels",
    "as_pair",
    "as_samples",
    "as_vector",
    "check_choice",
    "check_finite",
    "check_fraction",
    "check_not_negative",
    "check_positive",
    "check_positive_int",
    "check_positive_ints",
    "check_same_width",
    "check_seed",
    "check_varies",
    "column_names",
    "frame_like",
    "is_frame",
    "shortened",
]
