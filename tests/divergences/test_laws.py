"""The laws every divergence keeps, over the table in `tests/cases.py`."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from tests.cases import DIVERGENCES, WITHOUT_XLA
from tests.reference import finite_difference

ROWS = (9, 6)  # one shape for all cases of a law, so that each function is traced once
# Max-sliced ascends from directions that a seed gives: not exact, and not symmetric to the digit.
LOOSE = {"max_sliced_wasserstein": 2e-2, "sinkhorn": 1e-6}
ON_LINES = {"sliced_wasserstein", "max_sliced_wasserstein"}  # which take no squares
COMPILES = sorted(set(DIVERGENCES) - WITHOUT_XLA)


@pytest.fixture(params=DIVERGENCES)
def name(request):
    return request.param


@pytest.fixture
def divergence(name):
    return DIVERGENCES[name]


def clouds(seed, dtype=np.float64):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(ROWS[0], 2)), rng.normal(size=(ROWS[1], 2)) + rng.normal(size=2)
    return x.astype(dtype), y.astype(dtype)


seeds = st.integers(0, 10_000)


# First, because two shapes that differ in both samples make the trace for any number of rows,
# which then serves the other laws; one at a time they would make one more.
@given(seed=seeds)
@pytest.mark.parametrize("name", DIVERGENCES)
def test_positive_and_symmetric(name, seed):
    x, y = clouds(seed)
    there, back = (float(DIVERGENCES[name](*pair)) for pair in [(x, y), (y, x)])
    assert there > 0.0
    assert there == pytest.approx(back, rel=LOOSE.get(name, 1e-9))


@given(seed=seeds)
@pytest.mark.parametrize("name", DIVERGENCES)
def test_zero_on_equal_samples(name, seed):
    x, _ = clouds(seed)
    order = np.random.default_rng(seed).permutation(len(x))
    assert abs(float(DIVERGENCES[name](x, x[order]))) < 1e-7


@given(seed=seeds)
@pytest.mark.parametrize("name", DIVERGENCES)
def test_order_of_rows_does_not_matter(name, seed):
    x, y = clouds(seed)
    rng = np.random.default_rng(seed)
    shuffled = DIVERGENCES[name](rng.permutation(x), rng.permutation(y))
    assert float(shuffled) == pytest.approx(
        float(DIVERGENCES[name](x, y)), rel=LOOSE.get(name, 1e-9)
    )


@given(seed=seeds, shift=st.tuples(*[st.floats(-50.0, 50.0)] * 2))
@pytest.mark.parametrize("name", DIVERGENCES)
def test_a_common_shift_changes_nothing(name, seed, shift):
    x, y = clouds(seed)
    moved = DIVERGENCES[name](x + shift, y + shift)
    tolerance = max(LOOSE.get(name, 0.0), 1e-7)
    assert float(moved) == pytest.approx(float(DIVERGENCES[name](x, y)), rel=tolerance)


def test_weights_are_repeated_rows(name, divergence):
    if name == "max_sliced_wasserstein":
        pytest.skip("its directions start anywhere: see its own tests")
    x, y = clouds(3)
    repeats = np.array([2, 1, 1, 3, 1, 1, 2, 1, 1])
    weights = repeats / repeats.sum()
    found = divergence(x, y, source_weights=weights)
    wanted = divergence(np.repeat(x, repeats, axis=0), y)
    assert float(found) == pytest.approx(float(wanted), rel=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept(divergence, dtype):
    assert divergence(*clouds(0, dtype)).dtype == tf.as_dtype(dtype)


def test_float32_agrees_with_float64(divergence):
    coarse, fine = (float(divergence(*clouds(5, dtype))) for dtype in (np.float32, np.float64))
    assert coarse == pytest.approx(fine, rel=2e-3)


def test_gradient_of_both_arguments_is_that_of_finite_differences(name, divergence):
    x, y = clouds(7)
    points = [tf.constant(x), tf.constant(y)]
    with tf.GradientTape() as tape:
        tape.watch(points)
        value = divergence(*points)
    to_x, to_y = (part.numpy() for part in tape.gradient(value, points))
    tolerance = {"abs": 2e-3 if name == "max_sliced_wasserstein" else 2e-6}
    of_x = finite_difference(lambda p: divergence(p, y), x, (2, 1))
    of_y = finite_difference(lambda q: divergence(x, q), y, (4, 0))
    assert to_x[2, 1] == pytest.approx(of_x, **tolerance)
    assert to_y[4, 0] == pytest.approx(of_y, **tolerance)


def test_gradient_on_equal_samples_is_finite(divergence):
    points = tf.constant(clouds(1)[0])
    with tf.GradientTape() as tape:
        tape.watch(points)
        value = divergence(points, tf.stop_gradient(points))
    assert np.isfinite(tape.gradient(value, points)).all()


@pytest.mark.parametrize("name", COMPILES)
def test_compiles_with_its_gradient_for_any_values(name):
    for rows in (3, 4):  # after several shapes a trace of the library's own has none
        DIVERGENCES[name](*(cloud[:rows] for cloud in clouds(3)))

    def value_and_gradient(x, y):
        with tf.GradientTape() as tape:
            tape.watch([x, y])
            value = DIVERGENCES[name](x, y)
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
    module = tf.Module()
    module.call = tf.function(DIVERGENCES[name], input_signature=[spec, spec], autograph=False)
    tf.saved_model.save(module, str(tmp_path))
    pair = clouds(2)
    loaded = float(tf.saved_model.load(str(tmp_path)).call(*map(tf.constant, pair)))
    assert loaded == pytest.approx(float(DIVERGENCES[name](*pair)), rel=1e-6)


def test_one_trace_serves_a_signature(divergence):
    function = tf.function(divergence, autograph=False)
    for seed in range(3):
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


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_scales_of_any_size_give_numbers(divergence, scale):
    for dtype in (np.float32, np.float64):
        x, y = clouds(4, dtype)
        assert np.isfinite(float(divergence(x * dtype(scale), y * dtype(scale))))


@pytest.mark.parametrize("scale", [1e-100, 1e100])
@pytest.mark.parametrize(
    ("name", "power"),
    [("energy", 1), ("emd", 1), ("sliced_wasserstein", 1), ("max_sliced_wasserstein", 1)],
)
def test_distances_have_the_units_of_the_samples(name, power, scale):
    x, y = clouds(4)
    wanted = scale**power * float(DIVERGENCES[name](x, y))
    assert float(DIVERGENCES[name](scale * x, scale * y)) == pytest.approx(wanted, rel=1e-9)


BAD = {
    "width": (lambda x, y: (x, y[:, :1], {}), r"`target` must have shape \[M, 2\].* got \[6, 1\]"),
    "nan": (lambda x, y: (np.where(x > 1.0, np.nan, x), y, {}), "`source` must be finite"),
    "rank": (lambda x, y: (x[None], y, {}), r"`source` must have shape \[N, D\]"),
    "rows": (lambda x, y: (x, y[:0], {}), "`target` must have at least 1 row; got 0"),
    "sum": (
        lambda x, y: (x, y, {"target_weights": np.full(6, 0.5)}),
        "`target_weights` must sum to 1; got 3",
    ),
    "negative": (
        lambda x, y: (x, y, {"source_weights": np.array([-1.0, 2.0] + [0.0] * 7)}),
        "`source_weights` must be finite and at least 0; got -1",
    ),
    "length": (
        lambda x, y: (x, y, {"source_weights": np.full(3, 1 / 3)}),
        r"`source_weights` must have shape \[9\]; got \[3\]",
    ),
}


@pytest.mark.parametrize("bad", BAD)
def test_bad_input_is_one_line(divergence, bad):
    spoil, message = BAD[bad]
    x, y, weights = spoil(*clouds(6))
    x[0] = np.nan if bad == "nan" else x[0]
    with pytest.raises(ValueError, match=message) as caught:
        divergence(x, y, **weights)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", sorted(set(DIVERGENCES) - ON_LINES))
def test_samples_whose_squares_overflow_are_refused(name):
    x, y = clouds(6, np.float32)
    with pytest.raises(ValueError, match=r"must be at most 3e\+17 in size.*float32.*got .e\+20"):
        DIVERGENCES[name](x, y * np.float32(1e20))


def test_bad_tensors_are_caught_like_arrays(divergence):
    x, y = clouds(8)
    x[2, 0] = np.inf
    with pytest.raises(ValueError, match="`source` must be finite; got 1 non-finite value"):
        divergence(tf.constant(x), tf.constant(y))
    with pytest.raises(ValueError, match="`source` must be finite; got 1 non-finite value"):
        divergence(tf.Variable(x), tf.constant(y))


def test_unknown_rows_inside_a_function(divergence):
    spec = [tf.TensorSpec([None, 2], tf.float64)] * 2
    function = tf.function(functools.partial(divergence), input_signature=spec, autograph=False)
    for seed in (0, 1):
        x, y = clouds(seed)
        wanted = float(divergence(x[: 5 + seed], y))
        assert float(function(x[: 5 + seed], y)) == pytest.approx(wanted, rel=1e-6)
