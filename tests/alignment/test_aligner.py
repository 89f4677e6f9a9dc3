"""`Aligner`: an estimator that aligns, scores held-out rows and tells what is wrong."""

from __future__ import annotations

import dataclasses
import functools
import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from tensorflow_probability import bijectors as tfb

import lrmf_tfp as lt
from lrmf_tfp.alignment.rows import Standards, row_hashes

QUICK = lt.FitConfig(
    num_steps=100, steps_per_call=25, optimizer=lt.training.Adam(2e-2), jit_compile=False
)
BRIEF = lt.FitConfig(num_steps=40, steps_per_call=20, jit_compile=False)
ONE_STAGE = lt.objectives.Energy(bound=None)
SMALL_FLOW = functools.partial(lt.flows.real_nvp_flow, num_layers=2, hidden_units=(8,))


def _small_density(event_size, *, dtype, seed):
    return lt.densities.flow_density(SMALL_FLOW(event_size, dtype=dtype, seed=seed))


@pytest.fixture(scope="module")
def pair():
    return lt.datasets.gaussians(400, num_dims=2, seed=0)


@pytest.fixture(scope="module")
def on_the_way():
    """What the map of the shared fit said while it was trained, by restart and step."""
    return {}


@pytest.fixture(scope="module")
def fitted(pair, on_the_way):
    """A fit with every stage; up to three restarts are allowed."""
    aligner = lt.Aligner(flow="affine", config=QUICK, seed=0)

    def watch(event):
        if event.stage == "joint":
            on_the_way[event.restart, event.step] = aligner.transform(pair.source)

    return aligner.fit(pair.source, pair.target, callbacks=[watch])


@pytest.fixture(scope="module")
def brief(pair):
    """A fit of one stage, for what does not depend on how many there are."""
    return lt.Aligner("affine", ONE_STAGE, config=BRIEF).fit(pair.source, pair.target)


def test_moves_the_source_onto_the_target(fitted, pair):
    moved = fitted.transform(pair.source)
    assert moved.dtype == np.float32
    np.testing.assert_allclose(moved.mean(0), pair.target.mean(0), atol=0.25)
    np.testing.assert_allclose(np.cov(moved.T), np.cov(pair.target.T), rtol=0.35, atol=0.2)
    np.testing.assert_allclose(fitted.inverse_transform(moved), pair.source, atol=1e-4)


def test_score_is_held_out_and_near_the_bound(fitted, pair):
    score = fitted.score(pair.source, pair.target)
    assert (score.num_source, score.num_target) == (80, 80)
    assert score.converged
    assert score.lower <= score.value <= score.upper
    assert abs(score.value) < 0.1
    assert score.item() == -score.value  # what scikit-learn maximises


def test_score_of_new_rows_uses_them_all(fitted):
    fresh = lt.datasets.gaussians(333, num_dims=2, seed=7)
    assert fitted.score(fresh.source, fresh.target).num_source == 333


def test_score_of_trained_rows_only_warns(fitted, pair, caplog):
    hashes = row_hashes(lt.Sample.of(pair.source))
    trained = pair.source[np.isin(hashes, fitted.alignment_.arrays["trained_source"])]
    assert len(trained) == 320
    assert fitted.score(trained, pair.target).num_source == 320
    assert "`source` is not held out" in caplog.text


@pytest.mark.slow
def test_score_of_the_identity_is_the_gaussian_distance(pair):
    config = dataclasses.replace(QUICK, num_steps=400)
    aligner = lt.Aligner("identity", lt.LRMF(density="gaussian"), config=config)
    score = aligner.fit(pair.source, pair.target).score(pair.source, pair.target)
    wanted = lt.objectives.gaussian_lrmf_distance(pair.source, pair.target)
    assert score.value == pytest.approx(wanted, rel=0.25)
    np.testing.assert_allclose(aligner.transform(pair.source), pair.source, atol=1e-4)
    assert aligner.alignment_.metadata["start"] == "identity"


def test_densities_and_log_det_are_in_the_users_units(fitted, pair):
    x = pair.source[:6]
    wanted = np.linalg.slogdet(_jacobians(fitted, x))[1]
    np.testing.assert_allclose(fitted.log_det_jacobian(x), wanted, atol=1e-4)
    axes = [np.linspace(m - 9 * s, m + 9 * s, 300) for m, s in _moments(pair.target)]
    grid = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)
    cell = np.prod([axis[1] - axis[0] for axis in axes])
    assert np.exp(fitted.target_log_prob(grid)).sum() * cell == pytest.approx(1.0, abs=1e-3)


