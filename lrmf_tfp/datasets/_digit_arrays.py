"""Digits as arrays and streams: read from a prepared folder, resized, put in batches.

TensorFlow is imported by the functions that need it.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lrmf_tfp.datasets import _folders, _usps_files

if TYPE_CHECKING:
    import tensorflow as tf

__all__ = ["NUM_ROWS", "read", "resized", "stream"]

NUM_ROWS = {"mnist": {"train": 60_000, "test": 10_000}, "usps": _usps_files.NUM_ROWS}
_ROUNDS = 24
_CHUNK = 4096  # images resized at a time, which bounds the memory


@functools.lru_cache(maxsize=4)  # both splits of both domains
def read(
    name: str, folder: str, split: str, changed: int
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return all images of a split as stored, `[N, H, W, 1]`, and their labels."""
    del changed  # part of the key: prepared anew, read anew
    tfds = _folders.import_tfds()
    builder = tfds.builder_from_directory(folder)
    settings = tfds.ReadConfig(try_autocache=False, interleave_cycle_length=1)
    try:
        dataset = builder.as_dataset(split=split, shuffle_files=False, read_config=settings)
        parts = list(dataset.batch(1024).prefetch(1).as_numpy_iterator())
        images, labels = (
            np.concatenate([part[key] for part in parts]) for key in ("image", "label")
        )
        if len(images) != NUM_ROWS[name][split]:
            raise ValueError(f"{len(images)} images in place of {NUM_ROWS[name][split]}")
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(
            f"`data_dir` must hold a whole {name}; got {reason} in {folder!r}: "
            "remove this folder to have it prepared anew."
        ) from error
    return images, labels.astype(np.int64)


def resized(images: NDArray[Any], *, size: int, margin: int) -> NDArray[np.float32]:
    """Return float32 images in [0, 1], `[N, size, size, 1]`."""
    import tensorflow as tf

    top = np.float32(255.0 if images.dtype == np.uint8 else 1.0)
    result = np.empty((len(images), size, size, 1), np.float32)
    border = [(0, 0), (margin, margin), (margin, margin), (0, 0)]
    with tf.device("CPU"):
        for start in range(0, len(images), _CHUNK):
            part = np.pad(images[start : start + _CHUNK].astype(np.float32) / top, border)
            if part.shape[1:3] != (size, size):
                part = tf.image.resize(part, [size, size], antialias=True).numpy()
            result[start : start + _CHUNK] = np.clip(part, 0.0, 1.0)
    return result


def stream(domains: tuple[NDArray[Any], ...], *, batch_size: int, seed: int) -> tf.data.Dataset:
    """Return endless batches: batch k holds the places k B to k B + B - 1 of endless passes."""
    import tensorflow as tf

    with tf.device("CPU"):
        rows = [tf.constant(domain) for domain in domains]
        # Stateless, unlike Dataset.shuffle, whose order hangs on the global seed too.
        keys = [
            np.random.SeedSequence([seed, index]).generate_state(2).astype(np.int64)
            for index in range(len(domains))
        ]

    @tf.autograph.experimental.do_not_convert
    def batch(step: tf.Tensor) -> tuple[tf.Tensor, ...]:
        places = step * batch_size + tf.range(batch_size, dtype=tf.int64)
        return tuple(
            tf.gather(images, _shuffled(places, key, num_rows=len(images)))
            for images, key in zip(rows, keys, strict=True)
        )

    return tf.data.Dataset.counter().map(batch).prefetch(2)


def _shuffled(places: tf.Tensor, key: NDArray[np.int64], *, num_rows: int) -> tf.Tensor:
    """Return the row at each place, `[B]`; each row comes once a pass."""
    import tensorflow as tf

    passes = places // num_rows
    seeds = tf.stack([*(tf.fill(tf.shape(passes), value) for value in key), passes], axis=1)
    # The op behind tf.random.experimental.index_shuffle, which takes no seed for each index. With
    # its 4 rounds the orders of two passes correlate to .9; from 8 on to nothing.
    return tf.raw_ops.RandomIndexShuffle(
        index=places % num_rows, seed=seeds, max_index=np.int64(num_rows - 1), rounds=_ROUNDS
    )
