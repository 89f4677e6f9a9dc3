"""Moments: weighted, robust, in blocks, for any units."""

from __future__ import annotations

import numpy as np
import pytest

from lrmf_tfp.samples import Sample, Standardizer
from lrmf_tfp.samples import standardize as module
from lrmf_tfp.samples.standardize import (
    common_moments,
    weighted_covariance,
    weighted_moments,
    weighted_quantiles,
)


@pytest.fixture
def counts(rng):
    return rng.integers(0, 4, size=300)


def test_without_weights_they_are_the_plain_moments(rng):
    x = rng.normal(size=(500, 3)) * [1.0, 1e-150, 1e150] + [5.0, 0.0, 0.0]
    moments = Standardizer.of(Sample.of(x))
    np.testing.assert_allclose(moments.loc, x.mean(axis=0), rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(moments.scale[:2], x.std(axis=0)[:2], rtol=1e-12)
    standard = moments.apply(x, "float32")
    assert standard.dtype == np.float32
    np.testing.assert_allclose(standard.std(axis=0), 1.0, rtol=1e-5)


def test_weights_count_like_repeated_rows(rng, counts):
    x = rng.normal(size=(300, 2)) @ [[1.0, 0.4], [0.0, 2.0]]
    repeated = np.repeat(x, counts, axis=0)
    for found, wanted in (
        (weighted_moments(x, counts), weighted_moments(repeated)),
        (weighted_covariance(x, 7.0 * counts), weighted_covariance(repeated)),
        (Standardizer.of(Sample.of(x, weights=counts)), Standardizer.of(Sample.of(repeated))),
    ):
        for part, other in zip(found, wanted, strict=True):
            np.testing.assert_allclose(part, other, rtol=1e-10)
    np.testing.assert_allclose(
        weighted_covariance(repeated)[1], np.cov(repeated.T, bias=True), rtol=1e-10
    )


def test_quantiles_are_those_of_the_repeated_rows(rng, counts):
    x, levels = rng.normal(size=300), np.array([0.05, 0.5, 0.95])
    found = weighted_quantiles(x, levels, counts.astype(float))
    wanted = np.quantile(np.repeat(x, counts), levels, method="inverted_cdf")
    np.testing.assert_array_equal(found, wanted)


def test_one_wrong_cell_does_not_squeeze_the_others(rng):
    x = rng.normal(size=(1000, 2))
    clean = Standardizer.of(Sample.of(x[1:]))
    x[0, 1] = 1e6
    moments = Standardizer.of(Sample.of(x))
    np.testing.assert_allclose(moments.loc[1], clean.loc[1], atol=1e-9)
    np.testing.assert_allclose(moments.scale[1], clean.scale[1], rtol=1e-9)
    assert moments.scale[1] < 2.0 < x.std(axis=0)[1]


def test_columns_of_mostly_one_value_keep_their_spread(rng):
    x = np.where(rng.random(2000) < 0.97, 0.0, rng.normal(5.0, 1.0, 2000))[:, None]
    once = np.zeros((2000, 1))
    once[7] = 1.0
    for rows in (x, once):
        np.testing.assert_allclose(
            Standardizer.of(Sample.of(rows)).scale, rows.std(axis=0), rtol=1e-12
        )


def test_blocks_add_up(rng, monkeypatch):
    x, weights = rng.normal(size=(100, 3)), rng.random(100)
    sample = Sample.of(x, weights=weights)
    whole = Standardizer.of(sample)
    monkeypatch.setattr(module, "_ROWS_AT_ONCE", 7)
    parts = Standardizer.of(sample)
    np.testing.assert_allclose(parts, whole, rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(parts.apply(x, "float64"), (x - parts.loc) / parts.scale)


def test_each_set_counts_the_same():
    few, many = Sample.of(np.full((4, 1), 3.0)), Sample.of(np.full((400, 1), 1.0))
    loc, scale = common_moments((few, many))
    assert (float(loc[0]), float(scale[0])) == (2.0, 1.0)
    assert common_moments((few, few))[1].tolist() == [1.0]  # never varies
