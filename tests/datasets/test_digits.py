"""Digits: from files of every kind and damage to images and batches, and on the real ones."""

from __future__ import annotations

import bz2
import hashlib
import os
import shutil
import stat
import subprocess
import sys
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from lrmf_tfp import datasets
from lrmf_tfp.datasets import _digit_arrays, _folders, _usps_files

h5py = pytest.importorskip("h5py")
pytest.importorskip("tensorflow_datasets")

TINY = {"train": 30, "test": 20}
SHARED = Path(os.environ.get("TFDS_DATA_DIR", "no such folder"))
real = pytest.mark.skipif(
    not (SHARED / "downloads/manual/usps.h5").exists() or not (SHARED / "mnist").exists(),
    reason="TFDS_DATA_DIR holds no mnist and downloads/manual/usps.h5",
)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A world of its own, of tiny data sets, with no network and no other folders."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "own"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name, count in TINY.items():
        monkeypatch.setitem(_usps_files.NUM_ROWS, name, count)
        monkeypatch.setitem(_digit_arrays.NUM_ROWS["mnist"], name, count)

    def no_network(*args, **kwargs):
        raise OSError("Name or service not known")

    monkeypatch.setattr(urllib.request, "urlopen", no_network)
    _digit_arrays.read.cache_clear()
    yield tmp_path
    _digit_arrays.read.cache_clear()


def tiny_usps(seed=0):
    """Values on USPS's own grid of 1/2000, and one label of each digit first."""
    rng = np.random.default_rng(seed)
    return {
        split: ((rng.integers(0, 2001, (n, 256)) / 2000).astype(np.float32), np.arange(n) % 10)
        for split, n in TINY.items()
    }


def write_h5(folder, parts=None):
    folder.mkdir(parents=True, exist_ok=True)
    with h5py.File(folder / "usps.h5", "w") as file:
        for split, (data, target) in (parts or tiny_usps()).items():
            file[f"{split}/data"], file[f"{split}/target"] = data, target
    return folder / "usps.h5"


