"""Weights in `Aligner`: the laws, the shift that weights alone carry, signs, bad input."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone

import lrmf_tfp as lt

BRIEF = lt.FitConfig(num_steps=20, steps_per_call=10, jit_compile=False)
QUICK = lt.FitConfig(num_steps=100, optimizer=lt.training.Adam(2e-2), jit_compile=False)
CLOSED = ("mean_variance", "coral", "gaussian_ot")


@pytest.fixture(scope="module")
def clouds():
    rng = np.random.default_rng(0)
    source = rng.normal(size=(400, 2)) @ [[1.0, 0.5], [0.0, 1.5]]
    return source, rng.normal(size=(300, 2)) + [2.0, 0.0]


@pytest.fixture(scope="module")
def weights():
    """Some are negative."""
    weights = np.ones(300)
    weights[::10] = -0.5
    return weights


@pytest.fixture(scope="module")
def fitted(clouds, weights):
    """A fit on weighted rows and on rows far out that have no weight."""
    source, target = clouds
    padded = np.vstack([source[:300], np.full((100, 2), 1e8)])
    padding = np.r_[weights, np.zeros(100)]
    sample = lt.Sample.of(padded, weights=padding, negative="absolute")
    return lt.Aligner("affine", config=BRIEF, num_restarts=1).fit(sample, target)


def test_weight_zero_is_absence_in_every_fit(fitted, clouds, weights):
    source, target = clouds
    sample = lt.Sample.of(source[:300], weights=weights, negative="absolute")
    dropped = clone(fitted).fit(sample, target)
    np.testing.assert_array_equal(fitted.transform(source), dropped.transform(source))
    score, other = (each.alignment_.metadata["score"] for each in (fitted, dropped))
    assert score["num_source"] == other["num_source"] == 60
    assert score["value"] == pytest.approx(other["value"], abs=1e-9)


@pytest.mark.parametrize("name", CLOSED)
def test_weight_k_is_k_rows_in_closed_forms(clouds, rng, name):
    source, target = clouds
    counts = rng.integers(1, 4, size=400)
    spec = lt.names.named(name, "flow", lt.names.FLOWS)
    weighted = spec.solve(
        lt.Sample.of(source, weights=0.1 * counts), lt.Sample.of(target), dtype="float64"
    )
    repeated = spec.solve(
        lt.Sample.of(np.repeat(source, counts, axis=0)), lt.Sample.of(target), dtype="float64"
    )
    np.testing.assert_allclose(weighted.forward(source), repeated.forward(source), rtol=1e-9)


def test_weights_of_any_scale_are_the_same_law(clouds, rng):
    source, target = clouds
    weights = rng.random(400)
    objective = lt.objectives.Energy(bound=None)
    aligner = lt.Aligner("affine", objective, config=BRIEF, num_restarts=1)
    first, again = (
        aligner.fit(lt.Sample.of(source, weights=scale * weights), target).transform(source)
        for scale in (1.0, 1e-12)
    )
    np.testing.assert_allclose(first, again, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_weights_that_carry_the_shift_need_no_move(rng):
    """A wide source, weighted to the shape of the target, is the target."""
    source = 2.0 * rng.normal(size=(20000, 1))
    target = 1.0 + rng.normal(size=(5000, 1))
    log_weights = -0.5 * (source - 1.0) ** 2 + 0.125 * source**2
    sample = lt.Sample.of(source, weights=np.exp(log_weights[:, 0]))
    config = lt.FitConfig(num_steps=600, optimizer=lt.training.Adam(1e-2), jit_compile=False)
    aligner = lt.Aligner("identity", lt.LRMF(density="gaussian"), config=config)
    weighted = aligner.fit(sample, target).alignment_.metadata["score"]
    assert abs(weighted["value"]) <= 0.02
    assert weighted["effective_source"] < 0.6 * weighted["num_source"]
    plain = aligner.fit(source, target).alignment_.metadata["score"]
    assert plain["value"] > 0.3


@pytest.mark.parametrize(
    "objective",
    [lt.objectives.Energy(bound=None), pytest.param("lrmf", marks=pytest.mark.slow)],
)
def test_a_weighted_target_is_what_is_matched(rng, objective):
    source = rng.normal(size=(500, 1))
    target = np.vstack([rng.normal(size=(500, 1)) - 4.0, rng.normal(size=(500, 1)) + 4.0])
    weights = np.r_[np.full(500, 1e-6), np.ones(500)]
    aligner = lt.Aligner("affine", objective, config=QUICK, num_restarts=1)
    moved = aligner.fit(source, lt.Sample.of(target, weights=weights)).transform(source)
    assert moved.mean() == pytest.approx(4.0, abs=0.4)


def test_signed_weights_train_by_size_and_evaluate_by_sign(fitted, clouds, weights):
    source, target = clouds[0][:300], clouds[1]
    ratio = fitted.alignment_.call("source_log_ratio", source)
    other = fitted.alignment_.call("target_log_ratio", target)
    for signed in (weights, np.abs(weights)):
        sample = lt.Sample.of(source, weights=signed, negative="absolute")
        wanted = np.average(ratio, weights=signed) + other.mean()
        found = fitted.alignment_.score_of(sample, lt.Sample.of(target)).value
        assert found == pytest.approx(wanted, abs=1e-6)


def test_bad_weights_are_named(clouds):
    source, target = clouds
    with pytest.raises(ValueError, match=r"`weights` must have shape \[400\]; got \[300\]"):
        lt.Aligner().fit(lt.Sample.of(source, weights=np.ones(300)), target)
    few = lt.Sample.of(source, weights=np.r_[np.ones(5), np.zeros(395)])
    with pytest.raises(ValueError, match="`source` must have at least 10 rows; got 5"):
        lt.Aligner().fit(few, target)


@pytest.mark.long
def test_weight_k_is_k_rows_in_trained_fits(rng):
    """In distribution: both maps send the weighted law to the target alike."""
    source, target = rng.normal(size=(1000, 2)), rng.normal(size=(1000, 2)) * 2.0 + 1.0
    counts = np.where(source[:, 0] > 0.0, 3, 1)
    repeated = np.repeat(source, counts, axis=0)
    config = lt.FitConfig(num_steps=1500, optimizer=lt.training.Adam(5e-3))
    aligner = lt.Aligner("real_nvp", config=config, num_restarts=1)
    fits = [
        aligner.fit(sample, target).transform(repeated)
        for sample in (lt.Sample.of(source, weights=counts), repeated)
    ]
    for moved in fits:
        np.testing.assert_allclose(moved.mean(axis=0), target.mean(axis=0), atol=0.2)
    distance = lt.divergences.energy_distance(fits[0], fits[1])
    assert float(distance) < 0.01
