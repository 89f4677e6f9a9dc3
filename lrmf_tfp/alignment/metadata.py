"""What is saved beside a map: versions, settings, columns."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import tensorflow as tf
import tensorflow_probability as tfp

from lrmf_tfp import __version__
from lrmf_tfp._core.spec import described
from lrmf_tfp.samples.sample import Sample
from lrmf_tfp.training import FitConfig

if TYPE_CHECKING:
    from lrmf_tfp.alignment.aligner import Aligner

__all__ = ["metadata_of"]


def metadata_of(aligner: Aligner, source: Sample, *, start: str) -> dict[str, Any]:
    """Return plain values; they are serialised here once, before hours of training.

    Args:
        aligner: The estimator, for its settings.
        source: The source, for what its columns are called.
        start: Where the map starts.
    """
    names, conditions = source.feature_names, source.condition_names
    metadata = {
        "lrmf_tfp": __version__,
        "tensorflow": tf.__version__,
        "tensorflow_probability": tfp.__version__,
        "event_size": source.rows.shape[1],
        "event_shape": list(source.event_shape),
        "feature_names": None if names is None else list(names),
        "condition_size": source.condition_size,
        "condition_names": None if conditions is None else list(conditions),
        "flow": _name(aligner.flow),
        "objective": _name(aligner.objective),
        "start": start,
        "dtype": aligner.dtype,
        "seed": described(aligner.seed),
        "config": described(aligner.config or FitConfig()),
        "settings": described(aligner.get_params(deep=False)),
    }
    json.dumps(metadata)
    return metadata


def _name(setting: Any) -> str:
    """Return a setting as text: its name, or that of its function or class."""
    name = described(setting)
    return name["name"] if isinstance(name, dict) else str(name)
