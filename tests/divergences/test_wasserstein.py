"""Wasserstein distances on lines: SciPy and POT as oracles, the laws of a metric, gradients."""

from __future__ import annotations

import functools

import numpy as np
import ot
import pytest
import scipy.stats
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lrmf_tfp.divergences.transport import wasserstein
from lrmf_tfp.divergences.transport.wasserstein import (
    max_sliced_wasserstein,
    sliced_wasserstein,
    wasserstein_1d,
)
from tests.reference import finite_differences, gradients

quick_max_sliced = functools.partial(max_sliced_wasserstein, num_projections=4, num_steps=8)
DIVERGENCES = {
    "wasserstein_1d": (wasserstein_1d, 1),
    "sliced": (functools.partial(sliced_wasserstein, num_projections=8), 3),
    "max_sliced": (quick_max_sliced, 3),
}
VALUES = st.floats(-100.0, 100.0, allow_subnormal=False)


def samples(size):
    shapes = st.integers(1, 12).map(lambda rows: (rows, size))
    return shapes.flatmap(lambda shape: arrays(np.float64, shape, elements=VALUES))


@pytest.fixture(params=DIVERGENCES, ids=list(DIVERGENCES))
def case(request):
    return DIVERGENCES[request.param]


@pytest.fixture
def pair(case, rng):
    size = case[1]
    return rng.normal(size=(9, size)), 2.0 * rng.normal(size=(7, size)) + 1.0


@pytest.mark.parametrize(("num_source", "num_target"), [(1, 1), (40, 40), (40, 80), (37, 53)])
def test_line_equals_scipy(rng, num_source, num_target):
    x, y = rng.normal(size=num_source), 2.0 * rng.normal(size=num_target) + 1.0
    a, b = rng.dirichlet(np.ones(num_source)), rng.dirichlet(np.ones(num_target))
    expected = scipy.stats.wasserstein_distance(x, y)
    assert float(wasserstein_1d(x, y)) == pytest.approx(expected, abs=1e-12, rel=0)
    weighted = wasserstein_1d(x, y, source_weights=a, target_weights=b)
    expected = scipy.stats.wasserstein_distance(x, y, a, b)
    assert float(weighted) == pytest.approx(expected, abs=1e-12, rel=0)


@pytest.mark.parametrize("power", [1.5, 2.0])
def test_line_equals_pot_for_other_powers(rng, power):
    x, y = rng.normal(size=37), 2.0 * rng.normal(size=53) + 1.0
    a, b = rng.dirichlet(np.ones(37)), rng.dirichlet(np.ones(53))
    found = wasserstein_1d(x, y, power=power, source_weights=a, target_weights=b)
    expected = ot.wasserstein_1d(x, y, a, b, p=power) ** (1.0 / power)
    assert float(found) == pytest.approx(expected, abs=1e-12)


def test_line_takes_lists_columns_and_tensors():
    x, y = [0.0, 1.0], [1.0, 3.0]
    forms = [
        (x, y),
        (np.array(x), tf.constant(y, tf.float64)),
        (np.array([x]).T, tf.Variable([y], dtype=tf.float64)[0]),
    ]
    assert [float(wasserstein_1d(*form)) for form in forms] == [1.5] * 3


def test_samples_of_zero_weight_do_not_count(case, pair):
    divergence, size = case
    x, y = pair
    far = np.concatenate([np.full([1, size], 1e3), x])
    weights = np.r_[0.0, np.full(len(x), 1.0 / len(x))]
    found = divergence(far, y, source_weights=weights)
    assert float(found) == pytest.approx(float(divergence(x, y)), rel=1e-9)


@pytest.mark.slow
@given(data=st.data())
def test_zero_on_equal_samples_whatever_their_order(data):
    for divergence, size in DIVERGENCES.values():
        x = data.draw(samples(size))
        mixed = data.draw(st.permutations(list(x)).map(np.array))
        assert float(divergence(x, x.copy())) == 0.0
        assert float(divergence(x, mixed)) <= 1e-12


@pytest.mark.slow
@given(data=st.data())
def test_symmetric_and_blind_to_order_and_common_shift(data):
    shift = data.draw(VALUES)
    for divergence, size in DIVERGENCES.values():
        x, y = data.draw(samples(size)), data.draw(samples(size))
        value = float(divergence(x, y))
        # Ascent on the direction follows the last digit where two directions tie.
        tolerance = 1e-2 * value if divergence is quick_max_sliced else 0.0
        near = pytest.approx(value, abs=1e-9 + tolerance, rel=1e-9)
        assert value >= 0.0
        assert float(divergence(y, x)) == near
        assert float(divergence(x[::-1].copy(), y)) == near
        assert float(divergence(x + shift, y + shift)) == near


