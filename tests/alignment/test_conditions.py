"""Conditions in `Aligner`: maps of y given c, their score, their SavedModel, bad input."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import lrmf_tfp as lt

QUICK = lt.FitConfig(num_steps=60, steps_per_call=30, jit_compile=False)
SMALL = lt.RealNVP(num_layers=2, hidden_units=(16,))
FORMS = {
    "linear": lambda c: (1.5 * c, 1.0 + 0.3 * c),
    "sine": lambda c: (2.0 * np.sin(3.0 * c), 1.0 + 0.5 * np.cos(2.0 * c)),
    "jump": lambda c: (np.where(c > 0.0, 2.0, -1.0), np.where(c > 0.5, 2.0, 0.7)),
}


def domains(form, *, num_rows=4000, seed=0):
    """y | c is standard normal in the target, moved and scaled by c in the source.

    The laws of c differ and overlap.
    """
    rng = np.random.default_rng([seed, 7])
    c, d = (2.0 * rng.beta(*shape, (num_rows, 1)) - 1.0 for shape in ((1.5, 1.0), (1.0, 1.5)))
    shift, scale = FORMS[form](c)
    source, target = rng.normal(size=(num_rows, 1)), rng.normal(size=(num_rows, 1))
    return (source - shift) / scale, c, target, d


@pytest.fixture(scope="module")
def fitted():
    """A fit in which rows far out have no weight."""
    source, c, target, d = domains("linear", num_rows=400)
    source[300:] = 1e8
    aligner = lt.Aligner(SMALL, lt.LRMF(density=SMALL), config=QUICK, num_restarts=1)
    names = {"conditions": pd.DataFrame(c, columns=["eta"]), "weights": np.arange(400) < 300}
    return aligner.fit(lt.Sample.of(source, **names), lt.Sample.of(target, conditions=d))


def test_the_map_depends_on_the_condition_and_inverts(fitted):
    x, low, high = np.zeros((5, 1)), np.full(5, -1.0), np.full(5, 1.0)
    moved = fitted.transform(x, conditions=low)
    assert np.abs(moved - fitted.transform(x, high)).min() > 1e-3
    np.testing.assert_allclose(fitted.inverse_transform(moved, conditions=low), x, atol=1e-5)
    sample = lt.Sample.of(x, conditions=low)
    np.testing.assert_array_equal(fitted.transform(sample), moved)


def test_log_det_is_the_slope_in_x_alone(fitted):
    x, c = np.linspace(-1.0, 1.0, 6)[:, None], np.linspace(-1.0, 1.0, 6)
    step = 1e-4
    rise = fitted.transform(x + step, c) - fitted.transform(x - step, c)
    found = fitted.log_det_jacobian(x, c)
    np.testing.assert_allclose(found, np.log(rise[:, 0] / (2 * step)), atol=2e-2)


def test_the_density_is_conditional_and_normalised(fitted):
    grid = np.linspace(-12.0, 12.0, 2001)[:, None]
    for c in (-0.5, 0.9):
        mass = np.exp(fitted.target_log_prob(grid, np.full(2001, c))).sum() * 0.012
        assert mass == pytest.approx(1.0, abs=2e-2)


def test_saved_with_both_inputs(fitted, tmp_path):
    fitted.save(tmp_path)
    x, c = np.linspace(-1.0, 1.0, 5, dtype=np.float32)[:, None], np.zeros((5, 1), np.float32)
    loaded = lt.load(tmp_path)
    np.testing.assert_allclose(loaded.transform(x, c), fitted.transform(x, c), atol=1e-6)
    back = fitted.inverse_transform(x, c)
    np.testing.assert_allclose(loaded.inverse_transform(x, c), back, atol=1e-6)
    (served,) = loaded.module.signatures["serving_default"](
        x=tf.constant(x), conditions=tf.constant(c)
    ).values()
    np.testing.assert_allclose(served, fitted.transform(x, c), atol=1e-6)


@pytest.mark.slow
def test_answered_by_plain_tensorflow(fitted, tmp_path):
    fitted.save(tmp_path / "model")
    x, c = np.linspace(-1.0, 1.0, 5, dtype=np.float32)[:, None], np.zeros((5, 1), np.float32)
    np.savez(tmp_path / "in.npz", x=x, c=c)
    code = """
        import sys
        import numpy as np, tensorflow as tf
        folder = sys.argv[1]
        model, given = tf.saved_model.load(folder + "/model"), np.load(folder + "/in.npz")
        x, c = tf.constant(given["x"]), tf.constant(given["c"])
        answers = {"call": model.transform(x, c)}
        for name in ("transform", "serving_default", "inverse_transform"):
            (answers[name],) = model.signatures[name](x=x, conditions=c).values()
        np.savez(folder + "/out.npz", **answers)
        assert not [name for name in sys.modules if name.startswith("tensorflow_probability")]
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    answers = np.load(tmp_path / "out.npz")
    for name in ("call", "transform", "serving_default"):
        np.testing.assert_allclose(answers[name], fitted.transform(x, c), atol=1e-6)
    np.testing.assert_allclose(
        answers["inverse_transform"], fitted.inverse_transform(x, c), atol=1e-6
    )


@pytest.mark.slow
def test_weights_and_conditions_go_together():
    source, c, target, d = domains("linear", num_rows=300)
    weights = np.r_[np.ones(200), np.zeros(100)]
    brief = lt.FitConfig(num_steps=4, steps_per_call=4, jit_compile=False)
    aligner = lt.Aligner(SMALL, lt.LRMF(density=SMALL), config=brief, num_restarts=1)
    whole = aligner.fit(
        lt.Sample.of(source, weights=weights, conditions=c), lt.Sample.of(target, conditions=d)
    ).transform(source, c)
    part = aligner.fit(
        lt.Sample.of(source[:200], conditions=c[:200]), lt.Sample.of(target, conditions=d)
    ).transform(source, c)
    np.testing.assert_array_equal(whole, part)


def test_what_does_not_fit_is_named(fitted):
    x = np.zeros((5, 1))
    with pytest.raises(
        ValueError, match=r"`conditions` must have shape \[N, 1\], as in.*got none"
    ):
        fitted.transform(x)
    with pytest.raises(ValueError, match=r"`conditions` must have shape \[5\]; got \[4\]"):
        fitted.transform(x, conditions=np.zeros(4))
    with pytest.raises(ValueError, match=r"`conditions` must have shape \[N, 1\].*got 2"):
        fitted.transform(x, conditions=np.zeros((5, 2)))
    other = pd.DataFrame({"phi": np.zeros(5)})
    with pytest.raises(ValueError, match="must have the columns eta; got phi"):
        fitted.transform(x, conditions=other)
    source, c, target, d = domains("linear", num_rows=50)
    one, two = lt.Sample.of(source, conditions=c), lt.Sample.of(target, conditions=d)
    with pytest.raises(ValueError, match="`conditions` of `target` must have 1 columns"):
        lt.Aligner().fit(one, target)
    with pytest.raises(ValueError, match="`flow` must be one that takes conditions, such as"):
        lt.Aligner("affine").fit(one, two)
    with pytest.raises(ValueError, match="`density` must be one that takes conditions, such as"):
        lt.Aligner(objective=lt.LRMF(density="gaussian")).fit(one, two)
    with pytest.raises(ValueError, match="`conditions` must be left out for an objective that"):
        lt.Aligner(objective=lt.objectives.Energy(bound=None)).fit(one, two)
    with pytest.raises(ValueError, match="`flow` must depend on 1 conditions, as the samples"):
        lt.Aligner(lt.flows.real_nvp_flow(1)).fit(one, two)