def _jacobians(aligner, x):
    x = tf.constant(x, tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = aligner.alignment_.module.transform(x)
    return tape.batch_jacobian(y, x)


def _moments(samples):
    return list(zip(samples.mean(0), samples.std(0), strict=True))


def test_history_has_one_entry_a_record(fitted):
    names = {"step", "loss", "nll_source_shared", "mean_log_det", "nll_target_shared"}
    assert names | {"validation_loss", "learning_rate", "seconds"} <= set(fitted.history)
    assert {len(values) for values in fitted.history.values()} == {4}
    assert set(fitted.results_) >= {"private_source", "private_target", "joint"}


def test_is_a_scikit_learn_estimator(fitted, pair):
    copy = clone(fitted).set_params(seed=3)
    assert copy.get_params()["flow"] == "affine"
    assert "Aligner(" in repr(copy)
    with pytest.raises(NotFittedError):
        copy.transform(pair.source)


def test_same_seed_same_result_from_arrays_frames_and_datasets(pair, brief):
    frame = pd.DataFrame(pair.source, columns=["a", "b"])
    dataset = tf.data.Dataset.from_tensor_slices(pair.target).batch(64)
    again = clone(brief).fit(frame, dataset)
    np.testing.assert_array_equal(again.transform(frame), brief.transform(pair.source))


def test_a_bijector_of_ones_own_is_accepted(pair):
    flow = tfb.Chain([tfb.Shift(tf.Variable([0.0, 0.0])), tfb.Scale(tf.Variable([1.0, 1.0]))])
    aligner = lt.Aligner(flow, ONE_STAGE, config=BRIEF)
    moved = aligner.fit(pair.source, pair.target).transform(pair.source)
    assert np.abs(moved.mean(0) - pair.target.mean(0)).max() < 0.5


def test_the_best_restart_is_kept(brief, pair):
    attempts = [
        SimpleNamespace(
            value=value, stages=lambda: {}, main_stage="flow", history={}, alignment=alignment
        )
        for value, alignment in ((0.3, "first"), (0.1, "second"), (math.inf, "third"))
    ]
    aligner = clone(brief)
    aligner._keep(attempts, lt.Sample.of(pair.source))
    assert (aligner.restart_, aligner.alignment_) == (1, "second")


@pytest.mark.slow
def test_restarts_keep_the_best(pair):
    best = {}

    def watch(event):
        if event.stage == "flow":
            best[event.restart] = event.best

    flow = lt.RealNVP(num_layers=2, hidden_units=(8,), start="identity")
    objective = lt.objectives.Energy(bound=lt.LRMF(density="gaussian"))
    config = lt.FitConfig(num_steps=40, steps_per_call=20, jit_compile=False)
    winners = set()
    for seed in (0, 1, 2):  # far away: no score ends the restarts early
        aligner = lt.Aligner(flow, objective, config=config, num_restarts=2, seed=seed)
        aligner.fit(pair.source, pair.target + 40.0, callbacks=[watch])
        assert set(best) == {0, 1}
        assert aligner.restart_ == min(best, key=best.get)
        winners.add(aligner.restart_)
        if len(winners) == 2:
            return
    pytest.fail("the first restart won each time: that a later one can is not shown")


@pytest.mark.parametrize(
    ("shift", "scale", "wanted"),
    [(0.0, 1.0, "identity"), (0.8, 1.8, "identity"), (1.2, 1.0, "moments"), (0.0, 2.2, "moments")],
)
def test_start_depends_on_how_far_the_source_is(rng, shift, scale, wanted):
    target = rng.normal(size=(100, 2))
    target = (target - target.mean(axis=0)) / target.std(axis=0)
    samples = [lt.Sample.of(x) for x in (shift + scale * target, target)]
    assert Standards.of(*samples, start="auto").start == wanted
    for start in ("identity", "moments"):
        assert Standards.of(*samples, start=start).start == start


@pytest.mark.parametrize("wanted", ["identity", "moments"])
def test_start_is_where_the_map_starts(pair, wanted):
    config = lt.FitConfig(num_steps=1, jit_compile=False, optimizer=lt.training.Adam(1e-9))
    aligner = lt.Aligner(lt.Affine(start=wanted), ONE_STAGE, config=config, num_restarts=1)
    moved = aligner.fit(pair.source, pair.target).transform(pair.source)
    assert aligner.alignment_.metadata["start"] == wanted
    if wanted == "identity":
        np.testing.assert_allclose(moved, pair.source, atol=1e-5)
    else:
        np.testing.assert_allclose(moved.mean(axis=0), pair.target.mean(axis=0), atol=1e-5)
        np.testing.assert_allclose(moved.std(axis=0), pair.target.std(axis=0), rtol=1e-5)


def test_transform_works_while_training_and_one_good_score_ends_it(fitted, on_the_way):
    assert fitted.num_restarts == 3
    assert list(on_the_way) == [(0, 25), (0, 50), (0, 75), (0, 100)]
    assert not np.array_equal(on_the_way[0, 25], on_the_way[0, 100])


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_units_of_the_samples_do_not_matter(pair, brief, scale):
    source, target = (
        scale * (np.asarray(x, np.float64) + 100.0) for x in (pair.source, pair.target)
    )
    moved = clone(brief).fit(source, target).transform(source)
    np.testing.assert_allclose(moved / scale - 100.0, brief.transform(pair.source), atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("scale", [1e-6, 1e6])
@pytest.mark.parametrize("start", ["auto", "moments"])
def test_scales_and_offsets_do_not_matter(pair, fitted, scale, start):
    source, target = (
        scale * (np.asarray(x, np.float64) + 100.0) for x in (pair.source, pair.target)
    )
    aligner = clone(fitted).set_params(flow__start=start).fit(source, target)
    assert aligner.score(source, target).converged
    back = aligner.inverse_transform(aligner.transform(source))
    np.testing.assert_allclose(back, source, atol=1e-4 * scale)


def test_builders_are_accepted_and_float64_is_precise(pair):
    source, target = (np.asarray(x, np.float64) for x in (pair.source, pair.target))
    aligner = lt.Aligner(
        SMALL_FLOW,
        lt.LRMF(density=_small_density),
        dtype="float64",
        config=lt.FitConfig(num_steps=10, jit_compile=False),
        num_restarts=1,
    )
    moved = aligner.fit(source, target).transform(source)
    assert moved.dtype == np.float64
    np.testing.assert_allclose(aligner.inverse_transform(moved), source, atol=1e-10)


@pytest.mark.parametrize("objective", [ONE_STAGE, pytest.param("lrmf", marks=pytest.mark.slow)])
def test_more_dimensions_than_rows(rng, objective):
    source, target = rng.normal(size=(20, 40)), rng.normal(size=(20, 40))
    aligner = lt.Aligner("affine", objective, config=BRIEF, num_restarts=1).fit(source, target)
    assert np.isfinite(aligner.transform(source)).all()
    if objective == "lrmf":
        assert np.isfinite(aligner.score(source, target).value)


def test_one_dimension(rng):
    source, target = rng.normal(size=(200, 1)), 3.0 + 2.0 * rng.normal(size=(150, 1))
    aligner = lt.Aligner("affine", ONE_STAGE, config=QUICK, num_restarts=1).fit(source, target)
    moved = aligner.transform(source)
    assert moved.mean() == pytest.approx(3.0, abs=0.4)
    assert moved.std() == pytest.approx(2.0, abs=0.4)


def _stop_and_resume(aligner, pair, folder, *, stage, step):
    def stop(event):
        if (event.stage, event.step) == (stage, step):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        clone(aligner).fit(pair.source, pair.target, callbacks=[stop], checkpoint_dir=folder)
    return clone(aligner).fit(pair.source, pair.target, checkpoint_dir=folder, resume=True)


def test_checkpoints_resume_the_fit(pair, brief, tmp_path):
    resumed = _stop_and_resume(brief, pair, tmp_path, stage="flow", step=20)
    np.testing.assert_allclose(
        resumed.transform(pair.source), brief.transform(pair.source), atol=1e-5
    )
    assert resumed.history["step"].tolist() == [20, 40]


@pytest.mark.slow
def test_checkpoints_resume_a_later_stage(pair, fitted, tmp_path):
    resumed = _stop_and_resume(fitted, pair, tmp_path, stage="joint", step=50)
    np.testing.assert_allclose(
        resumed.transform(pair.source), fitted.transform(pair.source), atol=1e-5
    )


@pytest.mark.parametrize(
    "objective",
    [lt.objectives.BackToBack(bound=None), pytest.param("lrmf", marks=pytest.mark.slow)],
)
def test_two_logical_devices(pair, logical_cpus, objective):
    strategy = tf.distribute.MirroredStrategy(logical_cpus)
    aligner = lt.Aligner("affine", objective, config=BRIEF, num_restarts=1)
    spread = clone(aligner).fit(pair.source, pair.target, strategy=strategy)
    single = aligner.fit(pair.source, pair.target)
    np.testing.assert_allclose(
        spread.transform(pair.source), single.transform(pair.source), atol=1e-5
    )


@pytest.mark.parametrize(
    ("kwargs", "match"),
    [
        ({"flow": "glows"}, "`flow`.*'glows'"),
        ({"objective": "gan"}, "`objective`.*'gan'"),
        ({"flow": "coral", "objective": "mmd"}, "`objective` must be 'lrmf'.*for the flow Coral"),
        ({"flow": "affine", "objective": None}, "`objective` must be given for the flow Affine"),
        (
            {"objective": lt.objectives.MaximumLikelihoodObjective(None)},
            "`objective` must have a `flow`; got a MaximumLikelihoodObjective",
        ),
        ({"objective": lt.LRMF(density="cauchy")}, "`density`.*'cauchy'"),
        ({"dtype": "float16"}, "`dtype`.*'float16'"),
        ({"validation_fraction": 1.0}, "`validation_fraction`"),
        ({"num_restarts": 0}, "`num_restarts`"),
        ({"objective": lt.LRMF(noise=lt.Anneal(1.0)), "flow": "coral"}, "`noise` must be None"),
        ({"seed": -1}, "`seed` must be at least 0; got -1"),
    ],
)
def test_bad_settings_are_named(pair, kwargs, match):
    with pytest.raises(ValueError, match=match):
        lt.Aligner(**kwargs).fit(pair.source, pair.target)


def test_a_config_of_another_type_is_named(pair):
    with pytest.raises(TypeError, match="`config` must be a FitConfig; got an object of type int"):
        lt.Aligner(config=5).fit(pair.source, pair.target)


def test_bad_samples_are_named(pair, fitted):
    with pytest.raises(ValueError, match=r"`target` must have shape \[M, 2\]"):
        lt.Aligner().fit(pair.source, pair.target[:, :1])
    with pytest.raises(ValueError, match="`source` must have at least 10 rows; got 1"):
        lt.Aligner().fit(pair.source[:1], pair.target)
    with pytest.raises(ValueError, match="`target` must be finite"):
        lt.Aligner().fit(pair.source, np.full_like(pair.target, np.nan))
    with pytest.raises(ValueError, match="`target` must vary in every column"):
        lt.Aligner().fit(pair.source, np.ones_like(pair.target))
    with pytest.raises(ValueError, match=r"`x` must have shape \[N, 2\]; got \[400, 1\]"):
        fitted.transform(pair.source[:, :1])
    with pytest.raises(ValueError, match="`x` must be finite"):
        fitted.transform([[np.nan, 0.0]])
    far = np.array([[0.0, 0.0], [1e300, 1e300]])
    for method in (fitted.transform, fitted.inverse_transform, fitted.target_log_prob):
        with pytest.raises(ValueError, match="`x` must be within .* got 1 rows .* row 1"):
            method(far)
    with pytest.raises(ValueError, match="`x` must be within what the model's numbers can hold"):
        fitted.score(1e300 * np.asarray(pair.source, np.float64), pair.target)


@pytest.mark.slow
def test_noise_leads_up_to_the_joint_stage(pair):
    config = lt.FitConfig(num_steps=20, steps_per_call=10, jit_compile=False)
    objective = lt.LRMF(noise=lt.Anneal(2.0, 0.5))
    aligner = lt.Aligner("affine", objective, config=config, num_restarts=1)
    aligner.fit(pair.source, pair.target)
    noisy = ["noise_2_target", "noise_2", "noise_0.5_target", "noise_0.5"]
    private = ["private_source", "private_target"]
    assert list(aligner.results_) == [*private, *noisy, "joint", "refit_target", "refit_source"]
    assert [aligner.results_[name].num_steps for name in noisy] == [10] * 4
    settings = aligner.alignment_.metadata["settings"]
    assert settings["objective"]["noise"] == {"name": "Anneal", "scales": [2.0, 0.5]}


@pytest.mark.slow
def test_annealed_noise_aligns_mixtures_far_apart(rng):
    target = rng.choice([-1.0, 1.0], size=(800, 1)) + 0.5 * rng.normal(size=(800, 1))
    source = rng.choice([-1.0, 1.0], size=(800, 1)) + 0.5 * rng.normal(size=(800, 1)) + 22.4
    config = lt.FitConfig(num_steps=2000, optimizer=lt.training.Adam(2e-2))
    build = functools.partial(lt.densities.mixture_density, num_components=2)
    flow = lt.Affine(start="identity")
    plain, annealed = (
        lt.Aligner(flow, lt.LRMF(density=build, noise=noise), num_restarts=1, config=config)
        .fit(source, target)
        .score(source, target)
        for noise in (None, lt.Anneal(16, 8, 4, 2, 1, 0.5, 0.25))
    )
    assert plain.value > 0.3
    assert not plain.converged
    assert annealed.value < 0.08
    assert annealed.converged
