"""What scikit-learn, pandas, pickle and batch systems expect; next to nothing is trained."""

from __future__ import annotations

import copy
import multiprocessing
import os
import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import lrmf_tfp as lt
from lrmf_tfp.names import DENSITIES, FLOWS, OBJECTIVES, named


@pytest.fixture(scope="module")
def frames():
    pair = lt.datasets.gaussians(60, num_dims=2, seed=0)
    columns = ["height", "width"]
    index = np.arange(60) + 7
    source = pd.DataFrame(pair.source, columns=columns, index=index)
    return source, pd.DataFrame(pair.target, columns=columns)


@pytest.fixture(scope="module")
def fitted(frames):
    return lt.Aligner("gaussian_ot", None).fit(*frames)


def test_a_frame_gives_a_frame_with_its_index(fitted, frames):
    source, target = frames
    moved = fitted.transform(source)
    assert list(moved.columns) == ["height", "width"]
    assert moved.index.equals(source.index)
    np.testing.assert_allclose(moved.mean(), target.mean(), atol=0.5)
    assert isinstance(fitted.transform(pl.from_pandas(source)), pl.DataFrame)
    assert isinstance(fitted.transform(source.to_numpy()), np.ndarray)
    assert list(fitted.inverse_transform(moved).columns) == ["height", "width"]


def test_columns_are_compared_by_name(fitted, frames, caplog):
    source, target = frames
    swapped = fitted.transform(source[["width", "height"]])
    pd.testing.assert_frame_equal(swapped, fitted.transform(source))
    assert "were put in the order height, width" in caplog.text
    with pytest.raises(ValueError, match="`x` must have the columns height, width; got a, width"):
        fitted.transform(source.rename(columns={"height": "a"}))
    again = clone(fitted).fit(source, target[["width", "height"]])
    pd.testing.assert_frame_equal(again.transform(source), fitted.transform(source))


def test_names_and_numbers_of_columns(fitted, frames):
    assert fitted.feature_names_in_.tolist() == ["height", "width"]
    assert fitted.n_features_in_ == 2
    assert fitted.get_feature_names_out().tolist() == ["height", "width"]
    again = clone(fitted).fit(*frames)
    again.fit(*(frame.to_numpy() for frame in frames))
    assert not hasattr(again, "feature_names_in_")
    assert again.get_feature_names_out().tolist() == ["x0", "x1"]


def test_set_output_and_fit_transform(frames):
    source, target = frames
    aligner = lt.Aligner("mean_variance", None)
    moved = aligner.fit_transform(source.to_numpy(), target.to_numpy())
    assert isinstance(moved, np.ndarray)
    framed = aligner.set_output(transform="pandas").transform(source.to_numpy())
    assert list(framed.columns) == ["x0", "x1"]


def test_settings_inside_settings():
    aligner = lt.Aligner().set_params(
        config__num_steps=5, objective__density="gaussian", flow__num_layers=2
    )
    assert aligner.config.num_steps == 5
    assert aligner.objective == lt.LRMF(density="gaussian")
    assert aligner.get_params()["flow__num_layers"] == 2
    assert clone(aligner).get_params() == aligner.get_params()
    with pytest.raises(ValueError, match="`num_layer` must be a setting of RealNVP, one of"):
        aligner.set_params(flow__num_layer=3)
    with pytest.raises(ValueError, match="Invalid parameter"):
        aligner.set_params(speed=3)


@pytest.mark.slow
def test_a_grid_search_maximises_minus_the_value(frames):
    source, target = (frame.to_numpy() for frame in frames)
    config = lt.FitConfig(num_steps=20, steps_per_call=20, jit_compile=False)
    aligner = lt.Aligner("identity", lt.LRMF(density="gaussian"), config=config)
    grid = {"flow": ["identity", "gaussian_ot"]}
    search = GridSearchCV(aligner, grid, cv=2, error_score="raise").fit(source, target)
    assert search.best_params_ == {"flow": "gaussian_ot"}
    score = search.best_estimator_.score(source, target)
    assert score.item() == -score.value


def test_pickled_copied_and_answered_the_same(fitted, frames):
    source, _ = frames
    wanted = fitted.transform(source)
    for other in (pickle.loads(pickle.dumps(fitted)), copy.deepcopy(fitted)):
        pd.testing.assert_frame_equal(other.transform(source), wanted)
        assert other.alignment_.metadata == fitted.alignment_.metadata


def _call_in_child(aligner, rows, queue):
    try:
        aligner.transform(rows)
    except RuntimeError as error:
        queue.put(str(error))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_is_told_what_to_do(fitted, frames):
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that forking a process with threads is unwise
        child = context.Process(target=_call_in_child, args=(fitted, frames[0], queue))
        child.start()
    message = queue.get(timeout=60)
    child.join(60)
    assert "`transform` must be called in the process that fitted or loaded" in message
    assert "spawn" in message


