"""Handwritten digits of two origins, MNIST and USPS, as images of one size.

Labels come with the images to measure an alignment, never to make one. TensorFlow and TensorFlow
Datasets are imported at the first call; the extra `digits` installs the latter.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lrmf_tfp import _validation
from lrmf_tfp.datasets import _digit_arrays, _folders
from lrmf_tfp.datasets._digit_arrays import NUM_ROWS
from lrmf_tfp.datasets.pair import DomainPair

if TYPE_CHECKING:
    import tensorflow as tf

__all__ = ["DigitImages", "digit_batches", "digit_images", "digits"]

_FRAMINGS = ("matched", "published")
_MATCHING_MARGIN = 3  # pixels: 16 of 22 are .73 of the side, MNIST's 20 of 28 are .71


class DigitImages(NamedTuple):
    """Images of one domain and what they show."""

    images: NDArray[np.float32]
    """Pixels in [0, 1], 1 where the ink is, `[N, H, W, 1]`."""

    labels: NDArray[np.int64]
    """Digits 0 to 9, `[N]`; for evaluation only."""


def digits(
    source: str = "usps",
    target: str = "mnist",
    *,
    size: int = 16,
    split: str = "train",
    num_samples: int | None = None,
    framing: str = "published",
    data_dir: str | os.PathLike[str] | None = None,
    seed: int = 0,
) -> DomainPair:
    """Return two domains of digits as a pair of images, with labels for evaluation only.

    `digits("mnist", "usps")` is the same images the other way round. See `digit_images` for how
    they come to one size and where they are looked for.

    Args:
        source: `"usps"` or `"mnist"`, whose images are moved.
        target: the other one.
        size: height and width of all images, at least 4.
        split: `"train"` or `"test"`.
        num_samples: images a domain, drawn without replacement; all when None.
        framing: `"published"` or `"matched"`.
        data_dir: folder to look into and to prepare in first.
        seed: which images are drawn.

    Returns:
        The pair; images are float32 `[N, size, size, 1]` in [0, 1].

    Raises:
        FileNotFoundError: if there are neither files nor network; says what to put where.
        ModuleNotFoundError: if the extra `digits` is not installed.
        TypeError: if a number is not whole.
        ValueError: if an argument is out of range or a file is damaged.

    Examples:
        >>> digits("usps", "usps")
        Traceback (most recent call last):
        ValueError: `target` must be another domain than `source`; got 'usps' for both.
    """
    _check_domains(source, target)
    settings: dict[str, Any] = {
        "size": size,
        "split": split,
        "num_samples": num_samples,
        "framing": framing,
    }
    for name in (source, target):
        _check(name, **settings, seed=seed)
    first, second = (
        digit_images(name, **settings, data_dir=data_dir, seed=seed) for name in (source, target)
    )
    title = f"{source.upper()} to {target.upper()}"
    return DomainPair(first.images, second.images, first.labels, second.labels, name=title)


def digit_images(
    name: str,
    *,
    size: int = 16,
    split: str = "train",
    num_samples: int | None = None,
    framing: str = "published",
    data_dir: str | os.PathLike[str] | None = None,
    seed: int = 0,
) -> DigitImages:
    """Return the images and labels of one domain.

    The two are framed differently. A USPS digit fills its 16x16 image; an MNIST digit fits a
    20x20 box with a margin of 4 pixels around, centred by mass. `framing="published"` only resizes
    what was published, so that this difference is a part of the gap that an alignment closes.
    `framing="matched"` first puts a margin of 3 pixels around a USPS image, so that digits of both
    are of about one height (16/22 and 20/28 of the side). Resizing is bilinear with antialiasing;
    at its own size an image stays as it is.

    Folders are searched in this order: `data_dir`, `TFDS_DATA_DIR` (else
    `~/tensorflow_datasets`), `~/.cache/lrmf_tfp/tensorflow_datasets`. A prepared data set in
    any of them is read. Else it is prepared in the first that can be written, all or nothing,
    USPS from `downloads/manual` of any of them (`usps.h5`, or `usps.bz2` and `usps.t.bz2`), or
    from the network. Images read stay in memory at their own size for the next call, 47 MB for
    MNIST's training split.

    Args:
        name: `"usps"` (7,291 to train, 2,007 to test) or `"mnist"` (60,000 and 10,000).
        size: height and width, at least 4.
        split: `"train"` or `"test"`.
        num_samples: images drawn without replacement, in stored order; all when None.
        framing: `"published"` or `"matched"`.
        data_dir: folder to look into and to prepare in first.
        seed: which images are drawn; other than those of another domain.

    Returns:
        Images `[N, size, size, 1]`, float32 in [0, 1], and labels `[N]`.

    Raises:
        FileNotFoundError: if there are neither files nor network; says what to put where.
        ModuleNotFoundError: if the extra `digits` is not installed.
        PermissionError: if it has to be prepared and no folder can be written.
        TypeError: if a number is not whole.
        ValueError: if an argument is out of range or a file is damaged.

    Examples:
        >>> digit_images("usps", split="test", num_samples=3000)
        Traceback (most recent call last):
        ValueError: `num_samples` must be at most 2007, usps's test split; got 3000.
    """
    _check(name, size=size, split=split, num_samples=num_samples, framing=framing, seed=seed)
    folder = _folders.prepared_folder(name, data_dir=data_dir)
    changed = (folder / "dataset_info.json").stat().st_mtime_ns
    images, labels = _digit_arrays.read(name, str(folder), split, changed)
    if num_samples is not None:
        rng = np.random.default_rng([seed, sorted(NUM_ROWS).index(name)])
        rows = np.sort(rng.permutation(len(images))[:num_samples])
        images, labels = images[rows], labels[rows]
    margin = _MATCHING_MARGIN if framing == "matched" and name == "usps" else 0
    return DigitImages(_digit_arrays.resized(images, size=size, margin=margin), labels.copy())


def digit_batches(
    source: str = "usps",
    target: str = "mnist",
    *,
    batch_size: int = 128,
    size: int = 16,
    split: str = "train",
    framing: str = "published",
    data_dir: str | os.PathLike[str] | None = None,
    seed: int = 0,
) -> tf.data.Dataset:
    """Return an endless stream of batches of both domains, for `lrmf_tfp.fit`.

    Each domain is gone through pass by pass, in an order of its own for each pass, which depends
    on `seed` alone; all batches are full. Images are read and resized once and kept in memory
    (61 MB for MNIST at 16x16); only the batch asked for is put together. There are no labels.

    Args:
        source: `"usps"` or `"mnist"`.
        target: the other one.
        batch_size: B, images of each domain a batch.
        size: height and width, at least 4.
        split: `"train"` or `"test"`.
        framing: `"published"` or `"matched"`, see `digit_images`.
        data_dir: folder to look into and to prepare in first.
        seed: the order.

    Returns:
        A `tf.data.Dataset` whose elements are `(source, target)`, float32
        `[B, size, size, 1]` each.

    Raises:
        FileNotFoundError: if there are neither files nor network; says what to put where.
        ModuleNotFoundError: if the extra `digits` is not installed.
        TypeError: if a number is not whole.
        ValueError: if an argument is out of range or a file is damaged.
    """
    _validation.check_positive_int(batch_size, "batch_size")
    pair = digits(
        source, target, size=size, split=split, framing=framing, data_dir=data_dir, seed=seed
    )
    return _digit_arrays.stream((pair.source, pair.target), batch_size=batch_size, seed=seed)


def _check_domains(source: str, target: str) -> None:
    for value, argument in ((source, "source"), (target, "target")):
        _validation.check_choice(value, argument, NUM_ROWS)
    if source == target:
        raise ValueError(
            f"`target` must be another domain than `source`; got {source!r} for both."
        )


def _check(
    name: str, *, size: int, split: str, num_samples: int | None, framing: str, seed: int
) -> None:
    _validation.check_choice(name, "name", NUM_ROWS)
    _validation.check_positive_int(size, "size", lowest=4)
    _validation.check_choice(split, "split", NUM_ROWS[name])
    _validation.check_choice(framing, "framing", _FRAMINGS)
    _validation.check_seed(seed, "seed")
    if num_samples is None:
        return
    _validation.check_positive_int(num_samples, "num_samples")
    if num_samples > NUM_ROWS[name][split]:
        raise ValueError(
            f"`num_samples` must be at most {NUM_ROWS[name][split]}, {name}'s {split} split; "
            f"got {num_samples}."
        )