def write_libsvm(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for split, (data, target) in tiny_usps().items():
        rows = [
            f"{label + 1} " + " ".join(f"{k + 1}:{2 * x - 1:.6g}" for k, x in enumerate(row))
            for row, label in zip(data, target, strict=True)
        ]
        (folder / _usps_files.LIBSVM_FILES[split]).write_bytes(
            bz2.compress("\n".join([*rows, ""]).encode())
        )
    return [folder / name for name in _usps_files.LIBSVM_FILES.values()]


def fake_mnist(folder):
    """A prepared MNIST of noise, as TFDS would leave it."""
    import tensorflow_datasets as tfds

    features = tfds.features.FeaturesDict(
        {
            "image": tfds.features.Image(shape=(28, 28, 1)),
            "label": tfds.features.ClassLabel(num_classes=10),
        }
    )
    rng = np.random.default_rng(1)
    examples = {
        split: [
            {"image": rng.integers(0, 256, (28, 28, 1), dtype=np.uint8), "label": k % 10}
            for k in range(n)
        ]
        for split, n in TINY.items()
    }

    class Mnist(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        VERSION = tfds.core.Version("3.0.1")

        def _info(self):
            return tfds.core.DatasetInfo(builder=self, features=features)

        def _split_generators(self, dl_manager):
            return {split: enumerate(rows) for split, rows in examples.items()}

        def _generate_examples(self):
            return iter(())

    Mnist(data_dir=str(folder)).download_and_prepare()


def content(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_h5_and_libsvm_hold_the_same(home):
    from_h5 = _usps_files.read_usps([write_h5(home / "a")])
    from_text = _usps_files.read_usps(write_libsvm(home / "b"))
    for split, count in TINY.items():
        (images, labels), (others, other_labels) = from_h5[split], from_text[split]
        assert images.shape == others.shape == (count, 16, 16, 1)
        assert images.dtype == others.dtype == np.float32
        assert labels.dtype == np.int64
        np.testing.assert_allclose(images, others, atol=1e-6)
        np.testing.assert_array_equal(labels, other_labels)
    expected = tiny_usps()["train"][0].reshape(-1, 16, 16, 1)
    np.testing.assert_array_equal(from_h5["train"][0], expected)


def test_usps_is_prepared_once_and_nothing_else_is_left(home):
    manual = home / "own" / "downloads" / "manual"
    write_h5(manual)
    first = datasets.digit_images("usps")
    assert content(home / "own") == ["downloads", "usps"]
    assert content(home / "own" / "usps") == ["1.0.0"]
    assert content(home / "own" / "downloads") == ["manual"]
    shutil.rmtree(manual)
    _digit_arrays.read.cache_clear()
    again = datasets.digit_images("usps")
    np.testing.assert_array_equal(first.images, again.images)
    # TFDS stores rows in an order of its own: as sets they are what was in the file.
    data, target = tiny_usps()["train"]
    order = [
        int(np.argmin(np.abs(data - row).sum(axis=1))) for row in first.images.reshape(-1, 256)
    ]
    assert sorted(order) == list(range(30))
    np.testing.assert_array_equal(first.images.reshape(-1, 256), data[order])
    np.testing.assert_array_equal(first.labels, target[order])


def test_a_named_folder_is_written_and_files_are_found_elsewhere(home):
    write_libsvm(home / "own" / "downloads" / "manual")
    datasets.digit_images("usps", data_dir=home / "named", split="test")
    assert content(home / "named") == ["usps"]
    assert content(home / "own") == ["downloads"]
    assert content(home / "cache") == []


def test_a_folder_without_write_bits_is_left_alone(home):
    own = home / "own"
    write_h5(own / "downloads" / "manual")
    own.chmod(stat.S_IREAD | stat.S_IEXEC)
    try:
        datasets.digit_images("usps")
        assert content(own) == ["downloads"]
        assert content(home / "cache" / "lrmf_tfp" / "tensorflow_datasets") == ["usps"]
        _digit_arrays.read.cache_clear()
        assert datasets.digit_images("usps", data_dir=own, split="test").images.shape[0] == 20
    finally:
        own.chmod(stat.S_IRWXU)


def test_folders_none_of_which_can_be_written(home, monkeypatch):
    write_h5(home / "own" / "downloads" / "manual")
    monkeypatch.setattr(os, "access", lambda *args: False)
    with pytest.raises(PermissionError, match="`data_dir` must be a folder that can be written"):
        datasets.digit_images("usps")


def _cut(path, share):
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])


def _drop_group(path):
    with h5py.File(path, "a") as file:
        del file["test"]


def _break(path, key, value):
    with h5py.File(path, "a") as file:
        old = file[key][()]
        del file[key]
        file[key] = value(old)


def _with(array, index, value):
    array = array.astype(np.float64)
    array[index] = value
    return array


DAMAGES = {
    "cut short": (lambda path: _cut(path, 0.6), "a whole HDF5 file; got .*truncated"),
    "empty": (lambda path: path.write_bytes(b""), "a whole HDF5 file"),
    "text": (lambda path: path.write_text("no digits"), "a whole HDF5 file"),
    "no group": (_drop_group, "an array `test/data`; got train"),
    "group for array": (lambda path: _nest(path), "an array `train/data`"),
    "rows": (
        lambda path: _break(path, "train/data", lambda old: old[:-1]),
        r"data of train \[30, 256\]; got float32 \[29, 256\]",
    ),
    "width": (
        lambda path: _break(path, "test/data", lambda old: old[:, :-1]),
        r"data of test \[20, 256\]",
    ),
    "text in array": (
        lambda path: _break(path, "train/target", lambda old: old.astype("S")),
        "target of train",
    ),
    "range": (
        lambda path: _break(path, "train/data", lambda old: 255 * old),
        "data of train from 0 to 1; got values from 0 to 255",
    ),
    "nan": (
        lambda path: _break(path, "train/data", lambda old: _with(old, (2, 3), np.nan)),
        "data of train from 0 to 1",
    ),
    "label": (
        lambda path: _break(path, "test/target", lambda old: old + 1),
        "target of test from 0 to 9; got values from 1 to 10",
    ),
    "half a label": (
        lambda path: _break(path, "test/target", lambda old: _with(old, 0, 0.5)),
        "whole numbers as target of test",
    ),
}


def _nest(path):
    with h5py.File(path, "a") as file:
        del file["train/data"]
        file["train/data/deeper"] = 1.0


@pytest.mark.parametrize(("damage", "match"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_h5_is_named_and_nothing_is_written(home, damage, match):
    path = write_h5(home / "own" / "downloads" / "manual")
    damage(path)
    with pytest.raises(ValueError, match=f"`data_dir` must hold USPS with .*{match}") as caught:
        datasets.digit_images("usps")
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert content(home / "own") == ["downloads"]


@pytest.mark.parametrize("count", [60, pytest.param(1000, marks=pytest.mark.slow)])
def test_flipped_bytes_of_an_h5_are_named(home, count):
    path = write_h5(home)
    sound = path.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(count):
        raw = bytearray(sound)
        for place in rng.integers(len(raw), size=rng.integers(1, 6)):
            raw[place % 4096 if rng.integers(4) else place] ^= 1 << rng.integers(8)
        path.write_bytes(raw)
        try:
            _usps_files.read_h5(path)
        except ValueError as error:
            assert str(error).startswith("`data_dir` must hold USPS with ")  # noqa: PT017
            assert str(error).isprintable()  # noqa: PT017
            refused += 1
    assert refused > count / 4


def test_a_huge_h5_is_refused_unread(home):
    path = write_h5(home)
    with h5py.File(path, "a") as file:
        del file["train/data"]
        file.create_dataset("train/data", (10**9, 256), "f4", chunks=(1, 256))
    with pytest.raises(
        ValueError, match=r"data of train \[30, 256\]; got float32 \[1000000000, 256"
    ):
        _usps_files.read_h5(path)


def test_an_h5_that_points_elsewhere_is_refused(home):
    path = write_h5(home)
    (home / "other.bin").write_bytes(bytes(30 * 256 * 4))
    with h5py.File(path, "a") as file:
        del file["train/data"]
        elsewhere = [(str(home / "other.bin"), 0, 30 * 256 * 4)]
        file.create_dataset("train/data", (30, 256), "f4", external=elsewhere)
    with pytest.raises(ValueError, match="data of train inside the file; got a link to another"):
        _usps_files.read_h5(path)


def _recompress(path, change):
    path.write_bytes(bz2.compress(change(bz2.decompress(path.read_bytes()).decode()).encode()))


@pytest.mark.parametrize(
    ("damage", "match"),
    [
        (lambda path: _cut(path, 0.6), "a whole bzip2 file of lines"),
        (lambda path: path.write_bytes(b"<html>"), "a whole bzip2 file of lines"),
        (lambda path: _recompress(path, lambda text: text.replace(":", ";", 1)), "a whole bzip2"),
        (lambda path: _recompress(path, lambda text: text.replace("256:", "257:")), "a whole"),
        (lambda path: _recompress(path, lambda text: text.partition("\n")[2]), r"\[29, 256\]"),
        (lambda path: _recompress(path, lambda text: "0" + text[1:]), "target of train from 0"),
    ],
)
def test_damaged_texts_are_named(home, damage, match):
    path, _ = write_libsvm(home / "own" / "downloads" / "manual")
    damage(path)
    with pytest.raises(ValueError, match=match) as caught:
        datasets.digit_images("usps")
    assert "\n" not in str(caught.value)
    assert content(home / "own") == ["downloads"]


def test_a_download_must_be_the_published_file(home):
    path, _ = write_libsvm(home)
    wanted = _usps_files.published_md5("train")
    with pytest.raises(ValueError, match=f"the published file, MD5 {wanted}; got [0-9a-f]{{32}}"):
        _usps_files.read_libsvm(path, split="train", md5=wanted)


@pytest.mark.parametrize(
    ("name", "what"), [("usps", "usps.h5 .groups train and test"), ("mnist", "mnist/3.0.1")]
)
def test_neither_files_nor_network(home, name, what):
    with pytest.raises(
        FileNotFoundError, match=f"`data_dir` must hold .*: put .*{what}"
    ) as caught:
        datasets.digit_images(name)
    message = str(caught.value)
    assert "\n" not in message
    assert "Name or service not known" in message
    assert str(home / "own") in message
    assert content(home / "own") == []


def online(monkeypatch, download):
    """Let the network answer, and TFDS download by a function of our own."""
    import contextlib

    from tensorflow_datasets.core.download import DownloadManager

    monkeypatch.setattr(
        urllib.request, "urlopen", lambda *args, **kwargs: contextlib.nullcontext()
    )
    for method in ("download", "download_and_extract"):
        monkeypatch.setattr(DownloadManager, method, lambda manager, urls: download(urls))


def test_usps_is_downloaded_where_there_are_no_files(home, monkeypatch):
    files = {path.name: path for path in write_libsvm(home / "remote")}
    for split, name in _usps_files.LIBSVM_FILES.items():
        md5 = hashlib.md5(files[name].read_bytes(), usedforsecurity=False).hexdigest()
        monkeypatch.setitem(_usps_files._MD5, split, md5)
    asked = []

    def download(urls):
        asked.extend(urls.values())
        return {split: files[url.rpartition("/")[2]] for split, url in urls.items()}

    online(monkeypatch, download)
    downloaded = datasets.digit_images("usps")
    host = "https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass/"
    assert asked == [f"{host}usps.bz2", f"{host}usps.t.bz2"]
    assert content(home / "own") == ["usps"]
    write_h5(home / "other" / "downloads" / "manual")
    monkeypatch.setenv("TFDS_DATA_DIR", str(home / "other"))
    np.testing.assert_allclose(downloaded.images, datasets.digit_images("usps").images, atol=1e-6)


@pytest.mark.parametrize("name", ["usps", "mnist"])
def test_a_download_that_breaks_off_leaves_nothing(home, monkeypatch, name):
    def download(urls):
        raise ConnectionError("connection reset")

    online(monkeypatch, download)
    with pytest.raises(FileNotFoundError, match="from the network connection reset: put"):
        datasets.digit_images(name)
    assert content(home / "own") == []


def test_a_download_of_something_else_leaves_nothing(home, monkeypatch):
    page = home / "page.bz2"
    page.write_text("<html>log in first</html>")
    online(monkeypatch, lambda urls: dict.fromkeys(urls, page))
    with pytest.raises(ValueError, match="the published file, MD5"):
        datasets.digit_images("usps")
    assert content(home / "own") == []


@pytest.mark.parametrize("error", [RuntimeError("line dropped"), KeyboardInterrupt()])
def test_an_interrupted_preparation_leaves_nothing(home, monkeypatch, error):
    from lrmf_tfp.datasets import _usps_builder

    class Stopped(_usps_builder.Usps, skip_registration=True):
        name = "usps"

        def _generate_examples(self, images, labels):
            yield 0, {"image": images[0], "label": 0}
            raise error

    write_h5(home / "own" / "downloads" / "manual")
    monkeypatch.setattr(_usps_builder, "Usps", Stopped)
    with pytest.raises(type(error)):
        datasets.digit_images("usps")
    assert content(home / "own") == ["downloads"]
    monkeypatch.undo()


def test_two_that_prepare_at_once_agree(home, monkeypatch):
    write_h5(home / "own" / "downloads" / "manual")
    rename = os.rename

    def late(built, ready):
        if Path(ready).name == "1.0.0" and Path(ready).parent.parent == home / "own":
            shutil.copytree(built, ready)  # another process was first
        rename(built, ready)

    monkeypatch.setattr(_folders.os, "rename", late)
    assert datasets.digit_images("usps").images.shape == (30, 16, 16, 1)
    assert content(home / "own") == ["downloads", "usps"]


def test_a_prepared_set_cut_short_is_named(home):
    write_h5(home / "own" / "downloads" / "manual")
    datasets.digit_images("usps")
    _digit_arrays.read.cache_clear()
    (record,) = (home / "own" / "usps" / "1.0.0").glob("usps-train*")
    _cut(record, 0.5)
    with pytest.raises(ValueError, match="`data_dir` must hold a whole usps; got .*remove") as err:
        datasets.digit_images("usps")
    assert "\n" not in str(err.value)


def test_a_prepared_set_of_another_length_is_named(home, monkeypatch):
    write_h5(home / "own" / "downloads" / "manual")
    datasets.digit_images("usps")
    monkeypatch.setitem(_usps_files.NUM_ROWS, "test", 21)
    with pytest.raises(ValueError, match="a whole usps; got 20 images in place of 21 in"):
        datasets.digit_images("usps", split="test")


def test_the_pair_both_ways(home):
    write_h5(home / "own" / "downloads" / "manual")
    fake_mnist(home / "own")
    pair = datasets.digits(num_samples=12, seed=3)
    assert pair.name == "USPS to MNIST"
    assert pair.source.shape == pair.target.shape == (12, 16, 16, 1)
    assert pair.source.dtype == pair.target.dtype == np.float32
    assert pair.target.min() >= 0.0
    assert pair.target.max() <= 1.0
    back = datasets.digits("mnist", "usps", num_samples=12, seed=3)
    np.testing.assert_array_equal(back.source, pair.target)
    np.testing.assert_array_equal(back.target_labels, pair.source_labels)
    other = datasets.digits(num_samples=12, seed=4)
    assert not np.array_equal(other.source, pair.source)
    everything = datasets.digit_images("usps")
    drawn = {row.tobytes() for row in pair.source}
    assert len(drawn) == 12
    assert drawn <= {row.tobytes() for row in everything.images}
    # What is handed out is the caller's own.
    everything.images[:], everything.labels[:] = 0.0, 0
    assert datasets.digit_images("usps").images.max() > 0.0
    assert datasets.digit_images("usps").labels.max() > 0


def test_framings(home):
    write_h5(home / "own" / "downloads" / "manual")
    published = datasets.digit_images("usps", size=22).images
    matched = datasets.digit_images("usps", size=22, framing="matched").images
    np.testing.assert_array_equal(matched[:, 3:19, 3:19], datasets.digit_images("usps").images)
    assert matched[:, :3].max() == matched[:, :, 19:].max() == 0.0
    assert published[:, :3].max() > 0.0


def test_resizing_down_averages():
    """A halved image has means of what it covers: no pixel is skipped, no brightness is lost."""
    images = np.zeros((1, 32, 32, 1), np.float32)
    images[0, ::2, ::2] = 1.0  # seen by every other pixel only
    small = _digit_arrays.resized(images, size=16, margin=0)
    np.testing.assert_allclose(small[:, 2:-2, 2:-2], 0.25, atol=0.02)
    bytes_ = _digit_arrays.resized((255 * images).astype(np.uint8), size=16, margin=0)
    np.testing.assert_allclose(bytes_, small, atol=1e-6)


@pytest.mark.parametrize("batch_size", [7, 64])
def test_batches_go_through_every_image_once_a_pass(home, batch_size):
    import tensorflow as tf

    images = np.arange(30, dtype=np.float32).reshape(30, 1, 1, 1)
    others = np.arange(11, dtype=np.float32).reshape(11, 1, 1, 1)
    stream = _digit_arrays.stream((images, others), batch_size=batch_size, seed=5)
    num_batches = -(-330 // batch_size)
    first, second = (
        np.concatenate(part).ravel()
        for part in zip(*stream.take(num_batches).as_numpy_iterator(), strict=True)
    )
    for seen, count in ((first, 30), (second, 11)):
        passes = seen[: len(seen) // count * count].reshape(-1, count)
        np.testing.assert_array_equal(np.sort(passes, axis=1), [np.arange(count)] * len(passes))
        assert len(np.unique(passes, axis=0)) == len(passes)
    tf.random.set_seed(99)  # of no account
    again = _digit_arrays.stream((images, others), batch_size=batch_size, seed=5)
    repeated = [part[0].ravel() for part in again.take(num_batches).as_numpy_iterator()]
    np.testing.assert_array_equal(np.concatenate(repeated), first)
    moved_on = _digit_arrays.stream((images, others), batch_size=batch_size, seed=6)
    assert not np.array_equal(next(moved_on.as_numpy_iterator())[0].ravel(), first[:batch_size])


def test_orders_of_passes_do_not_resemble_each_other():
    count = 5000
    images = np.arange(count, dtype=np.float32).reshape(-1, 1, 1, 1)
    stream = _digit_arrays.stream((images, images), batch_size=count, seed=0)
    orders = [order.ravel() for pair in stream.take(3).as_numpy_iterator() for order in pair]
    correlation = np.corrcoef([np.arange(count), *orders]) - np.eye(7)
    assert np.abs(correlation).max() < 5.0 / np.sqrt(count)


def test_batches_are_what_a_fit_draws(home):
    from lrmf_tfp.samples.streams import as_source

    write_h5(home / "own" / "downloads" / "manual")
    fake_mnist(home / "own")
    stream = datasets.digit_batches(batch_size=8)
    assert [tuple(part.shape) for part in stream.element_spec] == [(8, 16, 16, 1)] * 2
    drawn = as_source(stream, batch_size=8, seed=0).batches(0, 3)
    wanted = zip(*stream.take(3).as_numpy_iterator(), strict=True)
    for batch, images in zip(drawn, wanted, strict=True):
        np.testing.assert_array_equal(batch.values, np.stack(images))


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: datasets.digit_images("uspss"), ValueError, "`name` must be one of 'mnist', 'us"),
        (lambda: datasets.digits("svhn"), ValueError, "`source` must be one of"),
        (lambda: datasets.digits("usps", "mnst"), ValueError, "`target` .*did you mean 'mnist'"),
        (lambda: datasets.digits("mnist"), ValueError, "`target` must be another domain than"),
        (lambda: datasets.digits(size=3), ValueError, "`size` must be at least 4; got 3"),
        (lambda: datasets.digits(size=16.0), TypeError, "`size` must be a whole number; got 16.0"),
        (lambda: datasets.digits(split="valid"), ValueError, "`split` must be one of"),
        (lambda: datasets.digits(framing="box"), ValueError, "`framing` must be one of"),
        (lambda: datasets.digits(seed=-1), ValueError, "`seed` must be at least 0"),
        (lambda: datasets.digits(num_samples=0), ValueError, "`num_samples` must be at least 1"),
        (
            lambda: datasets.digits("mnist", "usps", num_samples=7292),
            ValueError,
            "`num_samples` must be at most 7291, usps's train split; got 7292",
        ),
        (lambda: datasets.digit_batches(batch_size=0), ValueError, "`batch_size` must be at le"),
        (lambda: datasets.digits(data_dir=3), TypeError, "`data_dir` must be a path; got 3"),
        (
            lambda: datasets.digit_images("usps", data_dir=__file__),
            ValueError,
            "`data_dir` must be a folder; got the file",
        ),
    ],
)
def test_bad_arguments_are_named(call, error, match):
    with pytest.raises(error, match=match) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("missing", ["tensorflow_datasets", "importlib_resources", "h5py"])
def test_a_missing_package_is_named(home, monkeypatch, missing):
    write_h5(home / "own" / "downloads" / "manual")
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ModuleNotFoundError, match=rf"`{missing}` must .*lrmf-tfp\[digits\]"):
        datasets.digit_images("usps")
    assert content(home / "own") == ["downloads"]


def test_bad_input_is_refused_before_tensorflow(tmp_path):
    write_h5(tmp_path / "downloads" / "manual")  # tiny, so not USPS
    code = (
        "import sys\nfrom lrmf_tfp import datasets\n"
        f"for settings in ({{'split': 'x'}}, {{'data_dir': {str(tmp_path)!r}}}):\n"
        "    try:\n        datasets.digits(**settings)\n"
        "    except ValueError as error:\n        sys.stdout.write(f'{error}\\n')\n"
        "sys.exit('tensorflow' in sys.modules)"
    )
    environment = {
        **os.environ,
        "TFDS_DATA_DIR": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 2), done.stderr[-2000:]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the real USPS is prepared; the real MNIST is read where it lies."""
    return tmp_path_factory.mktemp("digits")


@real
def test_real_usps_is_exactly_the_file(folder):
    before = content(SHARED)
    with h5py.File(SHARED / "downloads/manual/usps.h5") as file:
        data, target = file["test/data"][()], file["test/target"][()]
    images, labels = datasets.digit_images("usps", split="test", data_dir=folder)
    assert images.shape == (2007, 16, 16, 1)
    expected = np.concatenate([data, target[:, None]], axis=1)
    got = np.concatenate([images.reshape(-1, 256), labels[:, None]], axis=1).astype(np.float32)
    np.testing.assert_array_equal(expected[np.lexsort(expected.T)], got[np.lexsort(got.T)])
    assert content(SHARED) == before


@real
def test_real_pair(folder):
    pair = datasets.digits(split="test", num_samples=2000, data_dir=folder)
    assert pair.source.shape == pair.target.shape == (2000, 16, 16, 1)
    for labels in (pair.source_labels, pair.target_labels):
        assert np.bincount(labels, minlength=10).min() > 120
    # As published, USPS fills its box and MNIST has its margin; matched, both have one.
    matched = datasets.digits(split="test", num_samples=2000, framing="matched", data_dir=folder)
    edges = [images[:, [0, 15]].max(axis=(1, 2, 3)) > 0.2 for images in _images(pair)]
    assert edges[0].mean() > 0.85
    assert edges[1].mean() < 0.2
    heights = [_height(images).mean() for images in _images(matched)]
    assert abs(heights[0] - heights[1]) < 1.0
    np.testing.assert_array_equal(matched.target, pair.target)


def _images(pair):
    return pair.source, pair.target


def _height(images):
    return (images.max(axis=(2, 3)) > 0.2).sum(axis=1)


@real
@pytest.mark.slow
def test_real_training_splits(folder):
    pair = datasets.digits(size=28, data_dir=folder)
    assert (len(pair.source), len(pair.target)) == (7291, 60_000)
    np.testing.assert_allclose(pair.target.mean(), 0.1307, atol=1e-4)  # MNIST's known mean
    assert np.bincount(pair.target_labels).tolist() == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
    ]  # fmt: skip
    assert np.bincount(pair.source_labels).tolist() == [
        1194, 1005, 731, 658, 652, 556, 664, 645, 542, 644,
    ]  # fmt: skip
