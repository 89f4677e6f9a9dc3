"""CSV as people have it: delimiters, decimal marks, headers, indices, encodings, and their rules.

The oracle is what was written: pandas writes, and so does the test itself.
"""

from __future__ import annotations

import gzip
import logging
import re

import numpy as np
import pandas as pd
import pytest

from lrmf_tfp.datasets import read_samples, write_samples

ROWS = np.random.default_rng(0).normal(size=(60, 2))
WHOLE = np.random.default_rng(0).integers(-50, 50, size=(60, 2))


@pytest.fixture
def told(caplog):
    """The notes of reading, oldest first."""
    caplog.set_level(logging.INFO, "lrmf_tfp.datasets")
    return caplog


def read(folder, text, *, name="a.csv", **form):
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_samples(folder / name, name="x", **form)


def written(folder, values, columns=None, **options):
    pd.DataFrame(values, columns=columns).to_csv(folder / "a.csv", **options)
    return folder / "a.csv"


@pytest.mark.parametrize("columns", [None, [2019, 2020], [50, 7], ["x", "y"], ["id", 2020]])
def test_headers_of_whole_numbers_above_fractions(tmp_path, columns):
    found = read_samples(written(tmp_path, ROWS, columns, index=False))
    assert found.header == tuple(str(each) for each in columns or (0, 1))
    np.testing.assert_array_equal(found.array, ROWS)


def test_one_column_of_fractions_below_a_whole_number_makes_a_header(tmp_path):
    found = read(tmp_path, "0,1\n0.5,3\n0.25,7\n")
    assert found.header == ("0", "1")
    np.testing.assert_array_equal(found.array, [[0.5, 3], [0.25, 7]])


@pytest.mark.parametrize(
    "text",
    [
        "0,1\n2,3\n4,5\n",  # all whole
        "0,0\n0.1,0.01\n",  # no two columns have one name
        "0,1\n0.5,0.25\n1,0.75\n2.5,.5\n",  # where whole numbers are written without a point
        "0,1.0\n0.5,0.25\n",
        "-1,2\n0.5,0.25\n",
        "0,1\n",
        "1e3,1\n2.5,1.5\n",
    ],
)
def test_rows_of_numbers_that_are_data(tmp_path, text):
    found = read(tmp_path, text)
    assert found.header is None
    first = [float(cell) for cell in text.split("\n")[0].split(",")]
    np.testing.assert_array_equal(found.array[0], first)


@pytest.mark.parametrize(("header", "rows"), [(True, 2), (False, 3)])
def test_header_is_forced_either_way(tmp_path, header, rows):
    for text in ("1,2\n3,4\n5,6\n", "1,2\n.5,.25\n1.5,7.5\n"):
        found = read(tmp_path, text, header=header)
        assert found.header == (("1", "2") if header else None)
        assert len(found.array) == rows


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (
            "0,1\n5,7\n3,3\n",
            "the first row, 0, 1, was taken for data; if it holds names, header=True",
        ),
        (
            "2019,2020\n.5,7.5\n",
            "2019, 2020, was taken for names, .*; if it is data, header=False",
        ),
        (
            "1,5\n2,7\n",
            "commas were taken to part two columns; if they are decimal ones, decimal=",
        ),
    ],
)
def test_guesses_are_warned_of(tmp_path, told, text, note):
    read(tmp_path, text)
    warnings = [each.getMessage() for each in told.records if each.levelno == logging.WARNING]
    assert any(re.search(note, warning) for warning in warnings), warnings


@pytest.mark.parametrize("text", ["x,x\n1,2\n", "x,,\n1,2,3\n", "3,3\n1.5,2.5\n4.5,5.5\n"])
def test_names_that_are_no_names(tmp_path, text):
    if text[0] == "3":
        assert read(tmp_path, text).header is None  # so it is data
        return
    with pytest.raises(
        ValueError, match=r"^`x` must have columns of different names; got '.?' tw"
    ):
        read(tmp_path, text)


@pytest.mark.parametrize("columns", [None, ["x", "y"], [2019, 2020]])
@pytest.mark.parametrize("whole", [False, True])
def test_an_index_of_pandas_is_refused(tmp_path, columns, whole):
    path = written(tmp_path, WHOLE if whole else ROWS, columns)
    with pytest.raises(ValueError, match=r"^`x` must have no index of rows.*index=False.*name\.$"):
        read_samples(path, name="x")


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame(ROWS, columns=["x", "y"]).sample(frac=0.5, random_state=0),  # kept numbers
        pd.DataFrame(ROWS, index=range(1, 61), columns=["x", "y"]),  # as R writes it
        pd.DataFrame(ROWS, columns=["x", "y"]).reset_index(names="Unnamed: 0").set_index("x"),
    ],
)
def test_an_index_in_other_forms_is_refused(tmp_path, frame):
    if frame.index.name == "x":
        frame = frame.reset_index()[["Unnamed: 0", "x", "y"]]
        frame.to_csv(tmp_path / "a.csv", index=False)
    else:
        frame.to_csv(tmp_path / "a.csv")
    with pytest.raises(ValueError, match="^`x` must have no index of rows"):
        read_samples(tmp_path / "a.csv", name="x")


