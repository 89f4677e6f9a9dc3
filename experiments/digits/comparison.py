"""Other embeddings beside the one that is used (`--compare-embeddings`)."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from experiments.common.runner import report
from experiments.digits.config import Config
from experiments.digits.domains import Domain, make_domain, read_images
from experiments.digits.embeddings import changed, fit_autoencoder, retrieval
from experiments.digits.maps import fit_map
from experiments.digits.measures import Judge, measure

__all__ = ["compare_embeddings"]

CANDIDATES: dict[str, dict[str, Any]] = {
    "as used": {},
    "early stopping": {"early_stopping": True},
    "no augmentation": {"augment": False},
    "beta 1": {"beta": 1.0},
    "8 numbers": {"latent_size": 8},
    "32 numbers": {"latent_size": 32},
}
"""What `--compare-embeddings` changes of the configuration."""


def compare_embeddings(config: Config) -> dict[str, Any]:
    """Return, of each candidate, what ranks it without moved labels, and how USPS then fares."""
    found, seed, images = {}, config.seed, read_images(config)
    for name, changes in CANDIDATES.items():
        settings = dataclasses.replace(config, **changes)
        autoencoder = fit_autoencoder(settings, images, seed=seed)
        usps, mnist = (
            make_domain(settings, autoencoder, splits, seed=seed) for splits in images.values()
        )
        maps = {
            method: fit_map(method, usps.fitted, mnist.fitted, settings, seed=seed)
            for method in ("none", "lrmf")
        }
        judge = Judge(mnist.train_vectors, mnist.train.labels)
        judged = measure(maps, usps.test_vectors, usps.test.labels, judge=judge)
        found[name] = {
            "target": target_accuracy(autoencoder, mnist, judge, seed=seed),
            "retrieval": retrieval(autoencoder, mnist.test.images[:1000], seed=seed),
            **{key: judged[key] for key in ("accuracy_1nn", "mcnemar_p")},
        }
        report(f"digits: embedding {name!r}: {found[name]}")
    return found


def target_accuracy(
    autoencoder: Any, target: Domain, judge: Judge, *, seed: int
) -> dict[str, float]:
    """Return the 1-NN accuracy on the target's own test images, as they are and changed."""
    tests = {
        "plain": target.test_vectors,
        "changed": autoencoder.encode(changed(target.test.images, seed=seed)),
    }
    hits = judge.hits(tests, target.test.labels)["1nn"]
    return {name: float(np.mean(each)) for name, each in hits.items()}
