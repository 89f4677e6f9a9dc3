"""How good an alignment is: the bound, labels and neighbourhoods kept."""

from __future__ import annotations

from lrmf_tfp.evaluation.bootstrap import bootstrap_interval
from lrmf_tfp.evaluation.labels import label_accuracy
from lrmf_tfp.evaluation.neighbours import neighbourhood_preservation
from lrmf_tfp.evaluation.score import AlignmentScore, alignment_score

__all__ = [
    "AlignmentScore",
    "alignment_score",
    "bootstrap_interval",
    "label_accuracy",
    "neighbourhood_preservation",
]
