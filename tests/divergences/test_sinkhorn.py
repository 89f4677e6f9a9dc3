"""Sinkhorn: POT and closed forms as oracles, the laws of a divergence, gradients, hard inputs."""

import functools
import importlib
import logging
import math

import numpy as np
import ot
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from lrmf_tfp.divergences.transport.sinkhorn import SinkhornResult, sinkhorn, sinkhorn_divergence

# One size and one type nearly everywhere: each signature is a trace, and takes a second.
SIZE = 16
POT_OPTIONS = {"numItermax": 5_000, "stopThr": 1e-10, "warn": False}
COSTS = {"squared_euclidean": "sqeuclidean", "euclidean": "euclidean"}
MODULE = importlib.import_module("lrmf_tfp.divergences.transport.sinkhorn")
SOLVE = importlib.import_module("lrmf_tfp.divergences.transport._sinkhorn_solve")
COST = importlib.import_module("lrmf_tfp.divergences.transport._sinkhorn_cost")


def cloud(seed, rows, *, shift=0.0, columns=2):
    return np.random.default_rng(seed).normal(size=(rows, columns)) + shift


def weights(seed, rows):
    values = np.random.default_rng(seed).random(rows) + 0.1
    return values / values.sum()


def equal(rows):
    return np.full(rows, 1.0 / rows)


def reference_cost(x, y, a, b, *, epsilon, cost):
    """`<P, C> + epsilon KL(P | a b')` of POT's plan, which adds the entropy of `P` alone."""
    costs = ot.dist(x, y, metric=COSTS[cost])
    plan = ot.bregman.sinkhorn_log(a, b, costs, epsilon, **POT_OPTIONS)
    return np.sum(plan * costs) + epsilon * np.sum(plan * np.log(plan / np.outer(a, b)))


def reference_divergence(x, y, a, b, **kwargs):
    own = reference_cost(x, x, a, a, **kwargs) + reference_cost(y, y, b, b, **kwargs)
    return reference_cost(x, y, a, b, **kwargs) - 0.5 * own


def value_and_gradients(x, y, **kwargs):
    x, y = tf.convert_to_tensor(x), tf.convert_to_tensor(y)
    with tf.GradientTape() as tape:
        tape.watch([x, y])
        value = sinkhorn_divergence(x, y, **kwargs)
    return value, tape.gradient(value, [x, y])


@pytest.fixture
def retraced(monkeypatch):
    """Return a function that makes the next calls trace anew, with the constants now in force."""

    def trace():
        for name in ("_divergence", "_transport"):
            function = getattr(MODULE, name).traced.python_function
            monkeypatch.setattr(MODULE, name, MODULE.compiled(function))
        function = MODULE.solve_self.python_function
        monkeypatch.setattr(MODULE, "solve_self", tf.function(function, autograph=False))

    return trace


@pytest.mark.slow
@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("epsilon", [0.5, 5.0])
def test_divergence_is_that_of_pot(cost, epsilon):
    x, y, a, b = cloud(0, SIZE), cloud(1, SIZE, shift=0.5), weights(2, SIZE), weights(3, SIZE)
    got = sinkhorn_divergence(x, y, epsilon=epsilon, cost=cost, source_weights=a, target_weights=b)
    wanted = reference_divergence(x, y, a, b, epsilon=epsilon, cost=cost)
    assert got.dtype == tf.float64
    assert float(got) == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("cost", COSTS)
def test_result_is_that_of_pot(cost):
    x, y = cloud(0, SIZE), cloud(1, SIZE, shift=0.5)
    result = sinkhorn(x, y, epsilon=0.3, cost=cost, tolerance=1e-10)
    costs = ot.dist(x, y, metric=COSTS[cost])
    plan = ot.bregman.sinkhorn_log(equal(SIZE), equal(SIZE), costs, 0.3, **POT_OPTIONS)
    wanted = reference_cost(x, y, equal(SIZE), equal(SIZE), epsilon=0.3, cost=cost)
    assert isinstance(result, SinkhornResult)
    assert float(result.value) == pytest.approx(wanted, rel=1e-9)
    np.testing.assert_allclose(result.plan, plan, atol=1e-9)
    error = np.abs(result.plan.numpy().sum(0) - 1 / SIZE).sum()
    assert bool(result.converged)
    assert float(result.error) <= 1e-10
    assert error <= 2e-10
    assert 1 <= int(result.iterations) < 200
    dual = np.mean(result.source_potential) + np.mean(result.target_potential)
    assert dual == pytest.approx(wanted, rel=1e-9)


