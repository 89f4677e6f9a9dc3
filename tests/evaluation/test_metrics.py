"""The score: interval, normalisation, verdict; label accuracy; neighbours kept."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lrmf_tfp.evaluation import (
    alignment_score,
    bootstrap_interval,
    label_accuracy,
    neighbourhood_preservation,
)


def _score(source, target):
    return alignment_score(
        np.asarray(source), np.asarray(target), private_nll_source=1.0, private_nll_target=2.0
    )


def test_value_is_the_sum_of_the_means(rng):
    source, target = rng.normal(0.3, 0.1, 400), rng.normal(0.2, 0.1, 100)
    score = _score(source, target)
    assert score.value == pytest.approx(source.mean() + target.mean())
    assert score.normalized == pytest.approx(score.value / (2 * math.log(2)))
    assert score.lower < score.value < score.upper
    assert (score.num_source, score.num_target) == (400, 100)


@pytest.mark.parametrize("unit", [1e-300, 1.0, 1e200])
def test_effective_rows_do_not_depend_on_the_scale_of_the_weights(unit):
    weights = unit * np.array([1.0, 1.0, 2.0])
    options = {"private_nll_source": 0.0, "private_nll_target": 0.0, "source_weights": weights}
    score = alignment_score(np.zeros(3), np.zeros(5), **options)
    assert score.effective_source == pytest.approx(16.0 / 6.0)
    assert score.effective_target == 5.0


def test_interval_covers_the_truth_as_often_as_it_says():
    hits = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        parts = (rng.normal(1.0, 1.0, 200), rng.exponential(2.0, 300))
        lower, upper = bootstrap_interval(parts, num_resamples=300, seed=seed)
        hits += lower <= 3.0 <= upper
    assert 0.90 <= hits / 200 <= 0.99


@pytest.mark.parametrize(
    ("value", "spread", "converged", "verdict"),
    [
        (0.02, 0.01, True, "aligned"),
        (0.6, 0.01, False, "not aligned"),
        (-0.005, 0.5, True, "not fully converged"),
        (-0.05, 0.01, True, "not fully converged"),
        (-0.2, 5.0, True, "not fully converged"),
        (-0.4, 0.01, False, "constant not converged"),
    ],
)
def test_verdict(rng, value, spread, converged, verdict):
    source = value + spread * rng.normal(size=200)
    source += value - source.mean()
    score = _score(source, np.zeros(200))
    assert score.value == pytest.approx(value)
    assert score.converged is converged
    assert verdict in score.verdict


def test_accuracy_of_a_swap_is_zero():
    points = np.array([[0.0, 0.0], [5.0, 5.0]])
    assert label_accuracy(points, [0, 1], points, [0, 1]) == 1.0
    assert label_accuracy(points, [1, 0], points, [0, 1]) == 0.0


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="`level`"):
        bootstrap_interval((np.ones(3),), level=1.0)
    with pytest.raises(ValueError, match="`num_resamples`"):
        bootstrap_interval((np.ones(3),), num_resamples=0)
    with pytest.raises(ValueError, match="`moved_labels` and `target_labels` must both be given"):
        label_accuracy(np.ones((2, 1)), None, np.ones((2, 1)), None)
    with pytest.raises(ValueError, match="`moved_labels`"):
        label_accuracy(np.ones((2, 1)), [0], np.ones((2, 1)), [0, 1])


def test_isometries_and_scales_keep_every_neighbour(rng):
    points = rng.normal(size=(300, 3))
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    assert neighbourhood_preservation(points, points) == 1.0
    assert neighbourhood_preservation(points, 5.0 * points @ turn + 7.0) == 1.0


def test_a_shuffle_keeps_neighbours_by_chance_only(rng):
    # Each row's k neighbours are k of the N - 1 others at random.
    points = rng.normal(size=(400, 2))
    kept = [neighbourhood_preservation(points, rng.permutation(points)) for _ in range(20)]
    assert np.mean(kept) == pytest.approx(10 / 399, abs=0.002)


def test_neighbours_kept_are_those_that_counting_finds(rng):
    x, y = rng.normal(size=(60, 2)), rng.normal(size=(60, 5))
    kept = 0
    for row in range(60):
        near = [
            set(
                sorted(
                    set(range(60)) - {row}, key=lambda i, p=p, r=row: np.sum((p[i] - p[r]) ** 2)
                )[:7]
            )
            for p in (x, y)
        ]
        kept += len(near[0] & near[1])
    assert neighbourhood_preservation(x, y, num_neighbours=7) == pytest.approx(kept / 420)


def test_points_that_fall_together_are_not_their_own_neighbours():
    assert 0.0 <= neighbourhood_preservation(np.eye(5), np.zeros((5, 1)), num_neighbours=2) <= 1.0
    assert neighbourhood_preservation(np.eye(5), np.zeros((5, 1)), num_neighbours=4) == 1.0


@pytest.mark.parametrize(
    ("y", "num_neighbours", "message"),
    [
        (np.ones((4, 1)), 1, r"`y` must have 5 rows to match `x`; got \[4, 1\]"),
        (np.ones((5, 1)), 5, "`num_neighbours` must be below 5, the number of rows; got 5"),
        (np.ones((5, 1)), 0, "`num_neighbours` must be at least 1; got 0"),
        (np.full((5, 1), np.nan), 1, "`y` must be finite"),
    ],
)
def test_bad_neighbourhoods_are_named(y, num_neighbours, message):
    with pytest.raises(ValueError, match=message):
        neighbourhood_preservation(np.ones((5, 2)), y, num_neighbours=num_neighbours)
