"""Images of a folder: order, sizes, channels, and files that are none."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from lrmf_tfp import datasets


def save(folder, name, array, mode=None, **options):
    folder.mkdir(exist_ok=True)
    Image.fromarray(np.asarray(array), mode).save(folder / name, **options)


@pytest.fixture
def folder(tmp_path):
    """Three gray images `[6, 4]` of one value each, written out of order."""
    for index in (2, 0, 1):
        save(tmp_path / "images", f"{index}.png", np.full((6, 4), 100 * index, np.uint8))
    return tmp_path / "images"


def test_files_come_in_the_order_of_their_names(folder):
    (folder / "notes.txt").write_text("not an image")
    (folder / ".hidden.png").write_text("not an image")
    (folder / "inner").mkdir()
    found = datasets.images(folder)
    assert (found.shape, found.dtype) == ((3, 6, 4, 1), np.float32)
    np.testing.assert_array_equal(found[:, 3, 2, 0], np.float32([0, 100, 200]) / np.float32(255))


def test_pixels_of_a_png_are_read_exactly(tmp_path, rng):
    pixels = rng.integers(0, 256, size=(5, 7, 3), dtype=np.uint8)
    save(tmp_path, "a.PNG", pixels)
    np.testing.assert_array_equal(datasets.images(tmp_path)[0], pixels / np.float32(255))


def test_jpegs_are_read_and_turned_upright(tmp_path):
    pixels = np.zeros((8, 16), np.uint8)
    pixels[:, 8:] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees, clockwise
    save(tmp_path, "a.jpg", pixels, quality=95, exif=exif)
    found = datasets.images(tmp_path)
    assert found.shape == (1, 16, 8, 1)
    assert found[0, :7].max() < 0.05 < 0.95 < found[0, 9:].min()


def test_gray_joins_colour_and_colour_becomes_gray(tmp_path):
    save(tmp_path, "a.png", np.full((4, 4), 51, np.uint8))
    save(tmp_path, "b.png", np.tile(np.uint8([255, 0, 0]), (4, 4, 1)))
    both = datasets.images(tmp_path)
    assert both.shape == (2, 4, 4, 3)
    np.testing.assert_allclose(both[:, 0, 0], [[0.2] * 3, [1.0, 0.0, 0.0]])
    np.testing.assert_allclose(datasets.images(tmp_path, channels=1)[:, 0, 0, 0], [0.2, 0.299])


def test_deep_and_transparent_and_palette_images(tmp_path):
    save(tmp_path / "deep", "a.png", np.full((4, 4), 32768, np.uint16))
    np.testing.assert_allclose(datasets.images(tmp_path / "deep"), 0.5, atol=1e-4)
    clear = np.tile(np.uint8([0, 255, 0, 10]), (4, 4, 1))
    save(tmp_path / "clear", "a.png", clear)
    np.testing.assert_array_equal(datasets.images(tmp_path / "clear")[0, 0, 0], [0, 1, 0])
    Image.new("P", (4, 4)).save(tmp_path / "clear" / "b.png")
    assert datasets.images(tmp_path / "clear").shape == (2, 4, 4, 3)


@pytest.mark.parametrize(("size", "shape"), [(8, (8, 8)), ((12, 8), (12, 8))])
def test_sizes_may_differ_where_one_is_given(folder, size, shape):
    save(folder, "3.png", np.full((30, 20), 255, np.uint8))
    found = datasets.images(folder, size=size)
    assert found.shape == (4, *shape, 1)
    np.testing.assert_allclose(found[3], 1.0)
    match = r"`folder` must hold images of one size .* got \[6, 4\] and \[30, 20\]"
    with pytest.raises(ValueError, match=match):
        datasets.images(folder)


def test_a_file_that_cannot_be_read_is_named(folder, tmp_path, rng):
    save(folder, "1.png", rng.integers(0, 256, size=(6, 4), dtype=np.uint8))
    (folder / "1.png").write_bytes((folder / "1.png").read_bytes()[:50])
    with pytest.raises(ValueError, match=r"`folder` must hold images that .* got .*1\.png") as e:
        datasets.images(folder)
    assert "\n" not in str(e.value)
    (folder / "1.png").write_text("<html>")
    with pytest.raises(ValueError, match=r"can be read; got .*1\.png"):
        datasets.images(folder)
    save(tmp_path / "cut", "a.jpg", rng.integers(0, 256, size=(64, 64), dtype=np.uint8))
    whole = (tmp_path / "cut" / "a.jpg").read_bytes()
    (tmp_path / "cut" / "a.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"can be read; got .*a\.jpg.*truncated"):
        datasets.images(tmp_path / "cut")


def test_a_bomb_is_refused_before_it_is_read(tmp_path):
    def chunk(kind, data):
        return (
            struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))
        )

    header = struct.pack(">LLBBBBB", 12_000, 12_000, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(b"")), chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    with pytest.raises(ValueError, match=r"can be read; got .*144000000 pixels\) exceeds limit"):
        datasets.images(tmp_path)


def damaged_images(count):
    """Draw pictures with flipped bytes or without their ends."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, size=(24, 16, 3), dtype=np.uint8)
    for index in range(count):
        kind = ("png", "jpeg")[index % 2]
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, kind)
        raw = bytearray(stream.getvalue())
        for place in rng.integers(len(raw), size=rng.integers(1, 6)):
            raw[place if rng.integers(2) else place % 100] ^= 1 << rng.integers(8)
        yield f"a.{kind}", bytes(raw[: rng.integers(len(raw))] if rng.integers(3) == 0 else raw)


@pytest.mark.parametrize("count", [60, pytest.param(1000, marks=pytest.mark.slow)])
def test_damaged_images_are_answered_in_one_line(tmp_path, count):
    refused = 0
    for name, raw in damaged_images(count):
        for path in tmp_path.iterdir():
            path.unlink()
        (tmp_path / name).write_bytes(raw)
        try:
            found = datasets.images(tmp_path, size=8)
        except ValueError as error:
            assert str(error).startswith("`folder` must hold images that can be read; got")  # noqa: PT017
            assert str(error).isprintable()  # noqa: PT017
            refused += 1
        else:
            assert found.shape[:3] == (1, 8, 8)
    assert refused > count / 2


@pytest.mark.parametrize(
    ("settings", "error", "match"),
    [
        ({"size": 0}, ValueError, "`size` must be at least 1; got 0"),
        ({"size": (4, 4, 1)}, ValueError, r"`size` must be one number or height and width; got"),
        ({"size": "16"}, TypeError, "`size` must be a whole number; got '1'"),
        ({"size": 2.5}, TypeError, "`size` must be a whole number; got 2.5"),
        ({"channels": 2}, ValueError, "`channels` must be 1, 3 or None; got 2"),
    ],
)
def test_bad_settings_are_named(folder, settings, error, match):
    with pytest.raises(error, match=match):
        datasets.images(folder, **settings)


def test_folders_without_images_are_named(tmp_path, folder):
    with pytest.raises(ValueError, match=r"`folder` must hold \.png or \.jpg images; got"):
        datasets.images(tmp_path)
    with pytest.raises(FileNotFoundError, match="`folder` must be an existing folder; got"):
        datasets.images(tmp_path / "none")
    with pytest.raises(ValueError, match="`folder` must be a folder; got the file"):
        datasets.images(folder / "0.png")
