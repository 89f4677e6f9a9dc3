"""Ratios and critics leave the process: pickled, copied, saved, loaded, served, in joblib."""

from __future__ import annotations

import copy
import json
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from lrmf_tfp import ratios
from lrmf_tfp.divergences import F_DIVERGENCES, FDivergence
from lrmf_tfp.kernels import GaussianKernel, LaplaceKernel, RadialKernel
from lrmf_tfp.networks import MLP
from lrmf_tfp.samples import Sample
from lrmf_tfp.training import FitConfig

CONFIG = FitConfig(num_steps=50, steps_per_call=50, jit_compile=False)
WEIGHTS = np.random.default_rng(1).uniform(0.5, 1.5, 40)
GRID = np.random.default_rng(2).normal(size=(30, 2))


def draw():
    rng = np.random.default_rng(0)
    x, y = rng.normal(1.0, 1.0, (40, 2)), rng.normal(0.0, 2.0, (30, 2))
    frames = (pd.DataFrame(z, columns=["width", "height"]) for z in (x, y))
    numerator, denominator = (Sample.of(frame) for frame in frames)
    return Sample.of(numerator, weights=WEIGHTS), denominator


def classifier(**options):
    network = MLP(2, 1, hidden_units=(4,), dtype=tf.float32)
    return ratios.ClassifierRatio(network=network, config=CONFIG, **options).fit(*draw())


ESTIMATORS = {
    "classifier": classifier,
    "least_squares": lambda: ratios.LeastSquaresRatio(num_centres=10).fit(*draw()),
    "mean_matching": lambda: ratios.KernelMeanMatching(kernel=GaussianKernel(1.0)).fit(*draw()),
}
CRITICS = {
    "learned": lambda: ratios.fit_critic(
        *draw(), divergence="donsker_varadhan", hidden_units=(4,), config=CONFIG
    ),
    "mmd": lambda: ratios.mmd_critic(*draw(), kernel=LaplaceKernel(1.5), height=2.0),
    "wasserstein": lambda: ratios.wasserstein_critic(*draw(), method="cross"),
}
LEARNED_METHODS = ("output", "log_ratio", "ratio", "log_ratio_gradient", "ratio_gradient")
METHODS = {
    "classifier": ("log_ratio", "ratio"),
    "least_squares": ("log_ratio", "ratio"),
    "learned": ("__call__", "gradient", *LEARNED_METHODS),
    "mmd": ("__call__", "gradient", "witness"),
    "wasserstein": ("__call__", "upper", "lower"),
}
ATTRIBUTES = {
    "learned": ("held_out_bound", "offset", "divergence", "num_dims", "feature_names"),
    "mmd": ("mmd", "height", "num_dims", "feature_names"),
    "wasserstein": ("distance", "num_dims", "feature_names"),
}


@pytest.fixture(scope="module")
def fits():
    made = {}

    def get(name):
        if name not in made:
            made[name] = {**ESTIMATORS, **CRITICS}[name]()
        return made[name]

    return get


def pickled(fitted, folder):
    return pickle.loads(pickle.dumps(fitted))


def dumped(fitted, folder):
    joblib.dump(fitted, folder / "it")
    return joblib.load(folder / "it")


def copied(fitted, folder):
    return copy.deepcopy(fitted)


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("way", [pickled, copied, dumped])
def test_estimators_leave_and_come_back(fits, name, way, tmp_path):
    fitted = fits(name)
    back = way(fitted, tmp_path)
    assert type(back) is type(fitted)
    assert repr(back.get_params(deep=False).keys()) == repr(fitted.get_params(deep=False).keys())
    assert (back.kl(), back.pearson()) == (fitted.kl(), fitted.pearson())
    assert back.feature_names_in_.tolist() == ["width", "height"]
    points = draw()[1]
    np.testing.assert_allclose(back.ratio(points), fitted.ratio(points), rtol=1e-6)


@pytest.mark.parametrize("name", CRITICS)
@pytest.mark.parametrize("way", [pickled, copied])
def test_critics_leave_and_come_back(fits, name, way, tmp_path):
    assert_same(way(fits(name), tmp_path), fits(name), name)


@pytest.mark.parametrize("name", CRITICS)
def test_critics_are_saved_and_loaded_as_what_they_are(fits, name, tmp_path):
    fits(name).save(tmp_path / "critic")
    assert_same(ratios.load(tmp_path / "critic"), fits(name), name)


def assert_same(back, fitted, name):
    assert type(back) is type(fitted)
    for method in METHODS[name]:
        found, wanted = (getattr(each, method)(GRID) for each in (back, fitted))
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-14)
    for attribute in ATTRIBUTES[name]:
        assert getattr(back, attribute) == getattr(fitted, attribute)
    with pytest.raises(ValueError, match="`x` must have the columns width, height; got a, b"):
        back(pd.DataFrame(GRID, columns=["a", "b"]))


def test_a_critic_keeps_what_it_was_found_from(fits):
    learned, mmd, wasserstein = (pickled(fits(name), None) for name in CRITICS)
    history = fits("learned").result.history
    assert learned.result.history.keys() == history.keys()
    np.testing.assert_array_equal(learned.result.history["loss"], history["loss"])
    assert learned.result.best_step == fits("learned").result.best_step
    fresh = draw()
    assert learned.bound(*fresh) == pytest.approx(fits("learned").bound(*fresh), rel=1e-12)
    assert float(mmd.kernel.bandwidth) == 1.5
    np.testing.assert_array_equal(mmd.numerator, fresh[0].values)
    np.testing.assert_allclose(mmd.weights[0], WEIGHTS / WEIGHTS.sum())
    np.testing.assert_array_equal(wasserstein.points[:40], fresh[0].values)
    np.testing.assert_array_equal(wasserstein.point_values, fits("wasserstein").point_values)


