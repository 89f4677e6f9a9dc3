"""USPS as a TensorFlow Datasets builder; import it only where TensorFlow may be.

Not registered under a name, so that it never collides with another builder called `usps`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from numpy.typing import NDArray

from lrmf_tfp.datasets import _usps_files

__all__ = ["Usps"]

URL = "https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass/"


class Usps(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
    """9,298 handwritten digits from envelopes, 16x16, gray; 7,291 to train and 2,007 to test.

    Features: `image` `[16, 16, 1]`, float32 in [0, 1], exact, and `label`, 0 to 9. The manual
    folder's `usps.h5`, or `usps.bz2` and `usps.t.bz2`, are read where they are there; else
    LIBSVM's two files are downloaded and their MD5 is checked.

    References:
        [1] Hull, A database for handwritten text recognition research, IEEE PAMI 16(5), 1994.
    """

    name = "usps"
    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = "usps.h5, or usps.bz2 and usps.t.bz2; else both are downloaded."

    def _info(self) -> tfds.core.DatasetInfo:
        side = _usps_files.SIDE
        return tfds.core.DatasetInfo(
            builder=self,
            description="Handwritten digits from envelopes of the US Postal Service.",
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Tensor(shape=(side, side, 1), dtype=np.float32),
                    "label": tfds.features.ClassLabel(num_classes=10),
                }
            ),
            supervised_keys=("image", "label"),
            homepage=URL,
        )

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator[tuple[int, Any]]]:
        files = _usps_files.find_usps(_manual_folder(dl_manager))
        if files:
            splits = _usps_files.read_usps(files)
        else:
            urls = {split: URL + name for split, name in _usps_files.LIBSVM_FILES.items()}
            splits = {
                split: _usps_files.read_libsvm(
                    Path(path), split=split, md5=_usps_files.published_md5(split)
                )
                for split, path in dl_manager.download(urls).items()
            }
        return {split: self._generate_examples(*part) for split, part in splits.items()}

    def _generate_examples(
        self, images: NDArray[np.float32], labels: NDArray[np.int64]
    ) -> Iterator[tuple[int, Any]]:
        for row, (image, label) in enumerate(zip(images, labels, strict=True)):
            yield row, {"image": image, "label": int(label)}


def _manual_folder(dl_manager: tfds.download.DownloadManager) -> Path:
    try:
        return Path(dl_manager.manual_dir)
    except AssertionError:  # how TFDS says that it is missing or empty
        return Path("no manual folder")
