"""Domains: one shape, columns in one order, the same conditions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lrmf_tfp.samples import Sample
from lrmf_tfp.samples.domains import as_domains, check_domains_vary, in_order_of

ROWS = np.arange(12.0).reshape(6, 2)
FRAME = pd.DataFrame(ROWS, columns=["height", "width"])


def test_columns_in_another_order_are_put_in_order_with_a_note(caplog):
    samples = as_domains({"source": FRAME, "target": FRAME[["width", "height"]]})
    np.testing.assert_array_equal(samples["target"].values, ROWS)
    assert "the columns of `target` were put in the order height, width" in caplog.text


def test_other_columns_are_refused():
    other = FRAME.rename(columns={"width": "depth"})
    with pytest.raises(
        ValueError, match="`target` must have the columns height, width; got height, depth"
    ):
        as_domains({"source": FRAME, "target": other})


def test_arrays_have_no_names_to_compare():
    samples = as_domains({"source": FRAME, "target": ROWS + 1.0})
    assert samples["target"].feature_names is None
    assert in_order_of(samples["target"], ("a", "b"), name="x") is samples["target"]


def test_conditions_must_match_and_are_put_in_order():
    conditions = pd.DataFrame({"eta": ROWS[:, 0], "phi": ROWS[:, 1]})
    first = Sample.of(ROWS, conditions=conditions)
    second = Sample.of(ROWS, conditions=conditions[["phi", "eta"]])
    samples = as_domains({"source": first, "target": second})
    np.testing.assert_array_equal(samples["target"].conditions, conditions)
    with pytest.raises(ValueError, match="`conditions` of `target` must have 2 columns to match"):
        as_domains({"source": first, "target": Sample.of(ROWS, conditions=ROWS[:, 0])})
    with pytest.raises(ValueError, match="`conditions` of `b` must have 0 columns.*; got 2"):
        as_domains({"a": ROWS, "b": first})


def test_rows_of_weight_zero_are_not_there():
    sample = Sample.of(ROWS, weights=[1, 1, 0, 1, 1, 1])
    samples = as_domains({"a": sample, "b": ROWS, "c": ROWS}, min_rows=5)
    assert [len(each) for each in samples.values()] == [5, 6, 6]
    with pytest.raises(ValueError, match="`a` must have at least 6 rows; got 5"):
        as_domains({"a": sample, "b": ROWS}, min_rows=6)


def test_shapes_and_variation_are_checked():
    with pytest.raises(
        ValueError, match=r"`b` must have shape \[M, 2\] to match `a`; got \[6, 1\]"
    ):
        as_domains({"a": ROWS, "b": ROWS[:, :1]})
    with pytest.raises(ValueError, match="`b` must vary in every column; got a constant column 1"):
        check_domains_vary(as_domains({"a": ROWS, "b": ROWS * [1.0, 0.0]}))
