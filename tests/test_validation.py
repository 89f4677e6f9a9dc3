"""Every check of the arguments: what is accepted, what is refused and in which words."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from lrmf_tfp import _validation

ROWS = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (ROWS, np.float64),
        ([[1, 2], [3, 4]], np.float64),
        (np.array(ROWS, np.float32), np.float32),
        (np.array(ROWS, np.float16), np.float32),
        (np.array(ROWS, ">f8"), np.float64),
        (np.array(ROWS, ">f4"), np.float32),
        (np.array(ROWS, np.longdouble), np.float64),
        (np.array(ROWS, np.uint8), np.float64),
        (np.array(ROWS) > 2, np.float64),
    ],
    ids=["list", "ints", "f4", "f2", "big-f8", "big-f4", "longdouble", "uint8", "bool"],
)
def test_samples_become_native_floats(value, dtype):
    samples = _validation.as_samples(value, "source")
    assert samples.dtype == np.dtype(dtype)
    assert samples.dtype.isnative
    np.testing.assert_array_equal(samples, np.asarray(value, np.float64))


def test_samples_take_the_dtype_asked_for():
    assert _validation.as_samples(ROWS, "source", dtype="float32").dtype == np.float32


def test_samples_are_not_copied_needlessly():
    array = np.array(ROWS)
    assert _validation.as_samples(array, "source") is array


def test_samples_from_pandas():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"height": [1.0, 2.0], "count": [3, 4]})
    np.testing.assert_array_equal(_validation.as_samples(frame, "source"), [[1, 3], [2, 4]])


@pytest.mark.parametrize("bad", [["red", "blue"], [1.0, None]])
def test_samples_name_the_frames_bad_column(bad):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"height": [1.0, 2.0], "colour": np.array(bad, object)})
    with pytest.raises(
        TypeError, match=r"^`source` must be numeric; got dtype (object|str) \(column 'c"
    ):
        _validation.as_samples(frame, "source")


class FakeSpec:
    """The element_spec of a tf.data.Dataset, as far as it is looked at."""

    def __init__(self, rank):
        self.shape = type("Shape", (), {"rank": rank})()

    def __repr__(self):
        return "TensorSpec(shape)"


class FakeDataset:
    """A stand-in for tf.data.Dataset, so that this file needs no TensorFlow."""

    def __init__(self, elements, *, rank, cardinality=None):
        self.elements = elements
        self.element_spec = FakeSpec(rank)
        self._cardinality = len(elements) if cardinality is None else cardinality

    def cardinality(self):
        return self._cardinality

    def as_numpy_iterator(self):
        return (np.asarray(element, np.float32) for element in self.elements)


@pytest.mark.parametrize(
    "dataset", [FakeDataset(ROWS, rank=1), FakeDataset([ROWS[:2], ROWS[2:]], rank=2)]
)
def test_samples_from_a_dataset_of_rows_or_batches(dataset):
    samples = _validation.as_samples(dataset, "source")
    assert samples.dtype == np.float32
    np.testing.assert_array_equal(samples, ROWS)


def test_samples_from_a_tensor():
    tensor = type("Tensor", (), {"numpy": lambda self: np.array(ROWS, np.float32)})()
    assert _validation.as_samples(tensor, "source").dtype == np.float32


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (np.zeros(100), ValueError, r"`x` must have shape \[N, D\]; got \[100\]\."),
        (3.0, ValueError, r"`x` must have shape \[N, D\]; got \[\]\."),
        (
            np.zeros((2, 4, 4, 1)),
            ValueError,
            r"`x` must have shape \[N, D\]; got \[2, 4, 4, 1\]\.",
        ),
        (np.zeros((5, 0)), ValueError, r"`x` must have shape \[N, D\]; got \[5, 0\]\."),
        (np.zeros((0, 2)), ValueError, r"`x` must have at least 1 row; got 0\."),
        ([], ValueError, r"`x` must have shape \[N, D\]; got \[0\]\."),
        ([[1.0], [2.0, 3.0]], ValueError, r"`x` must have rows of one length; got ragged rows\."),
        (np.array([["a"]]), TypeError, r"`x` must be numeric; got dtype <U1\."),
        (np.array([[1.0]], object), TypeError, r"`x` must be numeric; got dtype object\."),
        (np.array([[1j]]), TypeError, r"`x` must be numeric; got dtype complex128\."),
        (np.array([["2020"]], "M8[D]"), TypeError, r"`x` must be numeric; got dtype datetime64"),
        (None, TypeError, r"`x` must be numeric; got dtype object\."),
        (
            [[0.0, np.nan], [np.inf, 0.0]],
            ValueError,
            r"`x` must be finite; got 2 non-finite values, the first in row 0, column 1\.",
        ),
        (
            [[0.0, 0.0], [-np.inf, 0.0]],
            ValueError,
            r"`x` must be finite; got 1 non-finite value, the first in row 1, column 0\.",
        ),
        (
            np.ma.masked_equal([[1.0, 2.0]], 2.0),
            ValueError,
            r"`x` must not have masked values; got 1\.",
        ),
        (
            FakeDataset([], rank=1),
            ValueError,
            r"`x` must have at least 1 row; got an empty dataset\.",
        ),
        (
            FakeDataset(ROWS, rank=1, cardinality=-1),
            ValueError,
            r"`x` must be a finite dataset, use \.take\(n\); got an endless one\.",
        ),
        (
            FakeDataset(ROWS, rank=4),
            TypeError,
            r"`x` must be a dataset of rows \[D\] or batches \[b, D\]; got elements TensorSpec",
        ),
    ],
)
def test_samples_refused(value, error, message):
    with pytest.raises(error, match=f"^{message}") as caught:
        _validation.as_samples(value, "x")
    assert "\n" not in str(caught.value)


def test_samples_too_few():
    with pytest.raises(ValueError, match=r"^`x` must have at least 10 rows; got 3\.$"):
        _validation.as_samples(ROWS, "x", min_rows=10)


def test_samples_too_large_for_the_dtype():
    with pytest.raises(ValueError, match="must be finite; got 1 non-finite value"):
        _validation.as_samples([[1e300]], "x", dtype=np.float32)


def test_pair_returns_both():
    source, target = _validation.as_pair(ROWS, ROWS[:2], dtype=np.float32)
    assert (source.shape, target.shape, target.dtype) == ((3, 2), (2, 2), np.float32)


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        (
            np.zeros((5, 3)),
            np.zeros((100, 2)),
            r"`target` must have shape \[M, 3\] to match `source`; got \[100, 2\]\.",
        ),
        (np.zeros(5), np.zeros((5, 2)), r"`source` must have shape \[N, D\]; got \[5\]\."),
        (np.zeros((5, 2)), np.zeros(5), r"`target` must have shape \[N, D\]; got \[5\]\."),
        (np.zeros((5, 2)), np.zeros((1, 2)), r"`target` must have at least 2 rows; got 1\."),
    ],
)
def test_pair_refused(source, target, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        _validation.as_pair(source, target, min_rows=2)


@pytest.mark.parametrize(
    "value", [[0, 1, 1], [0.0, 1.0, 1.0], [[0], [1], [1]], [False, True, True]]
)
def test_labels_become_int64(value):
    labels = _validation.as_labels(value, "labels", num_rows=3)
    assert labels.dtype == np.int64
    assert labels.tolist() == [0, 1, 1]


def test_labels_may_be_absent():
    assert _validation.as_labels(None, "labels", num_rows=3) is None


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        ([0, 1], ValueError, r"`labels` must have shape \[3\]; got \[2\]\."),
        (np.zeros((3, 2)), ValueError, r"`labels` must have shape \[3\]; got \[3, 2\]\."),
        (["a", "b", "c"], TypeError, r"`labels` must hold whole numbers; got dtype <U1\."),
        ([0.0, 0.5, 1.0], ValueError, r"`labels` must hold whole numbers; got 0.5 in row 1\."),
        ([0.0, 1.0, np.nan], ValueError, r"`labels` must hold whole numbers; got nan in row 2\."),
    ],
)
def test_labels_refused(value, error, message):
    with pytest.raises(error, match=f"^{message}$"):
        _validation.as_labels(value, "labels", num_rows=3)


def test_choice_accepted():
    assert _validation.check_choice("affine", "flow", ("real_nvp", "affine")) == "affine"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            "afine",
            r"`flow` must be one of 'affine', 'glow'; got 'afine' \(did you mean 'affine'\?\)\.",
        ),
        ("zzz", r"`flow` must be one of 'affine', 'glow'; got 'zzz'\."),
        (3, r"`flow` must be one of 'affine', 'glow'; got 3\."),
        ("a\nb" * 100, r"`flow` must be one of 'affine', 'glow'; got 'a.{,90}\.\.\."),
    ],
)
def test_choice_refused(value, message):
    with pytest.raises(ValueError, match=f"^{message}$") as caught:
        _validation.check_choice(value, "flow", ("glow", "affine"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("check", "value", "expected"),
    [
        (_validation.check_positive_int, 3, 3),
        (_validation.check_positive_int, np.int32(3), 3),
        (_validation.check_seed, 0, 0),
        (_validation.check_seed, np.uint64(2**62 - 1), 2**62 - 1),
        (_validation.check_positive, 2, 2.0),
        (_validation.check_positive, np.float32(0.5), 0.5),
        (_validation.check_fraction, 0.25, 0.25),
    ],
)
def test_number_accepted(check, value, expected):
    number = check(value, "x")
    assert number == expected
    assert type(number) is type(expected)


@pytest.mark.parametrize(
    ("check", "value", "error", "message"),
    [
        (_validation.check_positive_int, 0, ValueError, r"`x` must be at least 1; got 0\."),
        (_validation.check_seed, -1, ValueError, r"`x` must be at least 0; got -1\."),
        (_validation.check_seed, 0.5, TypeError, r"`x` must be a whole number; got 0\.5\."),
        (_validation.check_positive_int, -3, ValueError, r"`x` must be at least 1; got -3\."),
        (
            _validation.check_positive_int,
            2.0,
            TypeError,
            r"`x` must be a whole number; got 2\.0\.",
        ),
        (
            _validation.check_positive_int,
            True,
            TypeError,
            r"`x` must be a whole number; got True\.",
        ),
        (
            _validation.check_positive,
            0.0,
            ValueError,
            r"`x` must be finite and above 0; got 0\.0\.",
        ),
        (
            _validation.check_positive,
            np.inf,
            ValueError,
            r"`x` must be finite and above 0; got inf",
        ),
        (
            _validation.check_positive,
            np.nan,
            ValueError,
            r"`x` must be finite and above 0; got nan",
        ),
        (_validation.check_positive, "1", TypeError, r"`x` must be a number; got '1'\."),
        (
            _validation.check_fraction,
            1.0,
            ValueError,
            r"`x` must lie strictly between 0 and 1; got",
        ),
        (
            _validation.check_fraction,
            0,
            ValueError,
            r"`x` must lie strictly between 0 and 1; got 0",
        ),
        (_validation.check_fraction, np.nan, ValueError, r"`x` must lie strictly between 0 and 1"),
        (_validation.check_fraction, False, TypeError, r"`x` must be a number; got False\."),
    ],
)
def test_number_refused(check, value, error, message):
    with pytest.raises(error, match=f"^{message}"):
        check(value, "x")


@pytest.mark.parametrize("offset", [0.0, 1e3, -1e3])
def test_varying_columns_accepted(offset):
    column = np.linspace(0.0, 1.0, 5, dtype=np.float32)[:, None] + np.float32(offset)
    _validation.check_varies(column, "target")


@pytest.mark.parametrize("constant", [0.0, 0.1, -1e6, 1e-30])
def test_constant_column_refused(constant):
    rows = np.stack([np.arange(5.0), np.full(5, constant)], axis=1)
    with pytest.raises(ValueError, match=r"^`target` must vary .*; got a constant column 1\.$"):
        _validation.check_varies(rows, "target")


def test_checks_need_no_tensorflow():
    code = "import sys, lrmf_tfp._validation; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_seeds_of_any_size_are_seeds():
    seeds = [2**62, 2**63, 2**63 + 1, np.random.SeedSequence(0).entropy + 2**130]
    found = [_validation.check_seed(seed, "seed") for seed in seeds]
    assert found == [_validation.check_seed(seed, "seed") for seed in seeds]
    assert len(set(found)) == len(seeds)
    assert all(0 <= seed < 2**62 for seed in found)