def test_an_index_without_header_is_refused_from_ten_rows_on(tmp_path):
    path = written(tmp_path, ROWS, header=False)
    with pytest.raises(ValueError, match="^`x` must have no index of rows"):
        read_samples(path, name="x")
    assert read(tmp_path, "0,1\n1,3\n2,5\n").array.shape == (3, 2)


def test_columns_that_only_resemble_an_index(tmp_path):
    assert read(tmp_path, "id,x\n0,.5\n1,.25\n").array.shape == (2, 2)  # it has a name
    assert read(tmp_path, ",x\n.5,1\n1.5,2\n").header == ("", "x")  # no whole numbers
    assert read(tmp_path, "".join(f"{row}\n" for row in range(30))).array.shape == (30, 1)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("decimal", [".", ","])
@pytest.mark.parametrize("header", [True, False])
def test_delimiters_and_decimal_marks_are_found(tmp_path, delimiter, decimal, header):
    if delimiter == decimal:
        return
    options = {"sep": delimiter, "decimal": decimal, "header": header, "index": False}
    found = read_samples(written(tmp_path, ROWS, ["x", "y"], **options))
    assert (found.delimiter, found.decimal) == (delimiter, decimal)
    assert found.header == (("x", "y") if header else None)
    np.testing.assert_array_equal(found.array, ROWS)


def test_semicolons_around_whole_numbers_and_decimal_commas(tmp_path):
    found = read(tmp_path, "1;2\n3;4,5\n-6,25;7e-2\n")
    np.testing.assert_array_equal(found.array, [[1, 2], [3, 4.5], [-6.25, 0.07]])


@pytest.mark.parametrize("columns", [1, 2])
def test_a_column_of_decimal_commas_is_not_split(tmp_path, columns):
    rows = ROWS[:, :columns]
    text = "".join(",".join(f"{v:.3f}".replace(".", ",") for v in row) + "\n" for row in rows)
    with pytest.raises(
        ValueError, match=r"^`x` must say what its commas are, decimal=','"
    ) as error:
        read(tmp_path, text)
    assert "--decimal ','" in str(error.value)
    with pytest.raises(ValueError, match=r"^`x` must have \d .*\(decimal commas\? decimal=','"):
        read(tmp_path, ["x\n", "x,y\n"][columns - 1] + text)
    if columns == 1:
        np.testing.assert_allclose(read(tmp_path, text, decimal=",").array, rows, atol=5e-4)
    assert read(tmp_path, text, delimiter=",").array.shape == (60, 2 * columns)


@pytest.mark.parametrize("text", ["1,02\n3,4\n", "-0,5\n3,4\n", "0,1257302210933933\n1,5\n"])
def test_signs_of_decimal_commas(tmp_path, text):
    with pytest.raises(ValueError, match="^`x` must say what its commas are"):
        read(tmp_path, text)


@pytest.mark.parametrize("form", [{}, {"decimal": ","}, {"delimiter": ","}])
def test_quoted_decimal_commas_between_commas(tmp_path, form):
    text = 'x,y\n"1,5",2\n3,"-4,25"\n'
    found = read(tmp_path, text, **form)
    np.testing.assert_array_equal(found.array, [[1.5, 2], [3, -4.25]])
    assert (found.delimiter, found.decimal) == (",", ",")
    write_samples(tmp_path / "b.csv", found.array, like=found)
    assert (tmp_path / "b.csv").read_text() == 'x,y\n"1,5","2,0"\n"3,0","-4,25"\n'
    np.testing.assert_array_equal(read_samples(tmp_path / "b.csv").array, found.array)


def test_form_that_is_forced(tmp_path):
    np.testing.assert_array_equal(
        read(tmp_path, "1|2\n3|4\n", delimiter="|").array, [[1, 2], [3, 4]]
    )
    found = read(tmp_path, "1,5;2\n", delimiter=";", decimal=",")
    np.testing.assert_array_equal(found.array, [[1.5, 2]])
    with pytest.raises(ValueError, match=r"must be numeric; got '1,5' .*\(decimal mark ','\?"):
        read(tmp_path, "1,5;2\n", delimiter=";", decimal=".")
    with pytest.raises(ValueError, match=r"must be numeric; got '3;4' .*\(parted by ';'\?"):
        read(tmp_path, "1;2\n3;4\n", delimiter=",")


