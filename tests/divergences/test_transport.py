"""Exact transport: SciPy and POT as oracles, the dual as certificate, the envelope gradient."""

from __future__ import annotations

import numpy as np
import ot
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from lrmf_tfp.divergences.transport import _network_simplex, exact
from lrmf_tfp.divergences.transport.exact import TRANSPORT_COSTS, emd, optimal_transport
from lrmf_tfp.divergences.transport.wasserstein import wasserstein_1d
from tests.reference import finite_differences, gradients

METRICS = {
    "cityblock": "cityblock",
    "euclidean": "euclidean",
    "squared_euclidean": "sqeuclidean",
}
VALUES = st.floats(-100.0, 100.0, allow_subnormal=False)
SAMPLES = st.integers(1, 10).flatmap(lambda n: arrays(np.float64, (n, 2), elements=VALUES))
COSTS = st.sampled_from(TRANSPORT_COSTS)


def clouds(rng, *, num_source=25, num_target=25, size=3):
    return rng.normal(size=(num_source, size)), rng.normal(size=(num_target, size)) + 0.5


@pytest.mark.parametrize("size", [1, 3, 20])
@pytest.mark.parametrize("cost", TRANSPORT_COSTS)
def test_equals_scipy_assignment(rng, cost, size):
    x, y = clouds(rng, size=size)
    costs = cdist(x, y, METRICS[cost])
    rows, columns = linear_sum_assignment(costs)
    result = optimal_transport(x, y, cost=cost)
    assert float(result.value) == pytest.approx(costs[rows, columns].mean(), abs=1e-9)
    expected = np.zeros([25, 25])
    expected[rows, columns] = 1.0 / 25.0
    if size > 1 and cost != "cityblock":  # there other assignments cost the same
        np.testing.assert_allclose(result.plan, expected, atol=1e-15)


@pytest.mark.parametrize("offset", [0.0, 1e6])
@pytest.mark.parametrize("size", [2, 20])
@pytest.mark.parametrize("cost", TRANSPORT_COSTS)
def test_equals_pot_with_weights(rng, cost, size, offset):
    x, y = clouds(rng, num_target=40, size=size)
    a, b = rng.dirichlet(np.ones(25)), rng.dirichlet(np.ones(40))
    a[3], b[:2] = 0.0, 0.0
    a, b = a / a.sum(), b / b.sum()
    found = emd(x + offset, y + offset, cost=cost, source_weights=a, target_weights=b)
    expected = ot.emd2(a, b, ot.dist(x, y, metric=METRICS[cost]))
    assert float(found) == pytest.approx(expected, abs=1e-9 if offset == 0.0 else 1e-7)


@pytest.mark.parametrize("cost", TRANSPORT_COSTS)
def test_potentials_prove_the_plan_optimal(rng, cost):
    x, y = clouds(rng, num_target=40)
    a, b = rng.dirichlet(np.ones(25)), rng.dirichlet(np.ones(40))
    a[3] = 0.0
    a = a / a.sum()
    value, plan, f, g = optimal_transport(x, y, cost=cost, source_weights=a, target_weights=b)
    costs = cdist(x, y, METRICS[cost])
    np.testing.assert_allclose(np.sum(plan, 1), a, atol=1e-12)
    np.testing.assert_allclose(np.sum(plan, 0), b, atol=1e-12)
    slack = costs - f.numpy()[:, None] - g.numpy()
    assert slack.min() >= -1e-9
    assert slack[plan.numpy() > 0.0].max() <= 1e-9
    assert float(np.sum(a * f) + np.sum(b * g)) == pytest.approx(float(value), abs=1e-9)
    assert np.sum(a * f) == pytest.approx(np.sum(b * g))
    assert float(np.sum(plan * costs)) == pytest.approx(float(value), abs=1e-12)


def test_on_the_line_it_is_sorting(rng):
    x, y = rng.normal(size=(25, 1)), rng.normal(size=(40, 1))
    assert float(emd(x, y)) == pytest.approx(float(wasserstein_1d(x, y)), abs=1e-12)


@given(x=SAMPLES, cost=COSTS, data=st.data())
def test_zero_on_equal_samples_whatever_their_order(x, cost, data):
    mixed = data.draw(st.permutations(list(x)).map(np.array))
    assert float(emd(x, mixed, cost=cost)) <= 1e-14 * max(np.ptp(x), np.ptp(x) ** 2)