@pytest.mark.parametrize("power", [1.0, 2.0])
@pytest.mark.parametrize("name", ["wasserstein_1d", "sliced"])
def test_gradients_are_those_of_finite_differences(rng, name, power):
    divergence, size = DIVERGENCES[name]
    x, y = rng.normal(size=(5, size)), 2.0 * rng.normal(size=(4, size)) + 1.0
    a = np.arange(1.0, 6.0) / 15.0

    def value(points, others):
        return divergence(points, others, power=power, source_weights=a)

    for_source, for_target = gradients(value, x, y)
    np.testing.assert_allclose(for_source, finite_differences(lambda p: value(p, y), x), atol=1e-7)
    np.testing.assert_allclose(for_target, finite_differences(lambda p: value(x, p), y), atol=1e-7)
    assert np.max(np.abs(for_source)) > 1e-2


@pytest.mark.slow
def test_gradient_of_max_sliced_is_that_at_a_maximum(rng):
    x, y = rng.normal(size=(9, 3)), 2.0 * rng.normal(size=(7, 3)) + 1.0

    def value(points, others):
        return max_sliced_wasserstein(points, others, num_steps=200)

    for_source, for_target = gradients(value, x, y)
    u, v, step = rng.normal(size=x.shape), rng.normal(size=y.shape), 1e-4
    ahead, behind = value(x + step * u, y + step * v), value(x - step * u, y - step * v)
    slope = np.sum(for_source * u) + np.sum(for_target * v)
    # The direction moves with the samples too, but that counts in second order only.
    assert slope == pytest.approx(float(ahead - behind) / (2.0 * step), abs=1e-3)
    assert abs(slope) > 0.05


@pytest.mark.slow
def test_gradient_is_zero_where_the_distance_is(case, pair):
    divergence, _ = case
    x, _ = pair
    for gradient in gradients(lambda p, q: divergence(p, q, power=2.0), x, x):
        np.testing.assert_array_equal(gradient, np.zeros_like(x))


@pytest.mark.parametrize("size", [1e-30, 1e30])
def test_high_powers_neither_overflow_nor_vanish(size):
    x, y = size * np.array([0.0, 1.0], np.float32), size * np.array([3.0, 4.0], np.float32)
    for_source, _ = gradients(lambda p, q: wasserstein_1d(p, q, power=4.0), x, y)
    assert float(wasserstein_1d(x, y, power=4.0)) == pytest.approx(3.0 * size, rel=1e-5)
    np.testing.assert_allclose(for_source, [-0.5, -0.5], rtol=1e-5)


def test_sliced_is_the_mean_over_the_directions_it_draws(rng):
    x, y = rng.normal(size=(30, 4)), rng.normal(size=(20, 4)) + 0.5
    seed = tf.constant([3, 4])
    draw = tf.random.stateless_normal([16, 4], seed, dtype=tf.float64, alg="philox").numpy()
    directions = draw / np.linalg.norm(draw, axis=1, keepdims=True)
    expected = ot.sliced_wasserstein_distance(x, y, projections=directions.T, p=2)
    found = sliced_wasserstein(x, y, num_projections=16, seed=seed)
    assert float(found) == pytest.approx(expected, abs=1e-12)


def test_sliced_on_the_line_is_the_line(rng):
    x, y = rng.normal(size=(30, 1)), rng.normal(size=(20, 1)) + 0.5
    expected = pytest.approx(float(wasserstein_1d(x, y, power=2.0)), abs=1e-12)
    assert float(sliced_wasserstein(x, y)) == expected
    assert float(quick_max_sliced(x, y)) == expected


def test_sliced_of_a_shift_is_the_mean_square_of_a_cosine(rng, seed):
    x = rng.normal(size=(10, 4))
    found = sliced_wasserstein(x, x + [2.0, 0.0, 0.0, 0.0], num_projections=4000, seed=seed)
    assert float(found) == pytest.approx(2.0 / np.sqrt(4.0), rel=0.05)  # mean(cos^2) = 1 / D


@pytest.mark.slow
def test_max_sliced_of_a_shift_is_its_length(rng, seed):
    x = rng.normal(size=(50, 20))
    shift = rng.normal(size=20)
    found = max_sliced_wasserstein(x, x + shift, seed=seed)
    assert float(found) == pytest.approx(np.linalg.norm(shift), rel=1e-9)
    (gradient, _) = gradients(max_sliced_wasserstein, x, x + shift)
    np.testing.assert_allclose(
        gradient, np.tile(-shift / np.linalg.norm(shift) / 50, [50, 1]), atol=1e-9
    )


