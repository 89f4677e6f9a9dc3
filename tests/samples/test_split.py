"""The split: complete, disjoint, repeatable, and apart from data of the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from lrmf_tfp.samples import Sample
from lrmf_tfp.samples.split import hold_out, split_rows


def pair(n, m):
    return (
        Sample.of(np.arange(2.0 * n).reshape(n, 2)),
        Sample.of(-1.0 - np.arange(2.0 * m).reshape(m, 2)),
    )


@pytest.mark.parametrize(("n", "m", "fraction"), [(10, 25, 0.2), (2, 3, 0.01), (2, 3, 0.99)])
def test_every_row_is_in_one_part(n, m, fraction):
    sets = pair(n, m)
    split = hold_out(sets, fraction, seed=3)
    for sample, train, held_out in zip(sets, *split, strict=True):
        assert min(len(train), len(held_out)) >= 1
        both = np.concatenate([train.values, held_out.values])
        np.testing.assert_array_equal(np.sort(both, axis=0), np.sort(sample.values, axis=0))
    assert len(split.held_out[1]) == min(max(1, round(fraction * m)), m - 1)


def test_one_set_or_three_and_not_more_than_asked_for():
    sets = (*pair(100, 20), Sample.of(np.zeros((50, 2, 2, 1))))
    split = hold_out(sets, 0.5, seed=0, most=15)
    assert [len(held_out) for held_out in split.held_out] == [15, 10, 15]
    assert [len(train) for train in split.train] == [85, 10, 35]
    assert len(hold_out(sets[:1], 0.5, seed=0).train) == 1


def test_what_belongs_to_a_row_goes_with_it():
    rows = np.arange(30.0)
    sample = Sample.of(rows[:, None], weights=rows + 1.0, conditions=-rows, labels=rows)
    for part in (side[0] for side in hold_out((sample,), 0.3, seed=0)):
        np.testing.assert_array_equal(part.weights, part.values[:, 0] + 1.0)
        np.testing.assert_array_equal(part.conditions, -part.values)
        np.testing.assert_array_equal(part.labels, part.values[:, 0])


def test_the_seed_decides():
    first, same, other = (
        hold_out(pair(50, 50), 0.3, seed=seed).held_out[0].values for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)


def test_the_split_does_not_follow_data_of_the_same_seed():
    # Rows whose value is the place at which a permutation of the same seed would put them: split
    # by that stream, the held-out ones would be exactly the least or the largest.
    order = np.random.default_rng(5).permutation(1000)
    places = np.empty(1000)
    places[order] = np.arange(1000.0)
    held_out = hold_out((Sample.of(places[:, None]),), 0.5, seed=5).held_out[0].values
    assert 400.0 < held_out.mean() < 600.0


def test_no_fewer_than_asked_for_where_there_are_enough():
    rng = np.random.default_rng(0)
    assert [len(part) for part in split_rows(10, 0.05, rng, fewest=2)] == [8, 2]
    assert [len(part) for part in split_rows(2, 0.05, rng, fewest=2)] == [1, 1]