@given(x=SAMPLES, y=SAMPLES, shift=VALUES, cost=COSTS)
def test_symmetric_and_blind_to_order_and_common_shift(x, y, shift, cost):
    value = float(emd(x, y, cost=cost))
    near = pytest.approx(value, abs=1e-9, rel=1e-9)
    assert value >= 0.0
    assert float(emd(y, x, cost=cost)) == near
    assert float(emd(x[::-1].copy(), y, cost=cost)) == near
    assert float(emd(x + shift, y + shift, cost=cost)) == near


@pytest.mark.parametrize("cost", TRANSPORT_COSTS)
def test_gradients_are_those_of_finite_differences(rng, cost):
    x, y = clouds(rng, num_source=6, num_target=5)
    a = np.arange(6.0) / 15.0

    def value(points, others):
        return emd(points, others, cost=cost, source_weights=a)

    for_source, for_target = gradients(value, x, y)
    np.testing.assert_allclose(for_source, finite_differences(lambda p: value(p, y), x), atol=1e-7)
    np.testing.assert_allclose(for_target, finite_differences(lambda p: value(x, p), y), atol=1e-7)
    np.testing.assert_array_equal(for_source[0], np.zeros(3))  # weight 0
    assert np.max(np.abs(for_source)) > 1e-2


@pytest.mark.parametrize("cost", TRANSPORT_COSTS)
def test_gradient_is_zero_where_nothing_moves(rng, cost):
    x, _ = clouds(rng)
    for gradient in gradients(lambda p, q: emd(p, q, cost=cost), x, x):
        np.testing.assert_array_equal(gradient, np.zeros_like(x))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype_is_kept(rng, dtype):
    x, y = clouds(rng, num_target=40)
    result = optimal_transport(x.astype(dtype), y.astype(dtype))
    assert {part.dtype for part in result} == {tf.as_dtype(dtype)}
    assert float(result.value) == pytest.approx(float(emd(x, y)), rel=1e-6)


FAR = {
    "one far row on both sides": lambda x, y, v: (
        np.vstack([x, [[v, v]]]),
        np.vstack([y, [[v, v]]]),
    ),
    "half of the rows far": lambda x, y, v: (
        np.vstack([x, x[::-1] + v]),
        np.vstack([y, y - [v, 0]]),
    ),
    "two equal halves far apart": lambda x, y, v: (
        np.vstack([x, 1.1 * x + v]),
        np.vstack([y, y[::-1] + v]),
    ),
}


@pytest.mark.parametrize("distance", [1e3, 1e7, 1e9])
@pytest.mark.parametrize("cost", TRANSPORT_COSTS)
@pytest.mark.parametrize("where", FAR)
def test_far_rows_decide_only_what_is_theirs(rng, where, cost, distance):
    """SciPy's assignment as oracle; its costs are taken by differences, and so are exact."""
    x, y = FAR[where](*clouds(rng, size=2), distance)
    costs = cdist(x, y, METRICS[cost])
    rows, columns = linear_sum_assignment(costs)
    wanted = pytest.approx(costs[rows, columns].mean(), rel=1e-8)
    result = optimal_transport(x, y, cost=cost)
    assert float(result.value) == wanted
    dual = np.mean(result.source_potential) + np.mean(result.target_potential)
    assert dual == wanted
    slack = costs - result.source_potential.numpy()[:, None] - result.target_potential.numpy()
    assert slack.min() >= -1e-8 * costs[rows, columns].mean()


def test_far_rows_of_weight_zero_decide_nothing(rng):
    x, y = clouds(rng, size=2)
    far, weights = np.vstack([x, [[1e8, 1e8]]]), np.r_[np.ones(25), 0.0]
    for cost in TRANSPORT_COSTS:
        found = emd(far, y, cost=cost, source_weights=weights)
        assert float(found) == pytest.approx(float(emd(x, y, cost=cost)), rel=1e-12)
        result = optimal_transport(far, y, cost=cost, source_weights=weights)
        assert result.plan.shape == [26, 25]
        np.testing.assert_array_equal(result.plan[-1], 0.0)
        costs = cdist(far[-1:], y, METRICS[cost])[0]
        reach = np.min(costs - result.target_potential.numpy())
        assert float(result.source_potential[-1]) == pytest.approx(reach, rel=1e-12)


