"""Splits of two sample sets: complete, disjoint, repeatable; and the units that they share."""

from __future__ import annotations

import numpy as np
import pytest

from lrmf_tfp.samples.split import common_moments, hold_out


def pair(n, m):
    return np.arange(2.0 * n).reshape(n, 2), -1.0 - np.arange(2.0 * m).reshape(m, 2)


@pytest.mark.parametrize(("n", "m", "fraction"), [(10, 25, 0.2), (2, 3, 0.01), (2, 3, 0.99)])
def test_every_row_is_in_one_part(n, m, fraction):
    sets = pair(n, m)
    split = hold_out(sets, fraction, seed=3)
    for samples, train, held_out in zip(sets, *split, strict=True):
        assert min(len(train), len(held_out)) >= 1
        both = np.concatenate([train, held_out])
        np.testing.assert_array_equal(np.sort(both, axis=0), np.sort(samples, axis=0))
    assert len(split.held_out[1]) == min(max(1, round(fraction * m)), m - 1)


def test_one_set_or_three_and_not_more_than_asked_for():
    sets = (*pair(100, 20), np.zeros((50, 2, 2, 1)))
    split = hold_out(sets, 0.5, seed=0, most=15)
    assert [len(held_out) for held_out in split.held_out] == [15, 10, 15]
    assert [len(train) for train in split.train] == [85, 10, 35]
    assert len(hold_out(sets[:1], 0.5, seed=0).train) == 1


def test_the_seed_decides():
    first, same, other = (hold_out(pair(50, 50), 0.3, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.held_out[0], same.held_out[0])
    assert not np.array_equal(first.held_out[0], other.held_out[0])


def test_the_split_does_not_follow_data_of_the_same_seed():
    """Rows shuffled by a generator would come back in order, the lowest half held out."""
    rows = np.empty((1000, 1))
    rows[np.random.default_rng(5).permutation(1000), 0] = np.arange(1000.0)
    split = hold_out((rows, rows), 0.5, seed=5)
    assert abs(np.mean(split.held_out[0]) - 499.5) < 40.0  # its standard deviation is 9


def test_both_sets_count_one_half():
    few, many = np.full((4, 1), 3.0), np.full((400, 1), 1.0)
    loc, scale = common_moments((few, many))
    assert (float(loc[0]), float(scale[0])) == (2.0, 1.0)
    assert common_moments((few, few))[1].tolist() == [1.0]  # never varies
