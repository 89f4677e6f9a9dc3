"""What goes in: rows of a domain, how they are split, standardised and drawn."""

from __future__ import annotations

from lrmf_tfp.samples.batch import Batch
from lrmf_tfp.samples.sample import Sample
from lrmf_tfp.samples.sources import ArraySource, Shard, Source
from lrmf_tfp.samples.standardize import Standardizer
from lrmf_tfp.samples.streams import DatasetSource

__all__ = [
    "ArraySource",
    "Batch",
    "DatasetSource",
    "Sample",
    "Shard",
    "Source",
    "Standardizer",
]
