"""`Aligner` with every objective and every closed-form flow: one estimator, one score."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import pytest
import tensorflow as tf

import lrmf_tfp as lt
from lrmf_tfp.alignment.rows import row_hashes
from lrmf_tfp.names import FLOWS, OBJECTIVES, named

QUICK = lt.FitConfig(num_steps=100, optimizer=lt.training.Adam(2e-2), jit_compile=False)
BRIEF = lt.FitConfig(num_steps=30, steps_per_call=15, optimizer=QUICK.optimizer, jit_compile=False)
BASELINES = sorted(set(OBJECTIVES) - {"lrmf"})
LINEAR_FLOWS = [name for name in FLOWS if FLOWS[name].closed_form and name != "identity"]
SLOWER = {"adversarial": {"num_steps": 3000, "optimizer": lt.training.Adam(1e-2, beta_1=0.0)}}
OWN_TERMS = {"adversarial": {"critic_loss"}, "back_to_back": {"nll_source", "nll_target"}}
SLOW_ONES = [pytest.param(name, marks=pytest.mark.slow) for name in BASELINES]


@pytest.fixture(scope="module")
def pair():
    """Two Gaussians that differ in place, scale and units."""
    pair = lt.datasets.gaussians(400, num_dims=2, seed=0)
    return lt.DomainPair(10.0 * pair.source + 50.0, 3.0 * pair.target)


def _config(name):
    return dataclasses.replace(QUICK, **SLOWER.get(name, {}))


@pytest.fixture(scope="module")
def moved(pair):
    """Aligners by objective without a score, which is four fifths of the work."""

    @functools.cache
    def fit(name):
        objective = named(name, "objective", OBJECTIVES).with_params(bound=None)
        aligner = lt.Aligner("affine", objective, config=_config(name), num_restarts=1)
        return aligner.fit(pair.source, pair.target)

    return fit


@pytest.fixture(scope="module")
def fitted(pair):
    """Aligners by objective with a score, each fitted when first asked for."""

    @functools.cache
    def fit(name):
        aligner = lt.Aligner("affine", name, config=_config(name), num_restarts=1)
        return aligner.fit(pair.source, pair.target)

    return fit


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow) if name in SLOWER else name for name in BASELINES],
)
def test_every_objective_moves_the_source_onto_the_target(moved, pair, name):
    aligner = moved(name)
    found = aligner.transform(pair.source)
    scale = pair.target.std(axis=0)
    assert np.abs((found.mean(axis=0) - pair.target.mean(axis=0)) / scale).max() < 0.3
    assert np.abs(np.log(found.std(axis=0) / scale)).max() < 0.4
    np.testing.assert_allclose(aligner.inverse_transform(found), pair.source, atol=1e-2)
    _check_history(aligner, name)


def _check_history(aligner, name):
    """The record is that of the objective."""
    assert {"step", "loss", "validation_loss", *OWN_TERMS.get(name, ())} <= set(aligner.history)
    assert aligner.history["loss"].shape == aligner.history["step"].shape


def test_the_adversary_is_recorded(pair):
    config = lt.FitConfig(num_steps=20, steps_per_call=10, jit_compile=False)
    objective = lt.objectives.Adversarial(bound=None)
    aligner = lt.Aligner("affine", objective, config=config, num_restarts=1)
    _check_history(aligner.fit(pair.source, pair.target), "adversarial")
    assert np.isfinite(aligner.transform(pair.source)).all()


@pytest.mark.parametrize("name", ["mmd", *(each for each in SLOW_ONES if each.values != ("mmd",))])
def test_every_objective_gets_the_score_of_its_map(fitted, pair, name):
    aligner = fitted(name)
    score = aligner.score(pair.source, pair.target)
    assert score.lower <= score.value <= score.upper
    wanted = lt.objectives.gaussian_lrmf_distance(aligner.transform(pair.source), pair.target)
    assert score.value == pytest.approx(wanted, abs=0.15)
    assert {"score_private_source", "score_private_target", "score_shared"} <= set(
        aligner.results_
    )


def test_a_baseline_is_saved_and_loaded_with_its_score(fitted, pair, tmp_path):
    aligner = fitted("mmd")
    aligner.save(tmp_path / "model")
    loaded = lt.load(tmp_path / "model")
    np.testing.assert_allclose(loaded.transform(pair.source), aligner.transform(pair.source))
    assert loaded.score(pair.source, pair.target) == aligner.score(pair.source, pair.target)
    assert loaded.metadata["objective"] == "mmd"


def test_without_a_score_all_restarts_are_run(pair):
    seen = []
    config = dataclasses.replace(QUICK, num_steps=10, steps_per_call=10)
    aligner = lt.Aligner("affine", lt.objectives.EMD(bound=None), config=config, num_restarts=2)
    aligner.fit(pair.source, pair.target, callbacks=[lambda event: seen.append(event.restart)])
    assert seen == [0, 1]


def test_without_a_score_only_the_map_is_fitted(moved, pair, tmp_path):
    aligner = moved("energy")
    assert set(aligner.results_) == {"flow"}
    with pytest.raises(AttributeError, match="needs an objective with densities; got 'Energy'"):
        aligner.score(pair.source, pair.target)
    aligner.save(tmp_path / "model")
    assert lt.load(tmp_path / "model").transform(pair.source).shape == pair.source.shape


@pytest.mark.parametrize("name", LINEAR_FLOWS)
@pytest.mark.parametrize("start", ["identity", "moments"])
def test_a_closed_form_flow_is_that_of_the_users_coordinates(pair, name, start):
    spec = named(name, "flow", FLOWS).with_params(start=start)
    aligner = lt.Aligner(spec, None, dtype="float64").fit(pair.source, pair.target)
    assert aligner.results_ == {}
    trained = aligner.alignment_.arrays
    samples = {"source": lt.Sample.of(pair.source), "target": lt.Sample.of(pair.target)}
    rows = [
        sample.take(np.isin(row_hashes(sample), trained[f"trained_{domain}"]))
        for domain, sample in samples.items()
    ]
    flow = spec.solve(*rows, dtype=tf.float64)
    moved, log_det = flow.forward_and_log_det(pair.source)
    np.testing.assert_allclose(aligner.transform(pair.source), moved, rtol=1e-5)
    np.testing.assert_allclose(aligner.log_det_jacobian(pair.source), log_det, rtol=1e-5)


@pytest.mark.slow
def test_gaussian_transport_scores_zero_on_gaussians(pair):
    aligner = lt.Aligner("gaussian_ot", lt.LRMF(density="gaussian"), config=QUICK)
    score = aligner.fit(pair.source, pair.target).score(pair.source, pair.target)
    assert score.converged
    assert abs(score.value) < 0.1


def test_an_objective_of_ones_own_is_a_function_of_a_flow(pair):
    def squared_transport(flow):
        return lt.objectives.emd_objective(flow, cost="squared_euclidean")

    objective = lt.objectives.MadeObjective(squared_transport, bound=None)
    aligner = lt.Aligner("affine", objective, config=QUICK, num_restarts=1)
    moved = aligner.fit(pair.source, pair.target).transform(pair.source)
    assert np.abs(moved.mean(axis=0) - pair.target.mean(axis=0)).max() < 1.0
    settings = aligner.alignment_.metadata["settings"]
    assert settings["objective"]["maker"] == "squared_transport"


def test_what_is_given_stays_as_it_was(pair):
    flow = lt.flows.affine_flow(2)
    objective = lt.objectives.GivenObjective(lt.objectives.energy_objective(flow), bound=None)
    aligner = lt.Aligner(objective=objective, config=BRIEF)
    first = aligner.fit(pair.source / 10.0, pair.target).transform(pair.source)
    again = aligner.fit(pair.source / 10.0, pair.target).transform(pair.source)
    assert aligner.restart_ == 0
    assert max(np.abs(variable).max() for variable in flow.trainable_variables) == 0.0
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - pair.source).max() > 1.0
