"""`Sample`: what it takes, what it keeps, what it refuses and in which words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import tensorflow as tf

import lrmf_tfp as lt
from lrmf_tfp.samples import Batch
from lrmf_tfp.samples.batch import as_batch, map_parts

ROWS = np.arange(12.0).reshape(6, 2)
FRAMES = {
    "pandas": pd.DataFrame(ROWS, columns=["a", "b"]),
    "pandas_nullable": pd.DataFrame(ROWS, columns=["a", "b"]).convert_dtypes(),
    "pandas_arrow": pd.DataFrame(ROWS, columns=["a", "b"]).astype("float64[pyarrow]"),
    "pandas_object": pd.DataFrame(ROWS, columns=["a", "b"]).astype(object),
    "polars": pl.DataFrame({"a": ROWS[:, 0], "b": ROWS[:, 1].astype(int)}),
    "pyarrow": pa.table({"a": ROWS[:, 0], "b": ROWS[:, 1]}),
    "pyarrow_batch": pa.record_batch({"a": ROWS[:, 0], "b": ROWS[:, 1]}),
}


@pytest.mark.parametrize("name", FRAMES)
def test_frames_of_every_library_and_numeric_dtype(name):
    sample = lt.Sample.of(FRAMES[name])
    np.testing.assert_array_equal(sample.values, ROWS)
    assert sample.values.dtype == np.float64
    assert sample.feature_names == ("a", "b")


def test_columns_of_one_name_are_refused_in_one_line():
    with pytest.raises(ValueError, match="must have different column names; [^\n]*'a' 2 times"):
        lt.Sample.of(pd.DataFrame(ROWS, columns=["a", "a"]))


def test_short_floats_become_float32():
    frame = pl.DataFrame({"a": ROWS[:, 0].astype(np.float32), "b": ROWS[:, 1].astype(np.float32)})
    assert lt.Sample.of(frame).values.dtype == np.float32
    assert lt.Sample.of(tf.cast(ROWS, tf.bfloat16)).values.dtype == np.float32
    assert lt.Sample.of(ROWS.astype(np.float16)).values.dtype == np.float32


def test_arrays_memory_maps_tensors_and_datasets(tmp_path):
    np.save(tmp_path / "rows.npy", ROWS)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    sample = lt.Sample.of(mapped)
    assert np.shares_memory(sample.values, mapped)  # it stays on disk
    for value in (
        ROWS,
        tf.constant(ROWS),
        tf.data.Dataset.from_tensor_slices(ROWS),
        ROWS.tolist(),
    ):
        np.testing.assert_array_equal(lt.Sample.of(value).values, ROWS)
    assert lt.Sample.of(ROWS).feature_names is None
    assert lt.Sample.of(np.zeros((3, 4, 5))).event_shape == (4, 5, 1)


def test_what_belongs_to_the_rows_is_kept():
    sample = lt.Sample.of(
        FRAMES["polars"],
        weights=pl.Series([1, 2, 3, 4, 5, 0]),
        conditions=pd.DataFrame({"eta": ROWS[:, 0]}),
        labels=pd.Series([0, 1, 0, 1, 0, 1], dtype="Int64"),
    )
    assert sample.condition_names == ("eta",)
    assert sample.condition_size == 1
    assert repr(sample) == "Sample(values=[6, 2], weights=[6], conditions=[6, 1], labels=[6])"
    assert sample.labels.tolist() == [0, 1, 0, 1, 0, 1]
    present = sample.without_empty_rows()
    assert (len(present), present.labels.tolist()) == (5, [0, 1, 0, 1, 0])
    assert sample.num_effective == pytest.approx(15**2 / 55)
    again = lt.Sample.of(sample, labels=[1] * 6)
    assert again.weights is sample.weights
    assert again.labels.tolist() == [1] * 6


def test_equal_weights_are_none_in_training():
    assert lt.Sample.of(ROWS, weights=np.full(6, 0.25)).training_weights is None
    assert lt.Sample.of(ROWS).batch().bare() is not None
    batch = lt.Sample.of(ROWS, weights=np.arange(6.0)).batch()
    np.testing.assert_array_equal(batch.weights, np.arange(6.0))


def test_negative_weights_are_let_in_only_when_asked():
    weights = np.array([2.0, -1.0, 1.0, 1.0, 1.0, 1.0])
    with pytest.raises(ValueError, match=r"`weights` must be at least 0, or `negative` be 'abso"):
        lt.Sample.of(ROWS, weights=weights)
    sample = lt.Sample.of(ROWS, weights=weights, negative="absolute")
    np.testing.assert_array_equal(sample.weights, weights)
    np.testing.assert_array_equal(sample.training_weights, np.abs(weights))


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"weights": [1.0]}, ValueError, r"`weights` must have shape \[6\]; got \[1\]"),
        (
            {"weights": [1, 1, np.nan, 1, 1, 1]},
            ValueError,
            "`weights` must be finite; got nan in row 2",
        ),
        ({"weights": [0.0] * 6}, ValueError, "`weights` must not all be 0; got 6 zeros"),
        ({"weights": ["a"] * 6}, TypeError, "`weights` must be numeric; got dtype <U1"),
        (
            {"weights": [1, -1, -1, 0, 0, 0], "negative": "absolute"},
            ValueError,
            "`weights` must sum to more than 0; got -1",
        ),
        ({"negative": "drop"}, ValueError, "`negative` must be one of 'absolute', 'refuse'"),
        (
            {"conditions": ROWS[:4]},
            ValueError,
            r"`conditions` must have shape \[6, C\]; got \[4, 2\]",
        ),
        (
            {"conditions": ROWS[:4, 0]},
            ValueError,
            r"`conditions` must have shape \[6\]; got \[4\]",
        ),
        ({"conditions": ROWS * np.nan}, ValueError, "`conditions` must be finite"),
        ({"labels": [0.5] * 6}, ValueError, "`labels` must hold whole numbers; got 0.5 in row 0"),
        ({"min_rows": 7}, ValueError, "`x` must have at least 7 rows; got 6"),
    ],
)
def test_what_does_not_fit_is_named(options, error, match):
    with pytest.raises(error, match=match):
        lt.Sample.of(ROWS, **options)


def test_missing_values_name_the_column():
    frame = pd.DataFrame({"a": pd.array([1, None, 3], dtype="Int64"), "b": [1.0, 2.0, 3.0]})
    with pytest.raises(ValueError, match="1 non-finite value, the first in row 1, column 'a'"):
        lt.Sample.of(frame, name="source")


def test_batches_are_pytrees_of_what_is_there():
    batch = as_batch((ROWS, ROWS[:, :1]))
    assert batch.weights is None
    doubled = map_parts(lambda part: 2.0 * part, batch)
    np.testing.assert_array_equal(doubled.conditions, 2.0 * ROWS[:, :1])
    assert doubled.weights is None
    assert as_batch(batch) is batch
    assert Batch(ROWS).bare() is ROWS
    assert batch.bare() is batch
