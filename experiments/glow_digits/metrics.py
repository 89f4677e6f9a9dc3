"""What is reported of each method."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

import lrmf_tfp as lt
from experiments.glow_digits.data import bits_per_dim
from experiments.glow_digits.fits import Bench
from experiments.glow_digits.labels import Classifiers
from experiments.glow_digits.parts import Outcome

__all__ = ["describe", "describe_private", "restated"]

Array = NDArray[np.floating[Any]]


def describe(outcome: Outcome, bench: Bench, classifiers: Classifiers) -> dict[str, Any]:
    """Return the score of one method, where it comes from, and what became of the classes."""
    score = outcome.score(bench.private)
    source, target = bench.private.log_prob
    moved, kept = outcome.moved_score, bench.digits.target.score
    size = moved.shape[1]
    return {
        **score._asdict(),
        "bits_per_dim": score.value / (size * math.log(2.0)),
        "source_part": float(source.mean() - outcome.source_shared.mean()),
        "target_part": float(target.mean() - outcome.target_shared.mean()),
        "energy_distance": float(lt.divergences.energy_distance(moved, kept)),
        "accuracy": classifiers.measure(outcome.moved, outcome.back),
        "steps": outcome.steps,
        "seconds": outcome.seconds,
    }


def describe_private(bench: Bench) -> dict[str, Any]:
    """Return the private likelihoods on the rows of scores, and how far they had converged."""
    found: dict[str, Any] = {"last_pass_gain": {}, "refits_gain": {}}
    for domain, name in enumerate(("source", "target")):
        nll = -float(bench.private.log_prob[domain].mean())
        found[f"nll_{name}"] = nll
        found[f"bits_per_dim_{name}"] = bits_per_dim(nll, bench.digits)
        found["last_pass_gain"][name] = bench.private.last_gain[domain]
        found["refits_gain"][name] = bench.private.first[domain] - bench.private.nll[domain]
    return found


def restated(outcome: Outcome, bench: Bench) -> tuple[Array, Array]:
    """Return the steps, 0 first, and held-out losses, counted from the final private fits."""
    history = outcome.history
    losses = history["validation_loss"] - history["constant"]
    steps = np.concatenate([[0], history["step"]])
    return steps, np.concatenate([[outcome.start], losses]) - sum(bench.private.nll)