@pytest.mark.parametrize("name", ["classifier", "least_squares"])
def test_ratios_are_saved_and_loaded_as_functions(fits, name, tmp_path):
    fitted = fits(name)
    fitted.save(tmp_path / "ratio")
    loaded = ratios.load(tmp_path / "ratio")
    assert isinstance(loaded, ratios.SavedRatio)
    assert isinstance(loaded, ratios.PointwiseRatio)
    for method in METHODS[name]:
        found, wanted = (getattr(each, method)(GRID) for each in (loaded, fitted))
        np.testing.assert_allclose(found, wanted, rtol=1e-9)
    assert loaded.log_ratio(np.float32(GRID)).dtype == np.float64  # that of the fit
    with pytest.raises(ValueError, match=r"`x` must have shape \[B, 2\] to match the fit"):
        loaded.ratio(GRID[:, :1])
    text = (tmp_path / "ratio" / "assets.extra" / "ratio.json").read_text(encoding="utf-8")
    metadata = json.loads(text)
    assert metadata == loaded.metadata
    assert metadata["feature_names"] == ["width", "height"]
    assert metadata["num_rows"] == [40, 30]
    assert metadata["num_effective"][0] == pytest.approx(WEIGHTS.sum() ** 2 / (WEIGHTS**2).sum())
    assert metadata["estimates"]["kl"] == fitted.kl()
    assert metadata["settings"]["seed"] == 0


@pytest.mark.parametrize("name", [*CRITICS, "classifier", "least_squares"])
def test_plain_tensorflow_serves_it(fits, name, tmp_path):
    fits(name).save(tmp_path / "it")
    module = tf.saved_model.load(str(tmp_path / "it"))
    wanted = fits(name)(GRID) if name in CRITICS else fits(name).log_ratio(GRID)
    main = "value" if name in CRITICS else "log_ratio"
    for points in (tf.constant(GRID, tf.float32), tf.constant(GRID, tf.float64)):
        found = getattr(module, main)(points)
        assert found.dtype == points.dtype
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
    served = module.signatures["serving_default"](x=tf.constant(GRID, tf.float32))
    np.testing.assert_allclose(*served.values(), wanted, rtol=1e-4, atol=1e-5)
    twice = module.signatures[f"{main}_float64"](x=tf.constant(GRID))
    np.testing.assert_allclose(*twice.values(), wanted, rtol=1e-4, atol=1e-5)


def test_what_was_loaded_can_be_saved_again(fits, tmp_path):
    fits("classifier").save(tmp_path / "one")
    ratios.load(tmp_path / "one").save(tmp_path / "two")
    found = ratios.load(tmp_path / "two").log_ratio(GRID)
    np.testing.assert_array_equal(found, fits("classifier").log_ratio(GRID))


def test_a_folder_of_something_else_is_refused(fits, tmp_path):
    match = "`path` must be a folder of a ratio or a critic written by `save`; got"
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ValueError, match=match):
            ratios.load(folder)
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ValueError, match="`path` must be new, empty or an earlier ratio"):
        fits("least_squares").save(tmp_path)
    assert (tmp_path / "notes.txt").read_text(encoding="utf-8") == "mine"


class OwnKernel(RadialKernel):
    """The Gaussian kernel of unit width, as a user would write it."""

    def scale(self, dtype):
        return tf.constant(2.0, dtype)

    def value_and_decay(self, u):
        return tf.exp(-u), tf.exp(-u)


def test_a_kernel_of_ones_own_computes_after_loading_but_is_not_known(tmp_path):
    critic = ratios.mmd_critic([[0.0]], [[1.0]], kernel=OwnKernel())
    assert isinstance(critic.kernel, OwnKernel)
    back = pickle.loads(pickle.dumps(critic))
    np.testing.assert_allclose(back([[0.3]]), critic([[0.3]]), rtol=1e-14)
    with pytest.raises(ValueError, match="`kernel` must be one of.*got 'OwnKernel'"):
        back.kernel  # noqa: B018


def test_a_divergence_of_ones_own_computes_after_loading_but_is_not_known():
    settings = {key: getattr(F_DIVERGENCES["kl"], key) for key in FDivergence.__annotations__}
    own = FDivergence(**{**settings, "name": "mine"})
    critic = ratios.fit_critic(*draw(), divergence=own, hidden_units=(4,), config=CONFIG)
    assert critic.divergence is own
    back = pickle.loads(pickle.dumps(critic))
    np.testing.assert_allclose(back(GRID), critic(GRID), rtol=1e-12)
    with pytest.raises(ValueError, match="`divergence` must be one of.*got 'mine'"):
        back.divergence  # noqa: B018


@pytest.mark.slow
def test_joblib_sends_it_to_other_processes(fits):
    for name in ("classifier", "mmd"):
        method = "log_ratio" if name == "classifier" else "__call__"
        jobs = [joblib.delayed(getattr(fits(name), method))(GRID[k::2]) for k in range(2)]
        found = joblib.Parallel(n_jobs=2)(jobs)
        for k in range(2):
            wanted = getattr(fits(name), method)(GRID[k::2])
            np.testing.assert_allclose(found[k], wanted, rtol=1e-6, atol=1e-9)
