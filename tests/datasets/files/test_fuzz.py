"""Damaged files: each is read or refused in one line, within bounds, whatever was done to it."""

from __future__ import annotations

import gzip
import io
import tracemalloc
from collections import Counter

import numpy as np
import pytest

from lrmf_tfp.datasets import read_samples

ROWS = np.random.default_rng(0).normal(size=(40, 3))
MOST_BYTES = 80 * 2**20  # what 64 MiB that any file may expand to take, and a little
HEADERS = [
    "{'descr': '<f8', 'fortran_order': False, 'shape': (40, 3), }",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904, 4), }",
    "{'descr': '<f8', 'fortran_order': True, 'shape': (1000000000, 3), }",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999999, 0), }",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (-1, -120), }",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (True, 120), }",
    "{'descr': '<f8', 'fortran_order': False, 'shape': 120, }",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (1,) * 120, }",
    f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({'1, ' * 100}), }}",
    "{'descr': '|O', 'fortran_order': False, 'shape': (120,), }",
    "{'descr': [('a', '<f8'), ('b', '|O')], 'fortran_order': False, 'shape': (60,), }",
    "{'descr': ('<f8', (120,)), 'fortran_order': False, 'shape': (1,), }",
    "{'descr': '|S0', 'fortran_order': False, 'shape': (1000000000000,), }",
    "{'descr': '<U240000000', 'fortran_order': False, 'shape': (1,), }",
    "{'descr': 'no type', 'fortran_order': False, 'shape': (120,), }",
    "{'descr': '<f8', 'fortran_order': __import__('os').system('false'), 'shape': (120,), }",
    "{'descr': '<f8', 'shape': (120,), }",
    "(" * 5000 + "1" + ")" * 5000,
    "-" * 9000 + "1",
    "[" * 90 + "]" * 90,
    "{'descr': '<f8', 'fortran_order': False, 'shape': (0x_, 1if 0else 2), }",
    "'" * 3 + "\n" * 60,
    "",
    "\x00" * 40,
    "None",
    "9" * 9000,
]
CELLS = [
    "",
    "1",
    "1,5",
    "1.5",
    "x",
    '"',
    '"1"',
    "\x00",
    "é",
    "1_000",
    "١",
    "nan",
    "1e999",
    ";",
    "\t",
]
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1", "cp037", "utf-7"]


def npy_of(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def npz_of(save, **arrays):
    stream = io.BytesIO()
    save(stream, **arrays)
    return stream.getvalue()


def csv_of(delimiter=",", decimal=".", header="a,b,c\n"):
    lines = (delimiter.join(repr(float(cell)) for cell in row) for row in ROWS)
    return header.replace(",", delimiter) + "\n".join(lines).replace(".", decimal) + "\n"


def with_header(text):
    raw = text.encode("latin-1")
    return b"\x93NUMPY\x01\x00" + len(raw).to_bytes(2, "little") + raw + ROWS.tobytes()


SOUND = {
    "a.npy": npy_of(ROWS),
    "b.npy": npy_of(np.asfortranarray(ROWS.astype(np.float32))),
    "a.npz": npz_of(np.savez, a=ROWS),
    "b.npz": npz_of(np.savez_compressed, a=ROWS, b=ROWS),
    "a.csv": csv_of().encode(),
    "b.csv": csv_of(";", ",").encode("utf-16"),
    "c.csv": csv_of("\t", header="").replace("\n", "\r\n").encode(),
    "a.csv.gz": gzip.compress(csv_of().encode(), mtime=0),
}


def truncated(name, sound):
    return [sound[:length] for length in range(0, len(sound), 64)]


def flipped(name, sound, rng):
    damaged = bytearray(sound)
    for place in rng.integers(len(sound), size=rng.integers(1, 9)):
        # Half of the damage near the ends, where headers and directories are.
        place = [place, place % 128, -1 - place % 128, place][rng.integers(4)]
        damaged[place] ^= 1 << rng.integers(8)
    return bytes(damaged)


def spliced(name, sound, rng):
    """Overwrite a field of 2, 4 or 8 bytes by an extreme number, or repeat or drop a part."""
    start = int(rng.integers(len(sound)))
    size = int(rng.choice([2, 4, 8]))
    part = sound[start : start + int(rng.integers(1, 200))]
    middle = [b"\xff" * size, b"\x00" * size, part * 3, rng.bytes(size), b""][rng.integers(5)]
    skipped = size if rng.integers(2) else len(part)
    return sound[:start] + middle + sound[start + skipped :]


def rewritten(name, sound, rng):
    """Make a new file of the kind from parts that do not belong together."""
    if name.endswith(".npy"):
        text = HEADERS[rng.integers(len(HEADERS))]
        cut = int(rng.integers(len(text) + 1)) if rng.integers(2) else len(text)
        return with_header(text[:cut])
    if name.endswith(".npz"):
        return npz_of(np.savez, a=ROWS).replace(npy_of(ROWS)[:128], rng.bytes(128))
    width = rng.integers(1, 5)
    rows = [rng.choice(CELLS, size=width) for _ in range(rng.integers(1, 6))]
    text = str(rng.choice(["\n", "\r", "\r\n", ""])).join(
        str(rng.choice([",", ";", "\t"])).join(row) for row in rows
    )
    raw = text.encode(str(rng.choice(ENCODINGS)), "replace")
    return gzip.compress(raw, mtime=0) if name.endswith(".gz") else raw


def outcome(folder, name, content):
    """Read a file, or fail the test: what it was, and whether it was read."""
    path = folder / name
    path.write_bytes(content)
    try:
        found = read_samples(f"{path}:a" if name == "b.npz" else path, name="x")
    except ValueError as error:
        message = str(error)
        assert message.startswith("`x` must "), message
        assert message.isprintable(), message
        assert len(message) < 700, message
        return "refused"
    assert found.array.dtype.kind not in "OV"
    return "read"


def bounded(folder, cases):
    tracemalloc.start()
    try:
        counts = Counter(outcome(folder, name, content) for name, content in cases)
        assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    finally:
        tracemalloc.stop()
    return counts


def drawn(count, seed):
    """Draw damaged files, as many of each kind of damage and of each sound file."""
    rng = np.random.default_rng(seed)
    names, damages = list(SOUND), (flipped, spliced, rewritten)
    for index in range(count):
        name = names[index % len(names)]
        yield name, damages[index // len(names) % len(damages)](name, SOUND[name], rng)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # tarnished headers, in compile()
@pytest.mark.parametrize("name", SOUND)
def test_sound_files_are_read_and_cut_ones_are_no_crash(tmp_path, name):
    assert outcome(tmp_path, name, SOUND[name]) == "read"
    counts = bounded(tmp_path, [(name, part) for part in truncated(name, SOUND[name])])
    # Half of a table is a table where nothing says how long it is.
    assert counts["refused"] >= 1 if name in ("a.csv", "b.csv", "c.csv") else not counts["read"]


@pytest.mark.parametrize("text", HEADERS, ids=range(len(HEADERS)))
def test_headers_of_npy_that_lie(tmp_path, text):
    is_sound = text == HEADERS[0]
    assert bounded(tmp_path, [("a.npy", with_header(text))]) == Counter(
        ["read" if is_sound else "refused"]
    )


def test_damaged_files_are_answered(tmp_path):
    counts = bounded(tmp_path, drawn(96, seed=0))
    assert counts["refused"] > 48


@pytest.mark.slow
def test_a_thousand_damaged_files_are_answered(tmp_path):
    counts = bounded(tmp_path, drawn(1000, seed=1))
    assert counts["refused"] > 500
