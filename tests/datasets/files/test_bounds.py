"""Files that say they are larger than they are, or become larger than anyone wants."""

from __future__ import annotations

import gzip
import io
import os
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from lrmf_tfp.datasets import read_samples, write_samples

BOMB = np.zeros(2**27, np.uint8)


def npy_of(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def peak_of(work):
    """The most memory that some work took, in MiB."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()


def refusal(path):
    """The message, and the most memory that it took, in MiB."""

    def work():
        with pytest.raises(ValueError, match="^`x` must ") as caught:
            read_samples(path, name="x")
        messages.append(str(caught.value))

    messages = []
    peak = peak_of(work)
    return messages[0], peak


def test_a_bomb_of_npz_is_refused_unread(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", npy_of(BOMB))
    message, peak = refusal(tmp_path / "a.npz")
    assert f"bytes become {BOMB.nbytes + 128} or more" in message
    assert peak < 4


def test_a_bomb_that_hides_its_size_is_refused(tmp_path):
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", npy_of(BOMB))
    size = struct.pack("<L", BOMB.nbytes + 128)
    assert path.read_bytes().count(size) == 2  # before the member and in the directory
    path.write_bytes(path.read_bytes().replace(size, struct.pack("<L", 256)))
    message, peak = refusal(path)
    assert message.startswith("`x` must hold arrays of numbers; got")
    assert peak < 4


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_methods_that_numpy_does_not_write_are_refused(tmp_path, method):
    with zipfile.ZipFile(tmp_path / "a.npz", "w", method) as archive:
        archive.writestr("a.npy", npy_of(np.ones(3)))
    assert f"the compression {method}, not NumPy's" in refusal(tmp_path / "a.npz")[0]


def test_a_bomb_of_text_is_refused_while_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("lrmf_tfp.datasets.files.refusals._FREE", 2**21)
    with gzip.open(tmp_path / "a.csv.gz", "wb") as stream:
        for _ in range(32):
            stream.write(b"1,1\n" * 2**18)
    message, peak = refusal(tmp_path / "a.csv.gz")
    assert message.startswith("`x` must expand to at most 100 times its size; got")
    assert peak < 40  # of 32 MiB of text, which are 128 of numbers


def test_a_line_without_end_is_refused(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"1" * 2**25)
    message, peak = refusal(tmp_path / "a.csv")
    assert "lines of at most 16777216 characters" in message
    assert peak < 100


def test_what_compresses_well_and_is_small_is_read(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", np.zeros((2**20, 4)))
    assert read_samples(tmp_path / "a.npz").array.shape == (2**20, 4)


def test_an_encrypted_member_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("a.npy", npy_of(np.ones(3)))
    raw = bytearray((tmp_path / "a.npz").read_bytes())
    raw[raw.index(b"PK\x01\x02") + 8] |= 1  # in the directory
    (tmp_path / "a.npz").write_bytes(raw)
    assert "an encrypted archive" in refusal(tmp_path / "a.npz")[0]


def test_a_wrong_checksum_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", a=np.ones((100, 2)))
    raw = bytearray((tmp_path / "a.npz").read_bytes())
    raw[1000] ^= 1
    (tmp_path / "a.npz").write_bytes(raw)
    assert "CRC" in refusal(tmp_path / "a.npz")[0]


@pytest.mark.parametrize("more", [-8, 8])
def test_an_array_of_another_length_than_it_says_is_refused(tmp_path, more):
    raw = npy_of(np.ones((10, 2)))
    (tmp_path / "a.npy").write_bytes(raw[:more] if more < 0 else raw + b"\x00" * more)
    assert f"160 bytes are declared and {160 + more} are there" in refusal(tmp_path / "a.npy")[0]


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["<f4", ">f8", "<i2", "?", "<U3"])
def test_sound_arrays_are_as_stored(tmp_path, order, dtype):
    array = np.arange(6).reshape(2, 3).astype(dtype, order=order)
    np.save(tmp_path / "a.npy", array)
    np.savez_compressed(tmp_path / "a.npz", array)
    for name in ("a.npy", "a.npz"):
        found = read_samples(tmp_path / name).array
        assert found.dtype == array.dtype
        np.testing.assert_array_equal(found, array)


def test_names_of_arrays_cannot_break_the_line(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        for index in range(300):
            archive.writestr(f"a\n\x1b[31m{index}.npy", npy_of(np.ones(3)))
    message, _ = refusal(tmp_path / "a.npz")
    assert message.isprintable()
    assert len(message) < 600


def test_a_pipe_and_a_long_name_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "a.csv")
    with pytest.raises(ValueError, match="^`x` must be a file; got no regular file, "):
        read_samples(tmp_path / "a.csv", name="x")
    with pytest.raises(FileNotFoundError, match="^`x` must be an existing file"):
        read_samples("a" * 5000 + ".csv", name="x")


def test_text_is_held_a_block_at_a_time(tmp_path):
    """The array has 1.6 MB, its text 4, and as many Python floats have 6."""
    rows = np.random.default_rng(0).normal(size=(100_000, 2))
    path = tmp_path / "a.csv"
    assert peak_of(lambda: write_samples(path, rows)) < 10
    assert peak_of(lambda: read_samples(path)) < 14
    np.testing.assert_array_equal(read_samples(path).array, rows)
