"""The two domains: images of both splits, and the vectors that stand for them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import lrmf_tfp as lt
from experiments.digits.config import Config

__all__ = ["Domain", "Images", "make_domain", "read_images"]

Array = NDArray[np.floating[Any]]
Images = dict[str, dict[str, lt.datasets.DigitImages]]


class Domain(NamedTuple):
    """One domain: images, labels for the judge alone, and vectors."""

    train: lt.datasets.DigitImages
    test: lt.datasets.DigitImages
    train_vectors: Array
    test_vectors: Array
    fitted: Array  # vectors of the images that maps are fitted to


def read_images(config: Config) -> Images:
    """Return the images of both splits of both domains, the first ones of each."""
    most = {"train": config.train_images, "test": config.test_images}
    found: Images = {}
    for name in ("usps", "mnist"):
        whole = {
            split: lt.datasets.digit_images(name, split=split, framing=config.framing)
            for split in most
        }
        found[name] = {
            split: type(each)(each.images[: most[split]], each.labels[: most[split]])
            for split, each in whole.items()
        }
    return found


def make_domain(
    config: Config, autoencoder: Any, splits: dict[str, lt.datasets.DigitImages], *, seed: int
) -> Domain:
    """Embed the images of a domain; draw those that maps are fitted to."""
    train, test = splits["train"], splits["test"]
    vectors = autoencoder.encode(train.images)
    rows = np.random.default_rng([seed, 2]).permutation(len(vectors))[: config.num_images]
    return Domain(train, test, vectors, autoencoder.encode(test.images), vectors[rows])
