"""The laws every divergence keeps, over the tables in `tests/cases.py`."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tests.cases import DIVERGENCES, SAMPLE_FUNCTIONS, WITHOUT_XLA
from tests.divergences.clouds import EACH, clouds, tolerance
from tests.reference import finite_difference

COMPILES = sorted(set(DIVERGENCES) - WITHOUT_XLA)
SEEDS = (0, 1, 2)


@pytest.fixture(params=DIVERGENCES)
def name(request):
    return request.param


@pytest.fixture
def divergence(name):
    return DIVERGENCES[name].call


@pytest.mark.slow
# First, because two shapes that differ in both samples make the trace for any number of rows,
# which then serves the other laws; one at a time they would make one more.
def test_positive_and_symmetric(name, divergence):
    for seed in SEEDS:
        x, y = clouds(seed)
        there, back = (float(divergence(*pair)) for pair in [(x, y), (y, x)])
        assert there > 0.0
        assert there == pytest.approx(back, rel=tolerance(name))


def test_zero_on_equal_samples(divergence):
    for seed in SEEDS:
        x, _ = clouds(seed)
        order = np.random.default_rng(seed).permutation(len(x))
        assert abs(float(divergence(x, x[order]))) < 1e-7


@pytest.mark.parametrize("name", EACH)
def test_order_of_rows_does_not_matter(name):
    call, rng = SAMPLE_FUNCTIONS[name].call, np.random.default_rng(0)
    for seed in SEEDS:
        x, y = clouds(seed, name=name)
        wanted = pytest.approx(float(call(x, y)), rel=tolerance(name))
        assert float(call(x[::-1], y[::-1])) == wanted
        assert float(call(rng.permutation(x), rng.permutation(y))) == wanted


@pytest.mark.parametrize("name", EACH)
def test_a_common_shift_changes_nothing(name):
    call = SAMPLE_FUNCTIONS[name].call
    for seed, shift in zip(SEEDS, ([50.0, -50.0], [-7.3, 0.0], [0.1, 31.0]), strict=True):
        x, y = clouds(seed, name=name)
        shift = np.array(shift)[: x.shape[1]]
        moved = float(call(x + shift, y + shift))
        assert moved == pytest.approx(float(call(x, y)), rel=tolerance(name, 1e-7))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", EACH)
def test_dtype_is_kept(name, dtype):
    assert SAMPLE_FUNCTIONS[name].call(*clouds(0, dtype, name=name)).dtype == tf.as_dtype(dtype)


@pytest.mark.parametrize("name", EACH)
def test_float32_agrees_with_float64(name):
    coarse, fine = (
        float(SAMPLE_FUNCTIONS[name].call(*clouds(5, dtype, name=name)))
        for dtype in (np.float32, np.float64)
    )
    assert coarse == pytest.approx(fine, rel=2e-3)


def test_gradient_of_both_arguments_is_that_of_finite_differences(name, divergence):
    x, y = clouds(7)
    points = [tf.constant(x), tf.constant(y)]
    with tf.GradientTape() as tape:
        tape.watch(points)
        value = divergence(*points)
    to_x, to_y = (part.numpy() for part in tape.gradient(value, points))
    near = {"abs": 2e-3 if name == "max_sliced_wasserstein" else 2e-6}
    of_x = finite_difference(lambda p: divergence(p, y), x, (2, 1))
    of_y = finite_difference(lambda q: divergence(x, q), y, (4, 0))
    assert to_x[2, 1] == pytest.approx(of_x, **near)
    assert to_y[4, 0] == pytest.approx(of_y, **near)


def test_gradient_on_equal_samples_is_finite(divergence):
    points = tf.constant(clouds(1)[0])
    with tf.GradientTape() as tape:
        tape.watch(points)
        value = divergence(points, tf.stop_gradient(points))
    assert np.isfinite(tape.gradient(value, points)).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPILES)
def test_compiles_with_its_gradient_for_any_values(name):
    divergence = DIVERGENCES[name].call
    for rows in (3, 4):  # after several shapes a trace of the library's own has none
        divergence(*(cloud[:rows] for cloud in clouds(3)))

    def value_and_gradient(x, y):
        with tf.GradientTape() as tape:
            tape.watch([x, y])
            value = divergence(x, y)
        return value, tape.gradient(value, [x, y])

    points = [tf.constant(cloud) for cloud in clouds(2)]
    plain = value_and_gradient(*points)
    compiled = tf.function(value_and_gradient, jit_compile=True, autograph=False)
    found = tf.nest.flatten(compiled(*points))
    for got, wanted in zip(found, tf.nest.flatten(plain), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-6)
    signature = compiled.experimental_get_compiler_ir(*points)().splitlines()[0]
    assert "(f64[9,2]" in signature  # a constant would compile anew for each value of it
    assert "f64[6,2]" in signature


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPILES)
def test_is_saved_and_loaded(name, tmp_path):
    spec = tf.TensorSpec([None, 2], tf.float64)
    module, divergence = tf.Module(), DIVERGENCES[name].call
    module.call = tf.function(lambda x, y: divergence(x, y), [spec, spec], autograph=False)
    tf.saved_model.save(module, str(tmp_path))
    pair = clouds(2)
    loaded = float(tf.saved_model.load(str(tmp_path)).call(*map(tf.constant, pair)))
    assert loaded == pytest.approx(float(divergence(*pair)), rel=1e-6)


def test_one_trace_serves_a_signature(divergence):
    function = tf.function(lambda x, y: divergence(x, y), autograph=False)
    for seed in SEEDS:
        function(*(tf.constant(cloud) for cloud in clouds(seed)))
    assert function.experimental_get_tracing_count() == 1


def test_single_points_are_as_far_as_they_are(name, divergence):
    x, y = np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]])
    value = float(divergence(x, y))
    exact = {"energy": 10.0, "emd": 5.0, "sinkhorn": 25.0, "max_sliced_wasserstein": 5.0}
    assert np.isfinite(value)
    assert value > 0.0
    if name in exact:
        assert value == pytest.approx(exact[name], rel=1e-3)


@pytest.mark.slow
def test_unknown_rows_inside_a_function(divergence):
    spec = [tf.TensorSpec([None, 2], tf.float64)] * 2
    function = tf.function(lambda x, y: divergence(x, y), input_signature=spec, autograph=False)
    for seed in (0, 1):
        x, y = clouds(seed)
        wanted = float(divergence(x[: 5 + seed], y))
        assert float(function(x[: 5 + seed], y)) == pytest.approx(wanted, rel=1e-6)
