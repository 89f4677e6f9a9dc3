"""The digits: rows for training, stopping, scoring and labelling."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import lrmf_tfp as lt

__all__ = ["Digits", "Domain", "SIDE", "TestImages", "bits_per_dim", "load_digits", "to_pixels"]

Array = NDArray[np.floating[Any]]
Labels = NDArray[np.integer[Any]]

SIDE = 16
_SIZE = SIDE * SIDE
_LEVELS = 256  # gray values that a bit per dimension is counted against


class Domain(NamedTuple):
    """Rows `[N, 256]` of one domain with noise, standardised by the target."""

    train: Array
    """What is trained on; several copies of each image, each with a noise of its own."""
    stop: Array
    """What decides on stopping and on which weights are kept."""
    score: Array
    """What scores and private likelihoods are computed on."""


class TestImages(NamedTuple):
    """Rows `[N, 256]` of the test split, standardised, with their labels `[N]`."""

    rows: Array
    labels: Labels


class Digits(NamedTuple):
    """USPS, which is moved, and MNIST, which stays."""

    source: Domain
    target: Domain
    source_test: TestImages
    target_test: TestImages
    labelled: tuple[TestImages, TestImages]
    """Training images of source and target with labels, for classifiers alone."""
    loc: float
    scale: float

    @property
    def train(self) -> tuple[Array, Array]:
        """Training rows of both domains."""
        return self.source.train, self.target.train

    @property
    def stop(self) -> tuple[Array, Array]:
        """Rows of both domains that decide on stopping."""
        return self.source.stop, self.target.stop

    @property
    def score(self) -> tuple[Array, Array]:
        """Rows of both domains that scores are computed on."""
        return self.source.score, self.target.score


def load_digits(
    *, num_held_out: int, num_target: int, num_test: int, noise: float, copies: int, seed: int
) -> Digits:
    """Return USPS and MNIST at 16x16 with uniform noise, standardised by MNIST.

    Args:
        num_held_out: rows a domain for stopping, and as many for scoring.
        num_target: training images of MNIST; USPS is used whole.
        num_test: images of each test split.
        noise: width of the uniform noise, in units of the gray scale [0, 1].
        copies: noisy copies of each training image.
        seed: seed of split and noise.
    """
    rng = np.random.default_rng([seed, 5])
    names = ("usps", "mnist")
    train = [lt.datasets.digit_images(name, size=SIDE) for name in names]
    test = [lt.datasets.digit_images(name, size=SIDE, split="test") for name in names]
    loc = float(train[1].images.mean() + 0.5 * noise)
    scale = math.sqrt(float(train[1].images.std()) ** 2 + noise**2 / 12.0)

    def rows(images: Array) -> Array:
        noisy = images.reshape(len(images), _SIZE) + noise * rng.random((len(images), _SIZE))
        return np.asarray((noisy - loc) / scale, np.float32)

    domains, labelled, tested = [], [], []
    for given, limit in zip(train, (len(train[0].images), num_target), strict=True):
        order = rng.permutation(len(given.images))[: limit + 2 * num_held_out]
        stop, score, rest = np.split(order, [num_held_out, 2 * num_held_out])
        drawn = np.concatenate([rows(given.images[rest]) for _ in range(copies)])
        domains.append(Domain(drawn, rows(given.images[stop]), rows(given.images[score])))
        labelled.append(TestImages(drawn[: len(rest)], given.labels[rest]))
    for given in test:
        chosen = rng.permutation(len(given.images))[:num_test]
        tested.append(TestImages(rows(given.images[chosen]), given.labels[chosen]))
    return Digits(*domains, *tested, (labelled[0], labelled[1]), loc, scale)


def to_pixels(rows: Array, digits: Digits) -> Array:
    """Return images `[N, 16, 16]` on the gray scale, noise included."""
    return (np.asarray(rows, np.float64) * digits.scale + digits.loc).reshape(-1, SIDE, SIDE)


def bits_per_dim(nll: float, digits: Digits) -> float:
    """Return `(nll_pixels / 256 + log(256)) / log(2)` of nats per image in standardised rows.

    `nll_pixels = nll + 256 log(scale)` is the same density on the gray scale [0, 1]; the
    logarithm of 256 counts it against gray values 0 to 255.
    """
    pixels = nll / _SIZE + math.log(digits.scale)
    return (pixels + math.log(_LEVELS)) / math.log(2.0)
