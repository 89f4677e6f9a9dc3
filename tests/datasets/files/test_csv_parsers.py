"""One answer whatever reader is installed; the oracle is Python's own float, cell by cell."""

from __future__ import annotations

import io
import struct
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrmf_tfp.datasets import read_samples
from lrmf_tfp.datasets.files import csv_parsers, csv_reading
from lrmf_tfp.datasets.files.csv_cells import CellReader
from lrmf_tfp.datasets.files.csv_dialect import Dialect
from lrmf_tfp.datasets.files.csv_numbers import is_number

PLAIN = Dialect(",", ".")
# All that may stand in plain text, sound or not: parsers must not tell 1e from 1.
CELLS = st.text("0123456789+-.eE ", max_size=8)
NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(10**30), 10**30).map(str),
    st.sampled_from(
        ["1.", ".5", "+1", " 2", "3 ", "1e5", "1E-5", "0001", "-0", "4e-324", "1e-400"]
    ),
    st.from_regex(r"[0-9]{1,40}\.[0-9]{1,40}(e-?[0-9]{1,2})?", fullmatch=True).filter(str.isascii),
)


def bits(value):
    return struct.pack("<d", value)


@pytest.fixture(params=["numpy", "pandas", "pyarrow"])
def parser(request):
    """Each parser; the two that are optional must be there to be tested."""
    pytest.importorskip(request.param)
    return csv_parsers.PARSERS[request.param]


@given(cells=st.lists(NUMBERS, min_size=1, max_size=6))
def test_numbers_are_those_of_python_to_the_last_bit(parser_of_all, cells):
    for parser in parser_of_all:
        found = csv_parsers.parse_plain(",".join(cells) + "\n", len(cells), PLAIN, parser)
        if found is not None:  # else they are read cell by cell
            assert [bits(value) for value in found[0]] == [bits(float(cell)) for cell in cells]


@given(cells=st.lists(CELLS, min_size=1, max_size=3))
def test_what_is_no_number_is_never_one(parser_of_all, cells):
    if all(is_number(cell, ".") for cell in cells) or not any(cell.strip() for cell in cells):
        return
    for parser in parser_of_all:
        for text in (
            ",".join(cells) + "\n",
            "1" + ",1" * (len(cells) - 1) + "\n" + ",".join(cells),
        ):
            assert csv_parsers.parse_plain(text, len(cells), PLAIN, parser) is None


@given(text=st.text("01234567890.,,\n\n-+e ", max_size=40), width=st.integers(1, 3))
def test_tables_are_those_of_the_careful_reader(parser_of_all, text, width):
    try:
        blocks = list(CellReader(None, width, PLAIN, "x").read(io.StringIO(text), first_line=1))
        expected = np.concatenate([np.empty((0, width)), *blocks])
    except ValueError:
        expected = None
    for parser in parser_of_all:
        found = csv_parsers.parse_plain(text, width, PLAIN, parser)
        if found is not None:
            np.testing.assert_array_equal(found, expected)


@pytest.fixture(scope="module")
def parser_of_all():
    """All parsers at once, for tests that draw cases."""
    return list(csv_parsers.PARSERS.values())


IRREGULAR = ["1,2\n3\n4,5,6\n", "1,2,3\n4\n", "1,2\n3,\n", "1,2\n,3\n", "1\n2\n", "1,2\n3,4,\n"]


@pytest.mark.parametrize("text", [*IRREGULAR, "1,1e999\n"])
def test_irregular_rows_are_left_to_the_careful_reader(parser, text):
    assert csv_parsers.parse_plain(text, 2, PLAIN, parser) is None


@pytest.mark.parametrize(
    "rows", [[[1, 2]], [[1, 2, 3, 4]], [[1, 2], [3, np.nan]], np.ones((3, 2))]
)
def test_what_a_parser_makes_up_is_not_taken(rows):
    found = csv_parsers.parse_plain("1,2\n3,4\n", 2, PLAIN, lambda raw: np.array(rows, float))
    assert found is None


def test_most_numbers_take_the_fast_way(parser):
    rows = np.random.default_rng(0).normal(size=(100, 3))
    text = "".join(";".join(str(cell) for cell in row) + "\n" for row in rows).replace(".", ",")
    found = csv_parsers.parse_plain(text + "\n\n", 3, Dialect(";", ","), parser)
    np.testing.assert_array_equal(found, rows)
    assert csv_parsers.parse_plain("", 3, PLAIN, parser).shape == (0, 3)


@pytest.mark.parametrize("form", ["{0!r},{1!r}\n", '"{0!r}","{1!r}"\n', "+{0!r}, {1!r}\r\n\r\n"])
def test_files_read_the_same(tmp_path, monkeypatch, parser, form):
    rows = (
        np.abs(np.random.default_rng(1).normal(size=(500, 2)))
        * 10.0 ** np.arange(-250, 250)[:, None]
    )
    (tmp_path / "a.csv").write_bytes(
        "".join(form.format(*map(float, row)) for row in rows).encode()
    )
    monkeypatch.setattr(csv_reading, "parser_for", lambda num_bytes: parser)
    monkeypatch.setattr("lrmf_tfp.datasets.files.csv_text._BLOCK", 1000)
    np.testing.assert_array_equal(read_samples(tmp_path / "a.csv").array, rows)


def test_others_are_imported_for_large_files_only(monkeypatch):
    modules = {
        name: each for name, each in sys.modules.items() if name not in ("pandas", "pyarrow")
    }
    monkeypatch.setattr(csv_parsers.sys, "modules", modules)
    monkeypatch.setattr(csv_parsers, "_is_installed", lambda package: package == "pyarrow")
    numpy, pyarrow = csv_parsers.PARSERS["numpy"], csv_parsers.PARSERS["pyarrow"]
    assert csv_parsers.parser_for(1000) is numpy
    assert csv_parsers.parser_for(10**9) is pyarrow
    monkeypatch.setattr(csv_parsers, "_is_installed", lambda package: False)
    assert csv_parsers.parser_for(10**9) is numpy