def test_a_plan_without_a_proof_is_an_error(rng, monkeypatch):
    """A solver whose plan is not optimal: each row goes to the row of its own number."""

    def identity(a, b, costs):
        rows = np.arange(len(a))
        return _network_simplex._Plan(rows, rows, a), np.zeros(len(a))

    monkeypatch.setattr(_network_simplex, "_simplex", identity)
    with pytest.raises(RuntimeError, match="of 25 onto 25 rows found no plan that is proven") as e:
        emd(*clouds(rng))
    assert "\n" not in str(e.value)


def test_float32_weights_that_miss_one_are_feasible(rng):
    x, y = (points.astype(np.float32) for points in clouds(rng, num_target=40))
    a = rng.dirichlet(np.ones(25)).astype(np.float32) * np.float32(1.0 + 5e-5)
    assert abs(float(np.sum(a, dtype=np.float64)) - 1.0) > 1e-6
    expected = ot.emd2(
        a.astype(np.float64) / a.sum(dtype=np.float64), np.ones(40) / 40, cdist(x, y)
    )
    assert float(emd(x, y, source_weights=a)) == pytest.approx(expected, rel=1e-6)


def test_trains_inside_a_tf_function(rng):
    x, y = clouds(rng, num_target=40)
    points = tf.Variable(x)

    @tf.function(autograph=False, input_signature=[tf.TensorSpec([None, 3], tf.float64)])
    def step(target):
        with tf.GradientTape() as tape:
            value = emd(points, target, cost="squared_euclidean")
        points.assign_sub(5.0 * tape.gradient(value, points))
        return value

    values = [float(step(y)) for _ in range(15)]
    assert values[0] == pytest.approx(float(emd(x, y, cost="squared_euclidean")))
    assert values[-1] < 0.5 * values[0]
    assert step.experimental_get_tracing_count() == 1


def test_plan_inside_a_tf_function_is_that_outside(rng):
    x, y = clouds(rng, num_target=40)
    inside = tf.function(optimal_transport, autograph=False)(tf.constant(x), tf.constant(y))
    for ours, expected in zip(inside, optimal_transport(x, y), strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-15)


def test_bad_values_inside_a_tf_function_are_named(rng):
    x, y = clouds(rng)
    compiled = tf.function(lambda p, a: emd(p, y, source_weights=a), autograph=False)
    x, weights = tf.constant(x), tf.fill([25], tf.constant(0.04, tf.float64))
    with pytest.raises(tf.errors.InvalidArgumentError, match="`source` must be finite"):
        compiled(x * np.nan, weights)
    with pytest.raises(tf.errors.InvalidArgumentError, match="`source_weights` must be finite"):
        compiled(x, tf.tensor_scatter_nd_update(weights, [[0]], [np.float64(-0.5)]))


def test_xla_refuses(rng):
    x, y = clouds(rng)
    compiled = tf.function(lambda p: emd(p, y), autograph=False, jit_compile=True)
    with pytest.raises(tf.errors.InvalidArgumentError, match="PyFunc"):
        compiled(tf.constant(x))


def test_one_trace_for_a_signature(rng):
    def traces():
        return exact._planned_cost.traced.experimental_get_tracing_count()

    x, y = clouds(rng, num_source=11, num_target=13)
    emd(x, y)
    before = traces()
    for weights in (None, rng.dirichlet(np.ones(11))):  # plans of other sizes
        emd(x + 1.0, y, source_weights=weights)
    assert traces() == before
    for rows in range(2, 9):
        emd(x[:rows], y)
    assert traces() <= before + 1


def test_a_solver_that_stops_early_is_an_error(rng, monkeypatch):
    monkeypatch.setattr(_network_simplex, "_MAX_ITERATIONS", 3)
    with pytest.raises(RuntimeError, match="exact transport of 25 onto 25 rows failed within 3"):
        emd(*clouds(rng))


@pytest.mark.parametrize("function", [emd, optimal_transport])
@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        ("`target` must have shape .M, 3. to match `source`", {"target": np.ones([2, 2])}),
        ("`source` must be finite; got 1 non-finite value", {"source": [[np.nan, 0.0, 0.0]]}),
        ("`source_weights` must not all be 0; got 2", {"source_weights": [0.0, 0.0]}),
        ("`target_weights` must be finite and at least 0", {"target_weights": [-1.0, 2.0]}),
        ("`cost` must be one of 'cityblock', 'euclid.*did you mean", {"cost": "euclid"}),
    ],
)
def test_bad_arguments_are_named(function, message, arguments):
    valid = {"source": np.zeros([2, 3]), "target": np.ones([2, 3])}
    with pytest.raises(ValueError, match=message):
        function(**(valid | arguments))