def test_divergence_of_a_translate_is_the_squared_shift():
    """`|x - y - t|^2` splits into `|x - y|^2` and terms that sum to a constant."""
    x, shift = cloud(0, SIZE), np.array([3.0, -4.0])
    assert float(sinkhorn_divergence(x, x + shift, epsilon=0.5)) == pytest.approx(25.0, rel=1e-9)


@pytest.mark.slow
def test_tends_to_the_transport_cost_as_epsilon_falls():
    x, y = cloud(0, SIZE), cloud(1, SIZE, shift=0.5)
    costs = ot.dist(x, y)
    wanted = ot.emd2(equal(SIZE), equal(SIZE), costs)
    gaps = [
        abs(float(sinkhorn_divergence(x, y, epsilon=e * costs.mean())) - wanted) / wanted
        for e in (1.0, 1e-1, 1e-2, 1e-3)
    ]
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[0] > 0.05
    assert gaps[-1] < 5e-3


def test_tends_to_the_distance_of_the_means_as_epsilon_rises():
    """The limit of [1], theorem 1, is the MMD of the kernel `-|x - y|^2`, over 2."""
    x, y = cloud(0, SIZE), cloud(1, SIZE, shift=0.5)
    wanted = np.sum((x.mean(axis=0) - y.mean(axis=0)) ** 2)
    assert float(sinkhorn_divergence(x, y, epsilon=1e6)) == pytest.approx(wanted, rel=1e-4)


def test_default_epsilon_is_a_twentieth_of_the_mean_cost():
    x, y, a, b = cloud(0, SIZE), cloud(1, SIZE, shift=0.5), weights(2, SIZE), weights(3, SIZE)
    result = sinkhorn(x, y, source_weights=a, target_weights=b)
    assert float(result.epsilon) == pytest.approx(0.05 * a @ ot.dist(x, y) @ b)
    result = sinkhorn(x, y, cost="euclidean", source_weights=a, target_weights=b)
    assert float(result.epsilon) == pytest.approx(0.05 * math.sqrt(a @ ot.dist(x, y) @ b))


@given(st.integers(0, 2**16), st.floats(0.05, 5.0), st.sampled_from(sorted(COSTS)))
def test_laws_of_a_divergence(seed, epsilon, cost):
    x, y = cloud(seed, SIZE), cloud(seed + 1, SIZE, shift=0.3)
    a, b = weights(seed, SIZE), weights(seed + 1, SIZE)
    options = {"epsilon": epsilon, "cost": cost, "tolerance": 1e-8}
    order = np.random.default_rng(seed).permutation(SIZE)

    def divergence(x, y, a, b):
        return float(sinkhorn_divergence(x, y, source_weights=a, target_weights=b, **options))

    value = divergence(x, y, a, b)
    assert value > 1e-6
    assert divergence(x, x, a, a) == pytest.approx(0.0, abs=1e-8)
    assert divergence(x[order], x, a[order], a) == pytest.approx(0.0, abs=1e-8)
    assert divergence(y, x, b, a) == pytest.approx(value, abs=1e-8)
    assert divergence(x[order], y, a[order], b) == pytest.approx(value, abs=1e-8)
    assert divergence(x + 7.0, y + 7.0, a, b) == pytest.approx(value, abs=1e-8)


def directional_difference(function, point, direction, step=1e-5):
    return (function(point + step * direction) - function(point - step * direction)) / (2 * step)


@pytest.mark.parametrize("cost", COSTS)
def test_gradients_are_finite_differences(cost, rng):
    x, y, a = cloud(0, SIZE), cloud(1, SIZE, shift=0.5), weights(2, SIZE)
    options = {"epsilon": 0.4, "cost": cost, "tolerance": 1e-10, "source_weights": a}

    def value(x, y):
        return float(sinkhorn_divergence(x, y, **options))

    _, (to_x, to_y) = value_and_gradients(x, y, **options)
    for direction in [*np.eye(x.size)[:6].reshape(-1, *x.shape), *rng.normal(size=(4, *x.shape))]:
        got = np.sum(to_x * direction), np.sum(to_y * direction)
        by_x = directional_difference(lambda p: value(p, y), x, direction)
        by_y = directional_difference(lambda p: value(x, p), y, direction)
        np.testing.assert_allclose(got, (by_x, by_y), rtol=1e-6, atol=1e-8)


def test_value_of_the_result_has_its_gradient(rng):
    x, y, direction = cloud(0, SIZE), cloud(1, SIZE, shift=0.5), rng.normal(size=(SIZE, 2))
    options = {"epsilon": 0.4, "tolerance": 1e-10}
    points = tf.constant(x)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(points)
        result = sinkhorn(points, y, **options)
        plan = result.plan
    wanted = directional_difference(lambda p: float(sinkhorn(p, y, **options).value), x, direction)
    got = np.sum(tape.gradient(result.value, points) * direction)
    assert got == pytest.approx(wanted, rel=1e-6)
    assert tape.gradient(plan, points) is None
    assert tape.gradient(result.source_potential, points) is None