def test_saving_over_links_and_the_present_folder(fitted, frames, tmp_path, monkeypatch):
    source, _ = frames
    fitted.save(tmp_path / "v1")
    (tmp_path / "current").symlink_to("v1")
    fitted.save(tmp_path / "current")
    assert (tmp_path / "current").is_symlink()
    monkeypatch.chdir(tmp_path / "v1")
    fitted.save(".")
    assert os.listdir(".")  # the present folder is the new one
    monkeypatch.chdir(tmp_path)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["current", "v1"]
    pd.testing.assert_frame_equal(lt.load("v1").transform(source), fitted.transform(source))


def test_numpy_numbers_in_settings_are_saved(frames, tmp_path):
    config = lt.FitConfig(num_steps=np.int64(5))
    aligner = lt.Aligner(
        "mean_variance", None, seed=np.int64(3), validation_fraction=np.float32(0.2), config=config
    )
    aligner.fit(*frames).save(tmp_path / "model")
    metadata = lt.load(tmp_path / "model").metadata
    assert (metadata["seed"], metadata["config"]["num_steps"]) == (3, 5)


def test_old_keywords_warn_with_what_to_write():
    with pytest.warns(DeprecationWarning, match=r"`density` left Aligner .*lt\.LRMF\(density="):
        aligner = lt.Aligner("affine", density="gaussian")
    assert aligner.objective == lt.LRMF(density="gaussian")
    with pytest.warns(DeprecationWarning, match=r"`noise_scales` left .*lt\.Anneal"):
        aligner = lt.Aligner(noise_scales=(4.0, 1.0))
    assert aligner.objective == lt.LRMF(noise=lt.Anneal(4, 1))
    with pytest.warns(DeprecationWarning, match="`scored` left"):
        assert lt.Aligner("affine", "mmd", scored=False).objective.bound is None
    with pytest.warns(DeprecationWarning, match="`scored` left"):
        assert lt.Aligner("coral", scored=False).objective is None
    with pytest.warns(DeprecationWarning, match="`start` left"):
        assert lt.Aligner(start="moments").flow == lt.RealNVP(start="moments")
    with pytest.raises(TypeError, match="unexpected keyword argument 'speed'"):
        lt.Aligner(speed=3)
    with pytest.warns(DeprecationWarning, match="`lrmf_tfp.critics` is `lrmf_tfp.ratios`"):
        assert lt.critics is lt.ratios


@pytest.mark.parametrize(
    ("argument", "table"), [("flow", FLOWS), ("density", DENSITIES), ("objective", OBJECTIVES)]
)
def test_every_name_stands_for_a_spec_that_prints_and_pickles(argument, table):
    for name, entry in table.items():
        spec = named(name, argument, table)
        assert pickle.loads(pickle.dumps(spec)) == spec
        assert repr(spec) == f"{type(spec).__name__}()"
        assert entry.about
    with pytest.raises(ValueError, match=f"`{argument}` must be one of .* got 'nothing'"):
        named("nothing", argument, table)


def test_a_failed_fit_looks_like_none(frames):
    def fail(event):
        raise RuntimeError("stop")

    source, target = frames
    config = lt.FitConfig(num_steps=5, steps_per_call=5, jit_compile=False)
    aligner = lt.Aligner("affine", config=config)
    with pytest.raises(RuntimeError, match="stop"):
        aligner.fit(source, target, callbacks=[fail])
    assert not [name for name in vars(aligner) if name.endswith("_")]


class _Recorder:
    def __init__(self):
        self.events, self.best, self.closed = [], {}, 0

    def __call__(self, event):
        self.events.append((event.restart, event.stage))
        if event.stage == "joint":
            self.best[event.restart] = event.best

    def close(self):
        self.closed += 1


def test_callbacks_hear_of_every_restart_and_are_closed_once(frames):
    source, target = frames
    config = lt.FitConfig(num_steps=4, steps_per_call=4, jit_compile=False)
    recorder = _Recorder()
    objective = lt.LRMF(density="gaussian")
    flow = lt.Affine(start="identity")  # far away: no restart converges
    aligner = lt.Aligner(flow, objective, config=config, num_restarts=2)
    aligner.fit(source, target + 30.0, callbacks=[recorder])
    assert recorder.closed == 1
    assert {restart for restart, _ in recorder.events} == {0, 1}
    assert aligner.restart_ == min(recorder.best, key=recorder.best.get)
    stages = [stage for restart, stage in recorder.events if restart == 0]
    assert stages[:3] == ["private_source", "private_target", "joint"]