def test_max_sliced_finds_the_axis_that_is_stretched(rng, seed):
    x = rng.normal(size=(400, 5))
    y = x * [1.0, 1.0, 3.0, 1.0, 1.0]
    along = float(wasserstein_1d(x[:, 2], y[:, 2], power=2.0))
    found = float(max_sliced_wasserstein(x, y, seed=seed))
    random = float(max_sliced_wasserstein(x, y, seed=seed, num_steps=1))
    assert along * (1.0 - 1e-3) <= found <= float(np.sqrt(np.mean(np.sum((x - y) ** 2, 1))))
    assert random < 0.97 * found


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype_is_kept(case, pair, dtype):
    divergence, _ = case
    x, y = (points.astype(dtype) for points in pair)
    value = divergence(x, y)
    assert value.dtype == dtype
    assert float(value) == pytest.approx(float(divergence(*pair)), rel=1e-4)
    assert gradients(divergence, x, y)[0].dtype == dtype


def test_xla_takes_the_samples_of_a_line_as_arguments(rng):
    x, y = rng.normal(size=(9, 1)), rng.normal(size=(7, 1)) + 1.0
    for rows in (3, 4, 5):  # after several shapes a trace of the library's own has none
        wasserstein_1d(x[:rows], y)

    @functools.partial(tf.function, autograph=False, jit_compile=True)
    def traced(p, q):
        with tf.GradientTape() as tape:
            tape.watch([p, q])
            value = wasserstein_1d(p, q)
        return tape.gradient(value, [p, q])

    found = traced(tf.constant(x), tf.constant(y))
    for ours, expected in zip(found, gradients(wasserstein_1d, x, y), strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-6)
    text = traced.experimental_get_compiler_ir(tf.constant(x), tf.constant(y))()
    assert "(f64[9,1]" in text.splitlines()[0]  # a constant would compile for each value


def test_one_trace_for_a_signature(rng):
    def traces():
        return wasserstein._mean_line_distance.traced.experimental_get_tracing_count()

    x = rng.normal(size=(11, 3))
    sliced_wasserstein(x, x)
    before = traces()
    sliced_wasserstein(x + 1.0, 2.0 * x, seed=5)
    assert traces() == before
    for rows in range(2, 9):
        sliced_wasserstein(x[:rows], x)
    assert traces() <= before + 1


@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        ("`target` must have shape .M, 3. to match `source`", {"target": np.ones([2, 2])}),
        ("`source` must be finite; got 1 non-finite value", {"source": [[np.nan, 0.0, 0.0]]}),
        ("`source_weights` must not all be 0; got 2", {"source_weights": [0.0, 0.0]}),
        ("`power` must be finite and at least 1; got 0.5", {"power": 0.5}),
        ("`num_projections` must be at least 1; got 0", {"num_projections": 0}),
        ("`seed` must be at least 0; got -1", {"seed": -1}),
        ("`num_steps` must be at least 1; got 0", {"num_steps": 0}),
    ],
)
@pytest.mark.parametrize("divergence", [sliced_wasserstein, max_sliced_wasserstein])
def test_bad_arguments_are_named(divergence, message, arguments):
    if "num_steps" in arguments and divergence is sliced_wasserstein:
        return
    valid = {"source": np.zeros([2, 3]), "target": np.ones([2, 3])}
    with pytest.raises(ValueError, match=message):
        divergence(**(valid | arguments))


def test_bad_arguments_on_the_line_are_named():
    with pytest.raises(
        ValueError, match=r"`source` must have shape \[N\] or \[N, 1\]; got \[2, 3"
    ):
        wasserstein_1d(np.zeros([2, 3]), np.zeros([2, 3]))
    with pytest.raises(ValueError, match=r"`target` must have shape \[M, 1\] to match `source`"):
        wasserstein_1d([0.0], np.zeros([2, 3]))
    with pytest.raises(ValueError, match="`power` must be finite and at least 1; got nan"):
        wasserstein_1d([0.0], [1.0], power=float("nan"))
    with pytest.raises(ValueError, match="`target_weights` must be finite and at least 0; got -1"):
        wasserstein_1d([0.0], [1.0, 2.0], target_weights=[-1.0, 2.0])
    with pytest.raises(TypeError, match="`source` must be numeric"):
        wasserstein_1d(["a"], [1.0])
