"""SavedModel: loaded by plain TensorFlow in a process of its own, it answers the same."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import tensorflow as tf

import lrmf_tfp as lt
from tests.cases import FLOWS, perturb

PLAIN_TENSORFLOW = """
    import json, sys
    import numpy as np
    import tensorflow as tf
    folder = sys.argv[1]
    model = tf.saved_model.load(folder + "/model")
    for size in (1, 10000):
        x = np.load(f"{folder}/x{size}.npy")
        for name in ("transform", "inverse_transform", "log_det_jacobian", "target_log_prob"):
            np.save(f"{folder}/{name}{size}.npy", getattr(model, name)(x).numpy())
            served = model.signatures[name](x=tf.constant(x))
            np.save(f"{folder}/{name}{size}_served.npy", next(iter(served.values())).numpy())
    loaded = [name for name in sys.modules if name.split(".")[0] in
              ("lrmf_tfp", "tensorflow_probability", "tf_keras")]
    assert not loaded, loaded
"""
SMALL = lt.RealNVP(num_layers=2, hidden_units=(8,))
NAMES = ("transform", "inverse_transform", "log_det_jacobian", "target_log_prob")


@pytest.fixture(scope="module")
def pair():
    return lt.datasets.moons(300, seed=0)


@pytest.fixture(scope="module")
def fitted(pair):
    config = lt.FitConfig(num_steps=40, steps_per_call=20, jit_compile=False)
    aligner = lt.Aligner(SMALL, lt.LRMF(density=SMALL), config=config, num_restarts=1, seed=4)
    return aligner.fit(pair.source, pair.target)


@pytest.fixture(scope="module")
def folder(fitted, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    fitted.save(folder / "model")
    rng = np.random.default_rng(0)
    for size in (1, 10000):
        np.save(folder / f"x{size}.npy", rng.normal(size=(size, 2)).astype(np.float32))
    command = [sys.executable, "-c", textwrap.dedent(PLAIN_TENSORFLOW), str(folder)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return folder


@pytest.mark.parametrize("served", ["", "_served"])
@pytest.mark.parametrize("size", [1, 10000])
@pytest.mark.parametrize("name", NAMES)
def test_plain_tensorflow_answers_the_same(fitted, folder, name, size, served):
    x = np.load(folder / f"x{size}.npy")
    wanted = getattr(fitted, name)(x)
    found = np.load(folder / f"{name}{size}{served}.npy")
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)


def _adaptive(dtype):
    solver = lt.ode.AdaptiveSolver(1e-6, 1e-6, max_steps=100)
    return lt.flows.ffjord_flow(2, hidden_units=(8,), solver=solver, dtype=dtype)


SAVED_FLOWS = {
    name: FLOWS[name]
    for name in ("affine_full", "real_nvp_lu", "spline", "ffjord", "glow_rgb", "glow_given")
} | {"ffjord_adaptive": _adaptive}
ALL_FLOWS_IN_PLAIN_TENSORFLOW = """
    import sys
    import numpy as np
    import tensorflow as tf
    folder = sys.argv[1]
    for name in sys.argv[2:]:
        model = tf.saved_model.load(f"{folder}/{name}")
        x = np.load(f"{folder}/{name}.npy")
        found = [*model.forward(x), *model.inverse(x)]
        np.savez(f"{folder}/{name}_found.npz", *[part.numpy() for part in found])
    assert not [name for name in sys.modules if name.startswith("tensorflow_probability")]
"""


@pytest.fixture(scope="module")
def loaded(folder):
    return lt.load(folder / "model")


@pytest.fixture(scope="module")
def saved_flows(tmp_path_factory):
    """Flows moved off their start, each saved, then called by TensorFlow alone."""
    folder, flows = tmp_path_factory.mktemp("flows"), {}
    for name, build in SAVED_FLOWS.items():
        flows[name] = flow = perturb(build(tf.float32))
        module = tf.Module()
        module.flow = flow
        signature = [tf.TensorSpec([None, *flow.event_shape])]
        for kind in ("forward", "inverse"):
            method = getattr(flow, f"{kind}_and_log_det")
            setattr(module, kind, tf.function(method, input_signature=signature, autograph=False))
        tf.saved_model.save(module, str(folder / name))
        x = np.random.default_rng(0).normal(size=(7, *flow.event_shape))
        np.save(folder / f"{name}.npy", x.astype(np.float32))
    code = textwrap.dedent(ALL_FLOWS_IN_PLAIN_TENSORFLOW)
    command = [sys.executable, "-c", code, str(folder), *SAVED_FLOWS]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return folder, flows


@pytest.mark.slow
@pytest.mark.parametrize("name", SAVED_FLOWS)
def test_every_flow_answers_the_same_in_plain_tensorflow(saved_flows, name):
    folder, flows = saved_flows
    x = np.load(folder / f"{name}.npy")
    wanted = [*flows[name].forward_and_log_det(x), *flows[name].inverse_and_log_det(x)]
    found = np.load(folder / f"{name}_found.npz")
    for part, other in zip(found.values(), wanted, strict=True):
        np.testing.assert_allclose(part, other, rtol=1e-6, atol=1e-6)


def test_load_gives_the_same_alignment(fitted, loaded, pair):
    for name in NAMES:
        found = getattr(loaded, name)(pair.source)
        np.testing.assert_allclose(found, getattr(fitted, name)(pair.source), rtol=1e-6, atol=1e-6)
    wanted = fitted.score(pair.source, pair.target)
    score = loaded.score(pair.source, pair.target)
    assert score.num_source == wanted.num_source == 60
    np.testing.assert_allclose(score[:6], wanted[:6], rtol=1e-5, atol=1e-5)


def test_float64_input_is_answered_in_float64(fitted, loaded):
    assert loaded.transform(np.zeros((2, 2))).dtype == np.float64
    assert fitted.transform(np.zeros((2, 2), np.float32)).dtype == np.float32


def test_metadata_tells_versions_settings_and_score(folder):
    text = (folder / "model" / "assets.extra" / "alignment.json").read_text()
    metadata = json.loads(text)
    assert metadata["lrmf_tfp"] == lt.__version__
    assert metadata["tensorflow"] == tf.__version__
    assert metadata["seed"] == 4
    assert metadata["config"]["num_steps"] == 40
    assert metadata["score"]["num_source"] == 60


def test_a_loaded_alignment_can_be_saved_again(loaded, tmp_path, pair):
    loaded.save(tmp_path / "copy")
    again = lt.load(tmp_path / "copy")
    np.testing.assert_allclose(
        again.transform(pair.source), loaded.transform(pair.source), atol=1e-6
    )


def test_saving_replaces_an_earlier_model_and_nothing_else(fitted, tmp_path):
    fitted.save(tmp_path / "model")
    fitted.save(tmp_path / "model")
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("keep")
    with pytest.raises(ValueError, match="`path` must be new, empty or an earlier alignment"):
        fitted.save(tmp_path / "notes")
    assert (tmp_path / "notes" / "mine.txt").read_text() == "keep"


def test_a_place_that_cannot_be_written_is_named(fitted, tmp_path):
    (tmp_path / "file").write_text("keep")
    with pytest.raises(ValueError, match="`path` must be a place to write to; got .*file"):
        fitted.save(tmp_path / "file" / "model")
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_loading_something_else_is_named(tmp_path):
    with pytest.raises(
        ValueError, match="`path` must be a folder of an alignment written by `save`"
    ):
        lt.load(tmp_path)
