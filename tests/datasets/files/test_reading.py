"""Files of samples: what is read goes back in the same form, and what is refused."""

from __future__ import annotations

import io
import os

import numpy as np
import pytest

from lrmf_tfp.datasets import SampleFile, read_samples, write_samples

ROWS = np.array([[0.1, -2.0], [3.5e-7, 1e20], [1.0 / 3.0, 4.0]])


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".csv", ".CSV", ".csv.gz"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_round_trip_is_exact(tmp_path, suffix, dtype):
    path = tmp_path / f"samples{suffix}"
    write_samples(path, ROWS.astype(dtype))
    back = read_samples(path)
    assert back.kind == suffix[1:4].lower()
    np.testing.assert_array_equal(back.array.astype(dtype), ROWS.astype(dtype))
    assert os.listdir(tmp_path) == [path.name]


def test_csv_keeps_its_header(tmp_path):
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    first.write_text('height,"width, in m"\n1,2\n3,4\n')
    read = read_samples(first)
    assert read.header == ("height", "width, in m")
    write_samples(second, read.array, like=read)
    assert second.read_text() == 'height,"width, in m"\n1.0,2.0\n3.0,4.0\n'


@pytest.mark.parametrize(
    "text", ["1,2\n3,4\n", "1,2\r\n3,4", "\ufeff1,2\n\n3,4\n\n", " 1, 2\n3,4"]
)
def test_csv_without_header(tmp_path, text):
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode())
    read = read_samples(path)
    assert read.header is None
    np.testing.assert_array_equal(read.array, [[1.0, 2.0], [3.0, 4.0]])


def test_csv_nan_is_left_for_the_check_of_values(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("1,nan\n3,4\n")
    assert np.isnan(read_samples(path).array[0, 1])


def test_npz_keeps_its_key(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, left=ROWS, right=-ROWS)
    read = read_samples(f"{path}:right")
    np.testing.assert_array_equal(read.array, -ROWS)
    write_samples(tmp_path / "b.npz", read.array, like=read)
    assert read_samples(tmp_path / "b.npz").key == "right"


def test_header_of_another_width_is_dropped(tmp_path):
    like = SampleFile(ROWS, "csv", header=("one",))
    write_samples(tmp_path / "a.csv", ROWS, like=like)
    assert read_samples(tmp_path / "a.csv").header is None


def test_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.npy"
    write_samples(path, ROWS)
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        write_samples(path, np.array([[object()]]))
    assert os.listdir(tmp_path) == ["a.npy"]
    np.testing.assert_array_equal(read_samples(path).array, ROWS)


def npy_of_objects():
    stream = io.BytesIO()
    np.save(stream, np.array([[object()]]), allow_pickle=True)
    return stream.getvalue()


def npz_of(**arrays):
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"1,2", r"`x` must end in \.npy, \.npz or \.csv; got '.*a\.txt'"),
        ("a.npy", b"", "`x` must hold an array of numbers; got"),
        ("a.npy", b"not numpy at all", "`x` must hold an array of numbers; got"),
        ("a.npy", npy_of_objects(), "`x` must hold an array of numbers; got"),
        ("a.npz", b"", "`x` must hold arrays of numbers; got"),
        ("a.npz", b"not a zip", "`x` must hold arrays of numbers; got"),
        ("a.npz", npz_of(a=np.array([[object()]])), "`x` must hold arrays of numbers; got"),
        ("a.npz", npz_of(), r"`x` must name one array, .* with the arrays none\."),
        ("a.npz", npz_of(a=ROWS, b=ROWS), r"`x` must name one array, .* with the arrays a, b\."),
        ("a.npz:c", npz_of(a=ROWS), r"`x` must name one array, as file\.npz:name; .* arrays a\."),
        ("a.csv", b"", r"`x` must have at least 1 row; got '.*a\.csv' with none\."),
        ("a.csv", b"x,y\n", r"`x` must have at least 1 row; got '.*a\.csv' with none\."),
        ("a.csv", b"\xff\xfe1,2", r"`x` must be UTF-8 text in a \.csv file; got"),
        (
            "a.csv",
            b'1,"' + b"2" * 200_000,
            r"`x` must be UTF-8 text in a \.csv file; got .*: field larger",
        ),
        ("a.csv", b"1,2\n3\n", r"`x` must have 2 columns in every row; got 1 in line 2\."),
        ("a.csv", b"u,v\n1,2\n1,2,3\n", r"`x` must have 2 columns .*; got 3 in line 3 \(an index"),
        ("a.csv", b"u,v\n1,2\n3,red\n", r"`x` must be numeric; got 'red' in column 'v', line 3\."),
        ("a.csv", b"1,2\n3,\n", r"`x` must be numeric; got '' in column 1, line 2\."),
        ("a.csv", b"1,\n3,4\n", r"`x` must be numeric; got '' in column 1, line 1\."),
    ],
)
def test_refused_with_one_line(tmp_path, name, content, message):
    (tmp_path / name.partition(":")[0]).write_bytes(content)
    with pytest.raises(ValueError, match=f"^{message}") as caught:
        read_samples(tmp_path / name, name="x")
    assert "\n" not in str(caught.value)


def test_missing_file_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"^`x` must be an existing file; got '.*a\.npy'"):
        read_samples(tmp_path / "a.npy", name="x")


def test_folder_refused(tmp_path):
    (tmp_path / "a.npy").mkdir()
    with pytest.raises(ValueError, match="^`x` must be a file; got the folder"):
        read_samples(tmp_path / "a.npy", name="x")


def test_unreadable_file_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    path.write_text("1,2\n")

    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(path), "open", refuse)
    with pytest.raises(ValueError, match="^`x` must be readable; got .*Permission denied"):
        read_samples(path, name="x")


def test_write_refuses_another_suffix(tmp_path):
    with pytest.raises(ValueError, match=r"^`path` must end in \.npy, \.npz or \.csv"):
        write_samples(tmp_path / "a.txt", ROWS)