@pytest.mark.parametrize(
    "compile_",
    [lambda f: f, functools.partial(tf.function, autograph=False)],
    ids=["eager", "graph"],
)
def test_second_derivative_is_refused(compile_):
    x, y = tf.constant(cloud(0, SIZE)), tf.constant(cloud(1, SIZE))

    @compile_
    def second():
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                value = sinkhorn_divergence(x, y, epsilon=0.5)
            norm = tf.reduce_sum(inner.gradient(value, x) ** 2)
        return outer.gradient(norm, x)

    with pytest.raises(NotImplementedError, match="differentiated once"):
        second()


@pytest.mark.slow
def test_compiles_with_xla_with_gradients():
    x, y = cloud(0, SIZE), cloud(1, SIZE, shift=0.5)
    value, gradients = value_and_gradients(x, y, epsilon=0.5)
    jitted = tf.function(value_and_gradients, jit_compile=True, autograph=False)
    jitted_value, jitted_gradients = jitted(tf.constant(x), tf.constant(y), epsilon=0.5)
    assert float(jitted_value) == pytest.approx(float(value), rel=1e-12)
    for got, wanted in zip(jitted_gradients, gradients, strict=True):
        np.testing.assert_allclose(got, wanted, atol=1e-12)


@pytest.mark.slow
def test_traces_once_then_once_for_any_number_of_rows(retraced):
    retraced()
    x, y = cloud(0, SIZE), cloud(1, SIZE, shift=0.5)
    for epsilon in (0.5, 0.6):
        sinkhorn_divergence(x, y, epsilon=epsilon, tolerance=epsilon, max_iterations=9)
    assert MODULE._divergence.traced.experimental_get_tracing_count() == 1
    for rows in (3, 5, 7):
        part = sinkhorn_divergence(x[:rows], y[: rows + 1], epsilon=0.5)
    x, y, a, b = x[:7], y[:8], equal(7), equal(8)
    wanted = reference_divergence(x, y, a, b, epsilon=0.5, cost="squared_euclidean")
    assert float(part) == pytest.approx(wanted, rel=1e-6)
    single = sinkhorn_divergence([[1.0, 2.0]], [[4.0, 6.0]], epsilon=0.5)
    assert float(single) == pytest.approx(25.0)
    assert MODULE._divergence.traced.experimental_get_tracing_count() == 2


@pytest.mark.slow
def test_tiles_agree_with_the_dense_matrix(retraced, monkeypatch):
    x, y, a = cloud(0, SIZE, columns=5), cloud(1, SIZE, shift=0.5, columns=5), weights(2, SIZE)
    options = {"cost": "euclidean", "source_weights": a, "tolerance": 1e-10, "epsilon": 0.5}
    value, gradients = value_and_gradients(x, y, **options)
    monkeypatch.setattr(SOLVE, "DENSE_ENTRIES", 0)
    monkeypatch.setattr(COST, "_TILE_ENTRIES", 3 * SIZE)  # SIZE is not a multiple of 3
    retraced()
    tiled_value, tiled_gradients = value_and_gradients(x, y, **options)
    assert float(tiled_value) == pytest.approx(float(value), rel=1e-10)
    for got, wanted in zip(tiled_gradients, gradients, strict=True):
        np.testing.assert_allclose(got, wanted, atol=1e-10)


def test_points_of_no_weight_do_not_count():
    x, y = cloud(0, SIZE), cloud(1, SIZE, shift=0.5)
    a = np.concatenate([equal(SIZE - 4), np.zeros(4)])
    moved = np.concatenate([x[:-4], x[-4:] + 1e3])
    value, gradients = value_and_gradients(moved, y, source_weights=a, epsilon=5.0)
    options = {"epsilon": 5.0, "cost": "squared_euclidean"}
    wanted = reference_divergence(x[:-4], y, equal(SIZE - 4), equal(SIZE), **options)
    assert float(value) == pytest.approx(wanted, rel=1e-6)
    np.testing.assert_array_equal(gradients[0][-4:], 0.0)
    result = sinkhorn(moved, y, source_weights=a, epsilon=5.0)
    np.testing.assert_array_equal(result.source_potential[-4:], 0.0)
    np.testing.assert_array_equal(result.plan[-4:], 0.0)
    np.testing.assert_allclose(result.plan.numpy().sum(axis=0), equal(SIZE), atol=1e-5)


