"""uLSIF: its equations, the leave-one-out score against refits, known ratios, memory."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from lrmf_tfp.ratios import LeastSquaresRatio
from lrmf_tfp.ratios._bumps import (
    Features,
    gaussian_features,
    leave_one_out_scores,
    solve_coefficients,
)
from lrmf_tfp.samples import Sample

KL, PEARSON, JSD = 0.4431471806, 0.7440263415, 0.1281749731  # N(1, 1) against N(0, 4)


def pair_a(seed, rows):
    rng = np.random.default_rng(seed)
    return rng.normal(1.0, 1.0, (rows, 1)), rng.normal(0.0, 2.0, (rows, 1))


def true_log_ratio(x):
    return np.log(2.0) + 0.125 * x[:, 0] ** 2 - 0.5 * (x[:, 0] - 1.0) ** 2


def refit(of_p, of_q, *, ridge):
    """The coefficients by the definition, with a general solver; weights of any scale."""
    p, q = (part.shares / part.shares.sum() for part in (of_p, of_q))
    second = np.einsum("n,nk,nl->kl", q, of_q.values, of_q.values)
    matrix = second + ridge * np.eye(len(second))
    return np.maximum(np.linalg.solve(matrix, p @ of_p.values), 0.0)


def features(rng, sizes, centres, bandwidth):
    laws = (1.0, 1.0), (0.0, 2.0)
    for size, law in zip(sizes, laws, strict=True):
        values = gaussian_features(rng.normal(*law, (size, 2)), centres, bandwidth=bandwidth)
        weights = rng.uniform(0.2, 1.0, size)
        yield Features(values, weights / weights.sum())


def without(part, row):
    return Features(*(np.delete(each, row, axis=0) for each in part))


@pytest.mark.parametrize(("rows_p", "rows_q"), [(12, 12), (20, 9), (2, 20)])
@pytest.mark.parametrize("ridge", [1e-3, 0.3])
def test_leave_one_out_is_what_refits_give(rng, rows_p, rows_q, ridge, monkeypatch):
    """One row of one set at a time, with all of its weight."""
    centres = rng.normal(1.0, 1.0, (5, 2))
    of_p, of_q = features(rng, (rows_p, rows_q), centres, 1.3)
    wanted = 0.0
    for row, (bumps, share) in enumerate(zip(*of_p, strict=True)):
        wanted -= share * (bumps @ refit(without(of_p, row), of_q, ridge=ridge))
    for row, (bumps, share) in enumerate(zip(*of_q, strict=True)):
        wanted += 0.5 * share * (bumps @ refit(of_p, without(of_q, row), ridge=ridge)) ** 2
    ridges = [0.7, ridge]
    whole = leave_one_out_scores(of_p, of_q, ridges=ridges)
    assert whole[1] == pytest.approx(wanted, rel=1e-7, abs=1e-9)
    monkeypatch.setattr("lrmf_tfp.ratios._bumps._BLOCK_ENTRIES", 20)
    assert leave_one_out_scores(of_p, of_q, ridges=ridges) == pytest.approx(whole, rel=1e-10)


def test_a_law_of_one_row_keeps_it(rng):
    """There is nothing to refit to: the loss is that of the fit."""
    centres = rng.normal(size=(4, 2))
    of_p, of_q = features(rng, (1, 1), centres, 1.0)
    kept = refit(of_p, of_q, ridge=0.1)
    wanted = 0.5 * float(of_q.values[0] @ kept) ** 2 - float(of_p.values[0] @ kept)
    assert leave_one_out_scores(of_p, of_q, ridges=[0.1]) == pytest.approx([wanted], rel=1e-9)


def test_coefficients_solve_the_equations_and_are_clipped(rng):
    of_p, of_q = features(rng, (50, 70), rng.normal(1.0, 1.0, (20, 2)), 0.5)
    found = solve_coefficients(of_p, of_q, ridge=0.01)
    np.testing.assert_allclose(found, refit(of_p, of_q, ridge=0.01), atol=1e-10)
    assert found.min() == 0.0
    assert found.max() > 0.0


def test_features_are_gaussian_bumps(rng):
    x, centres = rng.normal(size=(6, 3)), rng.normal(size=(4, 3))
    squares = np.sum((x[:, None] - centres) ** 2, axis=-1)
    found = gaussian_features(x, centres, bandwidth=0.7)
    np.testing.assert_allclose(found, np.exp(-squares / (2.0 * 0.7**2)), rtol=1e-12)


def test_the_best_of_the_grid_is_chosen():
    x, y = pair_a(0, 200)
    chosen = LeastSquaresRatio(num_centres=20).fit(x, y)
    for bandwidth in (0.3 * chosen.bandwidth_, 3.0 * chosen.bandwidth_):
        for ridge in (1e-3, 1.0):
            settings = {"num_centres": 20, "bandwidths": [bandwidth], "ridges": [ridge]}
            other = LeastSquaresRatio(**settings).fit(x, y)
            assert (other.bandwidth_, other.ridge_) == (bandwidth, ridge)
            assert chosen.score_ < other.score_


def test_the_score_foretells_the_loss_on_fresh_samples():
    """Half the square minus the mean, for 2e5 fresh rows: mean over 10 fits of each."""
    gaps = []
    for seed in range(10):
        settings = {"num_centres": 50, "bandwidths": [1.0], "ridges": [0.1]}
        estimator = LeastSquaresRatio(**settings).fit(*pair_a(seed, 300))
        x, y = pair_a(1000 + seed, 20_000)
        fresh = 0.5 * np.mean(estimator.ratio(y) ** 2) - np.mean(estimator.ratio(x))
        gaps.append(estimator.score_ - fresh)
    assert np.mean(gaps) == pytest.approx(0.0, abs=4.0 * np.std(gaps) / np.sqrt(10))


def test_divergences_come_near_the_truth():
    """Means over 5 draws of 2,000 each."""
    settings = {"num_centres": 30, "ridges": (1e-2, 1e-1)}
    fits = [LeastSquaresRatio(**settings, seed=s).fit(*pair_a(s, 2000)) for s in range(5)]
    assert np.mean([each.pearson() for each in fits]) == pytest.approx(PEARSON, abs=0.08)
    assert np.mean([each.kl() for each in fits]) == pytest.approx(KL, abs=0.05)
    assert np.mean([each.jensen_shannon() for each in fits]) == pytest.approx(JSD, abs=0.015)
    assert np.mean([each.kl_lower_bound() for each in fits]) == pytest.approx(KL, abs=0.05)
    grid = np.linspace(-1.0, 3.0, 41)[:, None]
    for each in fits:
        assert np.sqrt(np.mean((each.log_ratio(grid) - true_log_ratio(grid)) ** 2)) < 0.3


def test_it_works_in_two_dimensions():
    """N([1, 4], I) against N([-3, 2], 6.25 I), 2.5926 nats: a high, narrow ratio, biased down."""
    found = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        x, y = rng.normal([1.0, 4.0], 1.0, (2000, 2)), rng.normal([-3.0, 2.0], 2.5, (2000, 2))
        found.append(LeastSquaresRatio(num_centres=30, ridges=[1e-3, 1e-2]).fit(x, y).kl())
    assert np.mean(found) == pytest.approx(2.5925814637, abs=0.5)


def test_weights_estimate_the_law_that_they_make():
    """Rows of N(0, 4) by weights p / q stand for p = N(1, 1); means over 4 draws."""
    found = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        x, y = rng.normal(0.0, 2.0, (2, 2000, 1))
        weighted = Sample.of(x, weights=np.exp(true_log_ratio(x)))
        estimator = LeastSquaresRatio(num_centres=30, ridges=[0.01, 0.1]).fit(weighted, y)
        found.append([estimator.pearson(), estimator.kl(), estimator.jensen_shannon()])
    assert np.mean(found, axis=0) == pytest.approx([PEARSON, KL, JSD], abs=0.05)


def test_far_away_the_ratio_is_zero():
    estimator = LeastSquaresRatio().fit(*pair_a(0, 100))
    assert estimator.ratio([[1e6]])[0] == 0.0
    assert estimator.log_ratio([[1e6]])[0] == -np.inf
    assert np.isfinite(estimator.kl())


def test_a_sample_of_p_where_the_ratio_is_zero_is_told():
    x = np.array([[0.0], [0.0], [0.0], [100.0]])
    estimator = LeastSquaresRatio(num_centres=1, bandwidths=[1.0], seed=0).fit(x, x)
    assert estimator.centres_.tolist() == [[0.0]]
    assert estimator.kl() == -np.inf
    assert np.isfinite(estimator.pearson())


def test_strips_give_what_the_whole_gives(monkeypatch):
    estimator = LeastSquaresRatio().fit(*pair_a(0, 100))
    x = np.linspace(-3.0, 3.0, 31)[:, None]
    whole = estimator.ratio(x)
    monkeypatch.setattr("lrmf_tfp.ratios.least_squares._STRIP_ENTRIES", 700)
    np.testing.assert_allclose(estimator.ratio(x), whole, rtol=1e-14)


def test_centres_come_from_the_numerator_by_the_seed():
    x, y = pair_a(0, 150)
    one = {"bandwidths": [1.0], "ridges": [0.1]}
    first, same, other = (
        LeastSquaresRatio(num_centres=20, seed=s, **one).fit(x, y) for s in (0, 0, 1)
    )
    np.testing.assert_array_equal(first.centres_, same.centres_)
    assert first.centres_.shape == (20, 1)
    assert set(first.centres_[:, 0]) <= set(x[:, 0])
    assert set(first.centres_[:, 0]) != set(other.centres_[:, 0])
    assert LeastSquaresRatio(num_centres=500, **one).fit(x, y).centres_.shape == (150, 1)


def test_heavy_rows_are_centres_more_often(rng):
    x, y = pair_a(0, 200)
    weights = np.where(np.arange(200) < 20, 1.0, 1e-6)
    estimator = LeastSquaresRatio(num_centres=20, bandwidths=[1.0], ridges=[0.1])
    estimator.fit(Sample.of(x, weights=weights), y)
    assert set(estimator.centres_[:, 0]) == set(x[:20, 0])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"num_centres": 0}, ValueError, "`num_centres` must be at least 1; got 0"),
        ({"num_centres": 2.5}, TypeError, "`num_centres` must be a whole number; got 2.5"),
        ({"ridges": (0.1, 0.0)}, ValueError, "`ridges` must be finite and above 0; got 0.0"),
        ({"ridges": ()}, ValueError, "`ridges` must have at least 1 entry; got none"),
        ({"bandwidths": [-1.0]}, ValueError, "`bandwidths` must be finite and above 0; got -1.0"),
        ({"seed": -1}, ValueError, "`seed` must be at least 0; got -1"),
        ({"ridges": [1e-300]}, ValueError, "`ridges` must be large enough for a system of 10"),
    ],
)
def test_bad_settings_are_named(options, error, message):
    x, y = np.linspace(0.0, 1.0, 10)[:, None], np.repeat([[0.0], [1.0]], 5, axis=0)
    with pytest.raises(error, match=message):
        LeastSquaresRatio(**options).fit(x, y)


def test_a_ridge_too_small_for_the_solution_is_named(rng):
    of_p, of_q = features(rng, (9, 3), rng.normal(size=(9, 2)), 1.0)
    with pytest.raises(ValueError, match="`ridges` must be large enough for a system of 9 cent"):
        solve_coefficients(of_p, of_q, ridge=1e-300)


def test_memory_stays_flat(rng):
    """A matrix of 20,000 x 20,000 float64 is 3.2 GB; those of 100 centres are 16 MB each."""
    x, y = rng.normal(1.0, 1.0, (20_000, 2)), rng.normal(0.0, 2.0, (20_000, 2))
    tracemalloc.start()
    try:
        LeastSquaresRatio(bandwidths=[0.5, 1.0], ridges=[0.1]).fit(x, y).log_ratio(y)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert 16e6 < peak < 300e6
