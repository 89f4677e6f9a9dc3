"""Real input: 16 principal components of USPS digits moved onto those of MNIST digits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.decomposition import PCA

NUM_COMPONENTS, NUM_ROWS, SIDE = 16, 4000, 16
USPS = Path(os.environ.get("TFDS_DATA_DIR", ""), "downloads", "manual", "usps.h5")


def _usps():
    h5py = pytest.importorskip("h5py")
    with h5py.File(USPS) as file:
        return file["train/data"][:NUM_ROWS]


def _mnist():
    tfds = pytest.importorskip("tensorflow_datasets")
    import tensorflow as tf

    images = tfds.as_numpy(tfds.load("mnist", split="train", batch_size=-1))["image"][:NUM_ROWS]
    small = tf.image.resize(images.astype(np.float32) / 255.0, [SIDE, SIDE], antialias=True)
    return small.numpy().reshape(len(images), -1)


@pytest.mark.long
@pytest.mark.skipif(
    "TFDS_DATA_DIR" not in os.environ or not USPS.exists(),
    reason="TFDS_DATA_DIR does not hold downloads/manual/usps.h5",
)
def test_the_score_of_digits_falls_by_half_untuned(tmp_path):
    mnist = _mnist()
    components = PCA(NUM_COMPONENTS, random_state=0).fit(mnist)
    for name, images in (("usps", _usps()), ("mnist", mnist)):
        np.save(tmp_path / f"{name}.npy", components.transform(images).astype(np.float32))
    command = [sys.executable, "-m", "lrmf_tfp.cli", "align", "usps.npy", "mnist.npy"]
    done = subprocess.run(
        [*command, "--output", "out", "--restarts", "1"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    report = json.loads((tmp_path / "out" / "score.json").read_text())
    assert report["after"]["value"] < 0.5 * report["before"]["value"]
    assert report["before"]["value"] > 1.0
    moved = np.load(tmp_path / "out" / "aligned.npy")
    assert moved.shape == (NUM_ROWS, NUM_COMPONENTS)