HARD = {
    "far apart": (lambda x, y: (x, y + 1e4), 1e-6),
    "tiny epsilon": (lambda x, y: (x, y), 1e-7),
    "epsilon below rounding": (lambda x, y: (x, y), 1e-25),
    "all one point": (lambda x, y: (x[:1].repeat(SIZE, axis=0), y), 1e-2),
    "duplicates": (lambda x, y: (x, np.roll(x, 1, axis=0) * [1.0, 0.5]), 1e-2),
    "outlier": (lambda x, y: (np.concatenate([x[1:], [[1e5, 0.0]]]), y), 1e-4),
    "small": (lambda x, y: (1e-6 * x, 1e-6 * y), 1e-2),
    "large": (lambda x, y: (1e6 * x, 1e6 * y), 1e-2),
}


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("cost", COSTS)
def test_hard_inputs_give_finite_answers(cost, dtype):
    for name, (change, relative) in HARD.items():
        x, y = (p.astype(dtype) for p in change(cloud(0, SIZE), cloud(1, SIZE, shift=0.5)))
        costs = ot.dist(x.astype(float), y.astype(float), metric=COSTS[cost])
        options = {"epsilon": max(relative * costs.mean(), 1e-36), "cost": cost}
        options["max_iterations"] = 60
        value, gradients = value_and_gradients(x, y, **options)
        result = sinkhorn(x, y, **options)
        assert value.dtype == dtype, name
        numbers = [value, *gradients, result.value, result.source_potential, result.plan]
        assert all(np.isfinite(number).all() for number in numbers), name
        assert bool(result.converged) == (float(result.error) <= 1e-5), name
        # Dual feasible whether converged or not: never above the plan's cost by more than entropy.
        bound = ot.emd2(equal(SIZE), equal(SIZE), costs) + options["epsilon"] * math.log(SIZE**2)
        assert float(result.value) <= bound + 1e-4 * costs.max(), name


def test_one_point_twice_is_zero_with_a_zero_gradient():
    x = np.ones((SIZE, 2))
    for cost in COSTS:
        value, gradients = value_and_gradients(x, x, cost=cost, epsilon=1.0)
        assert float(value) == pytest.approx(0.0, abs=1e-12)
        np.testing.assert_allclose(gradients[0], 0.0, atol=1e-12)


@pytest.mark.slow
def test_float32_is_as_good_as_its_rounding():
    x, y = cloud(0, SIZE), cloud(1, SIZE, shift=0.5)
    value = sinkhorn_divergence(x.astype(np.float32), y.astype(np.float32), epsilon=0.3)
    assert value.dtype == tf.float32
    assert float(value) == pytest.approx(float(sinkhorn_divergence(x, y, epsilon=0.3)), rel=1e-5)


def test_short_of_convergence_is_said(caplog):
    x, y = cloud(0, SIZE), cloud(1, SIZE, shift=0.5)
    result = sinkhorn(x, y, epsilon=1e-3, max_iterations=2)
    assert not bool(result.converged)
    assert float(result.error) > 1e-5
    assert np.isfinite(result.plan).all()
    with caplog.at_level(logging.WARNING, logger="lrmf_tfp"):
        sinkhorn_divergence(x, y, epsilon=0.5)
        assert not caplog.records
        sinkhorn_divergence(x, y, epsilon=1e-3, max_iterations=2)
    assert "stopped after 2 iterations" in caplog.text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target": np.zeros((4, 3))}, r"`target` must have shape \[M, 2\] to match `source`"),
        ({"source": [[np.nan, 0.0]]}, r"`source` must be finite"),
        ({"epsilon": 0.0}, r"`epsilon` must be finite and above 0; got 0"),
        ({"epsilon": -1.0}, r"`epsilon` must be finite and above 0; got -1"),
        ({"tolerance": -1.0}, r"`tolerance` must be finite and above 0"),
        ({"max_iterations": 0}, r"`max_iterations` must be at least 1"),
        ({"cost": "euclid"}, r"`cost` must be one of .* \(did you mean 'euclidean'\?\)"),
        ({"source_weights": [0.0, 0.0]}, r"`source_weights` must not all be 0; got 2 zeros"),
        ({"target_weights": [2.0, -1.0]}, r"`target_weights` must be finite and at least 0"),
        ({"target_weights": [1.0]}, r"`target_weights` must have shape \[2\]; got \[1\]"),
    ],
)
@pytest.mark.parametrize("function", [sinkhorn, sinkhorn_divergence])
def test_bad_input_is_refused(function, changes, message):
    arguments = {"source": np.zeros((2, 2)), "target": np.ones((2, 2))} | changes
    with pytest.raises(ValueError, match=message):
        function(**arguments)
