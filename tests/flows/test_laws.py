"""The laws every flow keeps, over the table in `tests/cases.py`."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tests.cases import FLOWS, perturb

DTYPES = {"float32": tf.float32, "float64": tf.float64}


@pytest.fixture(params=FLOWS, ids=list(FLOWS))
def build(request):
    return FLOWS[request.param]


@pytest.fixture
def flow(build):
    return perturb(build(tf.float64))


@pytest.fixture
def x(flow, rng):
    return tf.constant(rng.normal(size=(6, *flow.event_shape)))


def test_starts_at_the_identity(build, rng):
    flow = build(tf.float64)
    x = tf.constant(rng.normal(size=(6, *flow.event_shape)))
    y, log_det = flow.forward_and_log_det(x)
    np.testing.assert_allclose(y, x, atol=1e-14)
    np.testing.assert_allclose(log_det, np.zeros(6), atol=1e-14)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-10)])
def test_round_trip_in_the_tails(build, rng, dtype, tolerance):
    flow = perturb(build(DTYPES[dtype]))
    x = np.clip(rng.normal(size=(500, *flow.event_shape)) * 1.5, -3, 3)
    x[0], x[1] = 3.0, -3.0
    x = tf.constant(x, DTYPES[dtype])
    y, forward = flow.forward_and_log_det(x)
    back, inverse = flow.inverse_and_log_det(tf.identity(y))
    np.testing.assert_allclose(back, x, atol=tolerance)
    np.testing.assert_allclose(forward, -inverse.numpy(), atol=10 * tolerance)


def _log_dets(flow, method, x):
    """What a method says its log-det is, and what its Jacobian, output by output, says."""
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y, log_det = method(x)
        outputs = tf.unstack(tf.reshape(y, [-1, flow.event_size]), axis=1)
    slopes = [tf.reshape(tape.gradient(each, x), [-1, flow.event_size]) for each in outputs]
    return log_det, tf.linalg.slogdet(tf.stack(slopes, axis=1))[1]


def test_log_det_is_that_of_the_jacobian(flow, x):
    told, found = _log_dets(flow, flow.forward_and_log_det, x)
    np.testing.assert_allclose(told, found, atol=1e-6)
    assert np.max(np.abs(told)) > 1e-3


def test_inverse_log_det_is_that_of_the_inverse_jacobian(flow, x):
    told, found = _log_dets(flow, flow.inverse_and_log_det, x)
    np.testing.assert_allclose(told, found, atol=1e-6)


def test_batch_equals_loop(flow, x):
    y, log_det = flow.forward_and_log_det(x)
    rows = [flow.forward_and_log_det(row) for row in x]
    np.testing.assert_allclose(y, np.stack([row for row, _ in rows]), atol=1e-12)
    np.testing.assert_allclose(log_det, np.stack([change for _, change in rows]), atol=1e-12)


def test_any_batch_shape(flow, x):
    y, log_det = flow.forward_and_log_det(x)
    shape = [2, 3, *flow.event_shape]
    stacked, stacked_log_det = flow.forward_and_log_det(tf.reshape(x, shape))
    np.testing.assert_allclose(stacked, tf.reshape(y, shape), atol=1e-14)
    np.testing.assert_allclose(stacked_log_det, tf.reshape(log_det, [2, 3]), atol=1e-14)


@pytest.mark.parametrize("direction", ["forward_and_log_det", "inverse_and_log_det"])
def test_gradient_reaches_every_variable(flow, x, direction):
    with tf.GradientTape() as tape:
        y, log_det = getattr(flow, direction)(x)
        loss = tf.reduce_sum(y**2) + tf.reduce_sum(log_det)
    assert flow.trainable_variables
    for gradient, variable in zip(
        tape.gradient(loss, flow.trainable_variables), flow.trainable_variables, strict=True
    ):
        assert gradient is not None, variable.name
        assert np.any(np.asarray(gradient) != 0.0), variable.name


@pytest.mark.parametrize("compile_with_xla", [False, True])
def test_graph_equals_eager(flow, x, compile_with_xla):
    graph = tf.function(flow.forward_and_log_det, jit_compile=compile_with_xla, autograph=False)
    for found, wanted in zip(graph(x), flow.forward_and_log_det(x), strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
def test_dtype_is_kept(build, dtype):
    flow = build(DTYPES[dtype])
    y, log_det = flow.forward_and_log_det(tf.ones([2, *flow.event_shape], DTYPES[dtype]))
    assert (y.dtype, log_det.dtype) == (DTYPES[dtype], DTYPES[dtype])
    assert all(variable.dtype == DTYPES[dtype] for variable in flow.trainable_variables)


def test_is_a_tfp_bijector(flow, x):
    y, log_det = flow.forward_and_log_det(x)
    np.testing.assert_allclose(flow.forward(x), y, atol=1e-14)
    np.testing.assert_allclose(flow.forward_log_det_jacobian(x), log_det, atol=1e-14)
    np.testing.assert_allclose(flow.inverse(tf.identity(y)), x, atol=1e-10)
    np.testing.assert_allclose(flow.inverse_log_det_jacobian(y), -log_det.numpy(), atol=1e-10)
    zeros = tf.zeros(flow.event_shape, tf.float64)
    base = tfd.Independent(tfd.Normal(zeros, tf.ones_like(zeros)), len(flow.event_shape))
    log_prob = tfd.TransformedDistribution(base, flow).log_prob(y)
    np.testing.assert_allclose(log_prob, base.log_prob(x) - log_det, atol=1e-9)


def test_eager_calls_see_new_weights(flow, x):
    before = flow.forward(x)
    perturb(flow, seed=1)
    assert np.max(np.abs(flow.forward(x) - before)) > 1e-3


def test_checkpoint_round_trip(build, rng, tmp_path):
    flow, other = perturb(build(tf.float64)), build(tf.float64)
    path = tf.train.Checkpoint(flow=flow).write(str(tmp_path / "flow"))
    tf.train.Checkpoint(flow=other).read(path).assert_existing_objects_matched()
    x = tf.constant(rng.normal(size=(4, *flow.event_shape)))
    np.testing.assert_array_equal(other.forward(x), flow.forward(x))


def test_saved_model_round_trip(flow, x, tmp_path):
    module = tf.Module()
    module.flow = flow
    module.forward = tf.function(
        flow.forward_and_log_det,
        input_signature=[tf.TensorSpec([None, *flow.event_shape], tf.float64)],
        autograph=False,
    )
    tf.saved_model.save(module, str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    for found, wanted in zip(loaded.forward(x), flow.forward_and_log_det(x), strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-14)


def test_wrong_width_is_one_line(flow):
    event = ", ".join(map(str, flow.event_shape))
    with pytest.raises(ValueError, match=rf"`x` must have shape \[..., {event}\]; got \[2, 9\]"):
        flow.forward_and_log_det(tf.zeros([2, 9], tf.float64))
    with pytest.raises(ValueError, match=rf"`x` must have shape \[..., {event}\]; got \[\]"):
        flow.forward_and_log_det(tf.constant(1.0, tf.float64))


def test_flattened_is_the_same_flow_on_rows(flow, x):
    rows = flow.flattened()
    assert rows.event_shape == (flow.event_size,)
    assert {v.ref() for v in rows.variables} == {v.ref() for v in flow.variables}
    y, log_det = rows.forward_and_log_det(tf.reshape(x, [6, flow.event_size]))
    wanted, wanted_log_det = flow.forward_and_log_det(x)
    np.testing.assert_allclose(y, tf.reshape(wanted, y.shape), atol=1e-14)
    np.testing.assert_allclose(log_det, wanted_log_det, atol=1e-14)
