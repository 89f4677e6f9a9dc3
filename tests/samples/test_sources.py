"""Sources: batches by seed, step and weight; whole domains, shards, rows set aside, streams."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from lrmf_tfp.samples import ArraySource, Batch, Sample, Shard
from lrmf_tfp.samples.sources import thinned
from lrmf_tfp.samples.streams import as_source

ROWS = np.arange(100.0)[:, None]


def source_of(*domains, batch_size=10, seed=0):
    return ArraySource(tuple(domains), batch_size=batch_size, seed=seed)


def test_step_and_seed_decide_the_batches():
    source = source_of(Batch(ROWS), Batch(-ROWS))
    first, again = (source.batches(20, 5) for _ in range(2))
    np.testing.assert_array_equal(first[0].values, again[0].values)
    assert first[0].values.shape == (5, 10, 1)
    assert np.all(first[1].values <= 0.0)
    for other in (source.batches(25, 5), source_of(Batch(ROWS), seed=1).batches(20, 5)):
        assert not np.array_equal(first[0].values, other[0].values)


def test_rows_are_drawn_by_weight():
    weights = np.where(ROWS[:, 0] < 50.0, 0.0, np.where(ROWS[:, 0] < 75.0, 1.0, 3.0)) * 1e-9
    (batch,) = source_of(Batch(ROWS, weights), batch_size=64).batches(0, 500)
    drawn = batch.values.ravel()
    assert batch.weights is None
    assert drawn.min() >= 50.0
    share = np.mean(drawn >= 75.0)
    assert share == pytest.approx(0.75, abs=4.0 * np.sqrt(0.75 * 0.25 / drawn.size))


def test_a_small_domain_is_used_whole_with_its_weights():
    weights = np.arange(1.0, 11.0)
    source = source_of(Batch(ROWS[:10], weights, ROWS[:10]))
    (batch,) = source.batches(0, 5)
    assert batch.values.shape == (1, 10, 1)
    np.testing.assert_array_equal(batch.weights[0], weights)
    np.testing.assert_array_equal(batch.conditions[0], ROWS[:10])
    (shard,) = source.batches(0, 5, Shard(0, 2))  # means of parts would not be the mean
    assert shard.values.shape == (5, 5, 1)
    assert shard.weights is None


def test_an_objective_without_weights_gets_rows_drawn_by_them():
    weights = np.r_[np.zeros(5), np.ones(5)]
    source = source_of(Batch(ROWS[:10], weights)).without_weights()
    (batch,) = source.batches(0, 50)
    assert batch.values.shape == (50, 10, 1)
    assert batch.weights is None
    assert batch.values.min() >= 5.0


def test_shards_are_parts_of_the_one_batch():
    source = source_of(Batch(ROWS))
    (whole,) = source.batches(3, 4)
    parts = [source.batches(3, 4, Shard(number, 2))[0].values for number in range(2)]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole.values)


def test_what_is_held_out_is_never_drawn():
    source = source_of(Batch(ROWS, conditions=ROWS))
    (held,) = source.held_out(50)
    assert len(held.values) == 20
    kept = source.training()[0].values
    assert set(kept.ravel()) | set(held.values.ravel()) == set(ROWS.ravel())
    drawn = source.batches(0, 100)[0].values
    assert not set(drawn.ravel()) & set(held.values.ravel())
    assert len(source_of(Batch(ROWS)).held_out(7)[0].values) == 7


def test_moments_and_single_domains():
    source = source_of(Batch(ROWS), Batch(2.0 * ROWS, np.r_[np.ones(50), np.zeros(50)]))
    loc = [moments.loc[0] for moments in source.moments()]
    np.testing.assert_allclose(loc, [49.5, 49.0])
    assert source.only((1,)).moments()[0].loc[0] == pytest.approx(49.0)
    assert not source.has_conditions


def test_thinning_keeps_the_law(rng):
    weights = np.where(ROWS[:, 0] < 90.0, 0.0, 1.0)
    rows = thinned(Batch(ROWS, weights), 50, rng, keep=False)
    assert rows.weights is None
    assert rows.values.min() >= 90.0
    kept = thinned(Batch(ROWS, weights), 30, rng)
    assert len(kept.values) == len(kept.weights) == 30
    assert thinned(Batch(ROWS), None, rng).values is ROWS


def test_streams_answer_like_arrays():
    dataset = tf.data.Dataset.from_tensor_slices((ROWS, ROWS % 3)).batch(10, drop_remainder=True)
    source = as_source(dataset.map(lambda x, c: ((x, c),)), batch_size=10, seed=0)
    assert source.has_conditions
    np.testing.assert_allclose(source.moments()[0].loc, ROWS.mean())
    np.testing.assert_allclose(source.moments()[0].scale, ROWS.std())
    (held,) = source.held_out(25)
    np.testing.assert_array_equal(held.values[:, 0], [*range(10), *range(40, 50)])
    np.testing.assert_array_equal(held.conditions, held.values % 3)
    (batch,) = source.batches(0, 8)
    assert batch.values.shape == (8, 10, 1)
    assert not set(batch.values.ravel()) & set(held.values.ravel())
    assert len(source.training()[0].values) == 80
    assert source.only((0,)).batches(0, 2)[0].values.shape == (2, 10, 1)


def test_samples_pairs_and_arrays_come_through_one_door():
    weighted = Sample.of(ROWS, weights=np.r_[np.zeros(10), np.ones(90)])
    source = as_source((weighted, (ROWS, ROWS), ROWS), batch_size=8, seed=0)
    first, second, third = source.training()
    assert len(first.values) == 90
    assert first.weights is None
    np.testing.assert_array_equal(second.conditions, ROWS)
    assert third.values is ROWS
    assert as_source(source, batch_size=1, seed=1) is source