@pytest.mark.parametrize(
    ("form", "match"),
    [
        ({"delimiter": ":"}, r"^`delimiter` must be one of .*; got ':'\.$"),
        ({"decimal": ";"}, r"^`decimal` must be one of .*; got ';'\.$"),
        ({"delimiter": ",", "decimal": ","}, "^`decimal` must differ from `delimiter`"),
    ],
)
def test_forms_that_are_none(tmp_path, form, match):
    with pytest.raises(ValueError, match=match):
        read(tmp_path, "1,2\n", **form)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("is_packed", [False, True])
def test_encodings_line_ends_and_gzip(tmp_path, encoding, newline, is_packed):
    raw = newline.join(["größe,y", "1.5,2", "", "3,4.5"]).encode(encoding)
    name = "a.csv.gz" if is_packed else "a.csv"
    found = read(tmp_path, gzip.compress(raw) if is_packed else raw, name=name)
    assert found.header == ("größe", "y")
    np.testing.assert_array_equal(found.array, [[1.5, 2], [3, 4.5]])


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16-le", "cp037"])
def test_other_encodings_are_refused(tmp_path, encoding):
    with pytest.raises(ValueError, match="^`x` must (be UTF-8 text in a .csv file|be numeric)"):
        read(tmp_path, "größe,y\n1,2\n".encode(encoding))


@pytest.mark.parametrize(
    "cell", ["1_000", "١", "１", "0x10", "1d5", "1 2", "1\u00a0", "true", "½"]
)
@pytest.mark.parametrize("form", ["1,2\n{},4\n", "{},2\n3,4\n", '"1",2\n"{}",4\n'])
def test_what_is_no_number(tmp_path, cell, form):
    text = form.format(cell)
    if cell == "true" and text.startswith("true"):
        text = "1,2\n" + text
    with pytest.raises(ValueError, match=r"^`x` must be numeric; got '.*' in column 0, line \d"):
        read(tmp_path, text)


def test_quoted_cells_and_names_over_several_lines(tmp_path):
    text = '"wide\nname",b\n"1.5","2"\n\n3,"4.5"\n"5",x\n'
    found = read(tmp_path, text.replace("x", "6"))
    assert found.header == ("wide\nname", "b")
    np.testing.assert_array_equal(found.array, [[1.5, 2], [3, 4.5], [5, 6]])
    with pytest.raises(ValueError, match=r"got 'x' in column 'b', line 6"):
        read(tmp_path, text)


def test_line_numbers_hold_far_into_a_file(tmp_path, monkeypatch):
    monkeypatch.setattr("lrmf_tfp.datasets.files.csv_text._BLOCK", 64)
    lines = ["a,b"] + [f"{row}.5,1" for row in range(500)]
    np.testing.assert_array_equal(
        read(tmp_path, "\n".join(lines)).array[:, 0], np.arange(500) + 0.5
    )
    lines[321] = "1,oops"
    with pytest.raises(ValueError, match=r"got 'oops' in column 'b', line 322\."):
        read(tmp_path, "\n".join(lines))
    lines[100] = '"1",2'
    with pytest.raises(ValueError, match=r"got 'oops' in column 'b', line 322\."):
        read(tmp_path, "\n".join(lines))


@pytest.mark.parametrize("row", ["1.5;2", "1,5;2", "1.5,2", "1.5\t2"])
def test_a_ragged_row_is_what_is_named(tmp_path, row):
    text = f"{row}\n" * 4 + f"{row[:3]}\n" + f"{row}\n"
    with pytest.raises(ValueError, match=r"^`x` must have 2 columns .*; got 1 in line 5\."):
        read(tmp_path, text)


@pytest.mark.parametrize(
    "text", [",0,x\n5,1,2\n", ",7,9\n5,1,2\n", "0,x\n5,7\n", "x,NA,5\n1,2,3\n"]
)
def test_first_rows_that_are_neither_names_nor_data(tmp_path, text):
    with pytest.raises(ValueError, match=r"^`x` must be numeric; got '.*' in column \d, line 1"):
        read(tmp_path, text)


def test_commas_are_no_question_where_the_decimal_mark_is_said(tmp_path):
    found = read(tmp_path, "0,126\n-0,132\n", decimal=".")
    np.testing.assert_array_equal(found.array, [[0, 126], [0, 132]])


def test_what_was_read_is_told(tmp_path, told):
    read(tmp_path, "x;y\n1,5;2\n3;4\n")
    assert told.messages == [
        f"read 2 rows, 2 columns: x, y from {tmp_path}/a.csv (delimiter ';', decimal ',')"
    ]
    told.clear()
    read(tmp_path, ",".join(f"c{i}" for i in range(20)) + "\n" + ",".join("1" * 20) + "\n")
    assert "20 columns: c0, c1, c2, c3, c4, c5, c6, c7, ... (20 in all) from" in told.messages[0]
