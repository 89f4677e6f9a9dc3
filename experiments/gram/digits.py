"""Handwritten digits by GRAM, on one core: how far it gets, in a space that nobody trained."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from sklearn.decomposition import PCA

import lrmf_tfp as lt
from experiments.gram.config import Config

__all__ = ["check_mnist", "train_digits"]

Array = NDArray[np.floating[Any]]

_NUM_BASIS = 64  # principal components that generator and projection start from
_NUM_COMPONENTS = 32  # of the space in which samples are compared
_NUM_FITTED = 20_000
_NUM_COMPARED = 2000
_NUM_FEATURES = 10
_NOISE_SIZE = 50


class _Basis(NamedTuple):
    """Principal components of the training images."""

    mean: Array
    components: Array
    stds: Array

    @classmethod
    def of(cls, images: Array) -> _Basis:
        """Return the first components of images `[N, 784]`."""
        found = PCA(_NUM_BASIS, random_state=0).fit(images[:_NUM_FITTED])
        stds = np.sqrt(found.explained_variance_)
        return cls(*(part.astype(np.float32) for part in (found.mean_, found.components_, stds)))


def check_mnist() -> None:
    """Raise in one line if MNIST is not there, before anything is trained."""
    folder = os.environ.get("TFDS_DATA_DIR", "")
    if not folder or not Path(folder, "mnist").is_dir():
        raise FileNotFoundError(
            "`TFDS_DATA_DIR` must name a folder of TensorFlow Datasets that holds mnist, "
            f"or give --no-digits; got {folder or 'none'!r}."
        )


def load_mnist() -> tuple[Array, Array]:
    """Return the training and test images `[N, 784]`, in [0, 1]."""
    check_mnist()
    train, test = (
        lt.datasets.digit_images("mnist", size=28, split=split).images
        for split in ("train", "test")
    )
    return train.reshape(len(train), -1), test.reshape(len(test), -1)


def train_digits(config: Config) -> tuple[dict[str, float], dict[str, Array]]:
    """Return the metrics, and the sheets of real, untrained and trained digits."""
    train, test = load_mnist()
    basis = _Basis.of(train)
    generator = _generator(basis, seed=config.seed)
    projection = _projection(basis, seed=config.seed + 1000)
    objective = lt.objectives.GRAMObjective(
        generator, projection, bandwidths=config.digits_bandwidths
    )
    compare = _comparison(train, test)
    before = generator.sample(_NUM_COMPARED, seed=5).numpy()
    settings = lt.FitConfig(
        num_steps=config.digits_steps,
        batch_size=config.digits_batch_size,
        optimizer={"generator": _adam(1e-3), "projection": _adam(5e-4)},
    )
    began = time.monotonic()
    result = lt.fit(objective, (train,), settings, seed=config.seed)
    seconds = time.monotonic() - began
    after = generator.sample(_NUM_COMPARED, seed=5).numpy()
    metrics = {
        "mmd_squared_before": compare(before),
        "mmd_squared": compare(after),
        "mmd_squared_floor": compare(train[:_NUM_COMPARED]),
        "pearson": float(result.history["pearson"][-1]),
        "mean_ratio": float(result.history["mean_ratio"][-1]),
        "seconds": seconds,
    }
    return metrics, {"data": test, "GRAM before training": before, "GRAM": after}


class _Images(tf.Module):
    """Images `[B, 784]` of coefficients; starts as the data's principal components."""

    def __init__(self, basis: _Basis, coefficients: Any) -> None:
        super().__init__()
        self.coefficients = coefficients
        self.kernel = tf.Variable(basis.components * basis.stds[:, None])
        self.bias = tf.Variable(basis.mean)

    def __call__(self, noise: Any) -> Any:
        return self.coefficients(noise) @ self.kernel + self.bias


class _Features(tf.Module):
    """Features of images `[B, 784]`; starts by looking at principal components."""

    def __init__(self, basis: _Basis, network: Any) -> None:
        super().__init__()
        self.network = network
        self.kernel = tf.Variable(basis.components.T)
        self._mean = basis.mean

    def __call__(self, images: Any) -> Any:
        return self.network((images - self._mean) @ self.kernel)


def _generator(basis: _Basis, *, seed: int) -> Any:
    coefficients = lt.objectives.implicit_generator(
        len(basis.stds), noise_size=_NOISE_SIZE, hidden_units=(256, 256), seed=seed
    )
    return lt.objectives.ImplicitGenerator(_Images(basis, coefficients), noise_size=_NOISE_SIZE)


def _projection(basis: _Basis, *, seed: int) -> Any:
    network = lt.objectives.projection_network(
        len(basis.stds), num_features=_NUM_FEATURES, seed=seed
    )
    return _Features(basis, network)


def _adam(rate: float) -> Any:
    return lt.training.Adam(rate, beta_1=0.5, schedule=lt.training.ConstantSchedule())


def _comparison(train: Array, test: Array) -> Any:
    """Return a function to the squared MMD from test images, in principal components."""
    components = PCA(_NUM_COMPONENTS, random_state=0, whiten=True)
    components.fit(train[:_NUM_FITTED])
    fixed = components.transform(test[:_NUM_COMPARED])
    kernel = lt.kernels.GaussianKernel(lt.kernels.median_distance(fixed, fixed))

    def compare(images: Array) -> float:
        moved = components.transform(images)
        return float(lt.divergences.mmd_squared(moved, fixed, kernel=kernel))

    return compare
