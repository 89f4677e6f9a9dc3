"""The laws every flow keeps, over the table in `tests/cases.py`.

A case is built once a flow and what several laws need of it is computed once: eager passes and
traces are what these tests cost.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tests.cases import FLOWS, perturb

DTYPES = {"float32": tf.float32, "float64": tf.float64}
TOLERANCES = {"float32": 1e-5, "float64": 1e-10}
# A few steps of a solver do not cancel to the last digit on the way back; that many do is in
# `test_ffjord.py`.
FEW_STEPS = {"ffjord": 1e-6, "ffjord_stack": 1e-6}
# Flows with all their layers in common with others of the table. The quick lane asks of them what
# their own settings could break: the start, the way back and the log-determinant. What is the
# doing of the classes that they share, graphs, XLA and SavedModel, meets them in the slow lane.
VARIANTS = {
    "affine_diagonal",
    "affine_1d",
    "ffjord_stack",
    "glow_given",
    "glow_rgb",
    "real_nvp",
    "real_nvp_1d",
    "real_nvp_inverse_lu",
    "real_nvp_odd",
    "real_nvp_relu",
    "spline_1d",
    "spline_given",
    "spline_inverse_lu",
    "spline_odd",
}
VERY_SLOW = {"ffjord_stack"}  # step by step in Python


def cases(slow):
    """The names of all flows, some in the slow lane."""
    return [pytest.param(name, marks=pytest.mark.slow if name in slow else ()) for name in FLOWS]


COSTLY = pytest.mark.parametrize("name", cases(VARIANTS), indirect=True)
COSTLIEST = pytest.mark.parametrize("name", cases(VARIANTS | {"ffjord", "glow"}), indirect=True)


class Pass(NamedTuple):
    """One pass through a flow."""

    value: tf.Tensor
    log_det: tf.Tensor
    jacobian_log_det: np.ndarray
    """What central differences of `value` say that `log_det` is."""
    gradients: list[tf.Tensor | None]
    """Of a loss that has both results in it, in the trainable variables."""


class Case:
    """A flow moved off its start, points, and both passes."""

    def __init__(self, name):
        self.name = name
        self.flow = perturb(FLOWS[name](tf.float64))
        rng = np.random.default_rng(0)
        self.x = tf.constant(rng.normal(size=(6, *self.flow.event_shape)))

    @functools.cached_property
    def forward(self):
        return self._passed(self.flow.forward_and_log_det)

    @functools.cached_property
    def inverse(self):
        return self._passed(self.flow.inverse_and_log_det)

    @functools.cached_property
    def module(self):
        """The flow and its forward pass as a graph for any number of rows."""
        module = tf.Module()
        module.flow = self.flow
        signature = [tf.TensorSpec([None, *self.flow.event_shape], tf.float64)]
        module.forward = tf.function(
            self.flow.forward_and_log_det, input_signature=signature, autograph=False
        )
        return module

    def _passed(self, method):
        with tf.GradientTape() as tape:
            value, log_det = method(self.x)
            loss = tf.reduce_sum(value**2) + tf.reduce_sum(log_det)
        gradients = tape.gradient(loss, self.flow.trainable_variables)
        return Pass(value, log_det, self._log_det_of_differences(method), gradients)

    def _log_det_of_differences(self, method, step=1e-5):
        """All points, moved a little along each axis, in one call."""
        size = self.flow.event_size
        moves = np.reshape(step * np.eye(size), [size, 1, *self.flow.event_shape])
        ends = [
            np.reshape(
                method(np.reshape(self.x + sign * moves, [-1, *self.flow.event_shape]))[0],
                [size, -1, size],
            )
            for sign in (1.0, -1.0)
        ]
        jacobians = np.swapaxes(ends[0] - ends[1], 0, 1) / (2.0 * step)
        return np.linalg.slogdet(jacobians)[1]


@pytest.fixture(scope="module", params=cases(VERY_SLOW))
def name(request):
    return request.param


@pytest.fixture(scope="module")
def case(name):
    return Case(name)


def test_starts_at_the_identity(case):
    y, log_det = FLOWS[case.name](tf.float64).forward_and_log_det(case.x)
    np.testing.assert_allclose(y, case.x, atol=1e-14)
    np.testing.assert_allclose(log_det, np.zeros(6), atol=1e-14)


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        pytest.param(
            name,
            dtype,
            marks=pytest.mark.slow
            if name in VERY_SLOW or (name in VARIANTS and dtype == "float32")
            else (),
        )
        for name in FLOWS
        for dtype in DTYPES
    ],
    indirect=["name"],
)
def test_round_trip_in_the_tails_and_in_the_dtype(case, rng, dtype):
    flow = case.flow if dtype == "float64" else perturb(FLOWS[case.name](DTYPES[dtype]))
    x = np.clip(rng.normal(size=(500, *flow.event_shape)) * 1.5, -3, 3)
    x[0], x[1] = 3.0, -3.0
    x = tf.constant(x, DTYPES[dtype])
    y, forward = flow.forward_and_log_det(x)
    back, inverse = flow.inverse_and_log_det(tf.identity(y))
    tolerance = max(TOLERANCES[dtype], FEW_STEPS.get(case.name, 0.0))
    np.testing.assert_allclose(back, x, atol=tolerance)
    np.testing.assert_allclose(forward, -inverse.numpy(), atol=10 * tolerance)
    assert {part.dtype for part in (y, forward, back, inverse)} == {DTYPES[dtype]}
    assert all(variable.dtype == DTYPES[dtype] for variable in flow.trainable_variables)


def test_log_det_is_that_of_the_jacobian(case):
    np.testing.assert_allclose(case.forward.log_det, case.forward.jacobian_log_det, atol=1e-6)
    assert np.max(np.abs(case.forward.log_det)) > 1e-3


@COSTLY
def test_inverse_log_det_is_that_of_the_inverse_jacobian(case):
    np.testing.assert_allclose(case.inverse.log_det, case.inverse.jacobian_log_det, atol=1e-6)
    assert np.max(np.abs(case.inverse.log_det)) > 1e-3


@COSTLY
def test_a_point_alone_goes_where_it_goes_in_a_batch(case):
    for row in (0, 5):
        y, log_det = case.flow.forward_and_log_det(case.x[row])
        np.testing.assert_allclose(y, case.forward.value[row], atol=1e-12)
        np.testing.assert_allclose(log_det, case.forward.log_det[row], atol=1e-12)


@COSTLY
def test_any_batch_shape(case):
    shape = [2, 3, *case.flow.event_shape]
    y, log_det = case.flow.forward_and_log_det(tf.reshape(case.x, shape))
    np.testing.assert_allclose(y, tf.reshape(case.forward.value, shape), atol=1e-14)
    np.testing.assert_allclose(log_det, tf.reshape(case.forward.log_det, [2, 3]), atol=1e-14)


def test_gradient_reaches_every_variable(case):
    _check_gradients(case.flow.trainable_variables, case.forward.gradients)


@COSTLY
def test_gradient_of_the_inverse_reaches_every_variable(case):
    _check_gradients(case.flow.trainable_variables, case.inverse.gradients)


def _check_gradients(variables, gradients):
    assert variables
    for gradient, variable in zip(gradients, variables, strict=True):
        assert gradient is not None, variable.name
        assert np.any(np.asarray(gradient) != 0.0), variable.name


@COSTLY
def test_graph_equals_eager(case):
    y, log_det = case.module.forward(case.x)
    np.testing.assert_allclose(y, case.forward.value, atol=1e-12)
    np.testing.assert_allclose(log_det, case.forward.log_det, atol=1e-12)


@COSTLIEST
def test_xla_equals_eager(case):
    graph = tf.function(case.flow.forward_and_log_det, jit_compile=True, autograph=False)
    y, log_det = graph(case.x)
    np.testing.assert_allclose(y, case.forward.value, atol=1e-12)
    np.testing.assert_allclose(log_det, case.forward.log_det, atol=1e-12)


@COSTLIEST
def test_saved_model_round_trip(case, tmp_path):
    tf.saved_model.save(case.module, str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))  # its functions do not keep its variables alive
    y, log_det = loaded.forward(case.x)
    np.testing.assert_allclose(y, case.forward.value, atol=1e-14)
    np.testing.assert_allclose(log_det, case.forward.log_det, atol=1e-14)


@COSTLY
def test_is_a_tfp_bijector(case):
    flow, y = case.flow, case.forward.value
    tolerance = max(1e-10, FEW_STEPS.get(case.name, 0.0))
    np.testing.assert_allclose(flow.forward(case.x), y, atol=1e-14)
    log_det = case.forward.log_det.numpy()
    np.testing.assert_allclose(flow.forward_log_det_jacobian(case.x), log_det, atol=1e-14)
    np.testing.assert_allclose(flow.inverse(tf.identity(y)), case.x, atol=tolerance)
    np.testing.assert_allclose(flow.inverse_log_det_jacobian(y), -log_det, atol=tolerance)
    zeros = tf.zeros(flow.event_shape, tf.float64)
    base = tfd.Independent(tfd.Normal(zeros, tf.ones_like(zeros)), len(flow.event_shape))
    log_prob = tfd.TransformedDistribution(base, flow).log_prob(y)
    np.testing.assert_allclose(log_prob, base.log_prob(case.x) - log_det, atol=10 * tolerance)


@COSTLY
def test_eager_calls_see_new_weights(case):
    old = [variable.numpy() for variable in case.flow.trainable_variables]
    perturb(case.flow, seed=1)
    try:
        assert np.max(np.abs(case.flow.forward(case.x) - case.forward.value)) > 1e-3
    finally:  # the case is that of the other tests too
        for variable, value in zip(case.flow.trainable_variables, old, strict=True):
            variable.assign(value)


@COSTLY
def test_checkpoint_round_trip(case, tmp_path):
    other = FLOWS[case.name](tf.float64)
    path = tf.train.Checkpoint(flow=case.flow).write(str(tmp_path / "flow"))
    tf.train.Checkpoint(flow=other).read(path).assert_existing_objects_matched()
    y, log_det = other.forward_and_log_det(case.x)
    np.testing.assert_array_equal(y, case.forward.value)
    np.testing.assert_array_equal(log_det, case.forward.log_det)


def test_wrong_width_is_one_line(case):
    event = ", ".join(map(str, case.flow.event_shape))
    with pytest.raises(ValueError, match=rf"`x` must have shape \[..., {event}\]; got \[2, 9\]"):
        case.flow.forward_and_log_det(tf.zeros([2, 9], tf.float64))
    with pytest.raises(ValueError, match=rf"`x` must have shape \[..., {event}\]; got \[\]"):
        case.flow.forward_and_log_det(tf.constant(1.0, tf.float64))


@COSTLY
def test_flattened_is_the_same_flow_on_rows(case):
    rows, size = case.flow.flattened(), case.flow.event_size
    assert rows.event_shape == (size,)
    assert {v.ref() for v in rows.variables} == {v.ref() for v in case.flow.variables}
    y, log_det = rows.forward_and_log_det(tf.reshape(case.x, [6, size]))
    np.testing.assert_allclose(y, tf.reshape(case.forward.value, [6, size]), atol=1e-14)
    np.testing.assert_allclose(log_det, case.forward.log_det, atol=1e-14)
