"""Linear flows in closed form: moments, SciPy and POT as oracles, the laws of a flow."""

from __future__ import annotations

import numpy as np
import ot
import pytest
import scipy.linalg
import tensorflow as tf

from lrmf_tfp.flows.linear import (
    FixedAffineLayer,
    coral_flow,
    gaussian_ot_flow,
    mean_variance_flow,
)

BUILDERS = {
    "coral": coral_flow,
    "gaussian_ot": gaussian_ot_flow,
    "mean_variance": mean_variance_flow,
}
COVARIANCE_BUILDERS = {name: BUILDERS[name] for name in ("coral", "gaussian_ot")}


@pytest.fixture(params=BUILDERS, ids=list(BUILDERS))
def build(request):
    return BUILDERS[request.param]


@pytest.fixture(params=COVARIANCE_BUILDERS, ids=list(COVARIANCE_BUILDERS))
def build_full(request):
    return COVARIANCE_BUILDERS[request.param]


def clouds(rng, *, num_source=60, num_target=80, size=4):
    source = rng.normal(size=(num_source, size)) @ rng.normal(size=(size, size)) + 3.0
    target = rng.normal(size=(num_target, size)) @ rng.normal(size=(size, size)) - 1.0
    return source, target


def covariance(samples):
    return np.cov(samples, rowvar=False, bias=True)


def matrix_of(flow):
    return flow.layers[0].matrix.numpy()


def test_both_moments_are_those_of_the_target(rng, build_full):
    source, target = clouds(rng)
    moved = build_full(source, target, ridge=0.0, dtype=tf.float64).forward(source).numpy()
    np.testing.assert_allclose(moved.mean(axis=0), target.mean(axis=0), atol=1e-10)
    np.testing.assert_allclose(covariance(moved), covariance(target), atol=1e-10)


def test_mean_and_variance_are_those_of_the_target(rng):
    source, target = clouds(rng)
    flow = mean_variance_flow(source, target, dtype=tf.float64)
    moved = flow.forward(source).numpy()
    np.testing.assert_allclose(moved.mean(axis=0), target.mean(axis=0), atol=1e-10)
    np.testing.assert_allclose(moved.std(axis=0), target.std(axis=0), atol=1e-10)
    np.testing.assert_array_equal(matrix_of(flow), np.diag(np.diag(matrix_of(flow))))


def test_coral_is_whitening_and_colouring_by_scipy_roots(rng):
    source, target = clouds(rng)
    whiten = np.linalg.inv(scipy.linalg.sqrtm(covariance(source)))
    colour = scipy.linalg.sqrtm(covariance(target))
    expected = (source - source.mean(axis=0)) @ whiten @ colour + target.mean(axis=0)
    found = coral_flow(source, target, ridge=0.0, dtype=tf.float64).forward(source)
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_gaussian_transport_equals_pot(rng):
    source, target = clouds(rng)
    matrix, shift = ot.gaussian.empirical_bures_wasserstein_mapping(source, target, reg=0.0)
    flow = gaussian_ot_flow(source, target, ridge=0.0, dtype=tf.float64)
    np.testing.assert_allclose(matrix_of(flow), matrix.T, atol=1e-9)
    np.testing.assert_allclose(flow.layers[0].shift, shift.ravel(), atol=1e-9)


def test_gaussian_transport_is_symmetric_positive_and_the_shortest(rng):
    source, target = clouds(rng)
    flow = gaussian_ot_flow(source, target, ridge=0.0, dtype=tf.float64)
    np.testing.assert_array_equal(matrix_of(flow), matrix_of(flow).T)
    assert np.linalg.eigvalsh(matrix_of(flow))[0] > 0.0
    lengths = [
        np.mean(np.sum(np.square(found.forward(source).numpy() - source), axis=1))
        for found in (flow, coral_flow(source, target, ridge=0.0, dtype=tf.float64))
    ]
    covariances = covariance(source), covariance(target)
    squared = ot.gaussian.bures_wasserstein_distance(
        source.mean(axis=0), target.mean(axis=0), *covariances
    )
    assert lengths[0] == pytest.approx(squared**2, rel=1e-9)
    assert lengths[0] < lengths[1]


def test_ridge_adds_to_both_covariances_in_their_own_unit(rng, build_full):
    source, target = clouds(rng)
    flow = build_full(source, target, ridge=0.1, dtype=tf.float64)
    regular = [c + 0.1 * np.trace(c) / 4 * np.eye(4) for c in map(covariance, (source, target))]
    found = matrix_of(flow) @ regular[0] @ matrix_of(flow).T
    np.testing.assert_allclose(found, regular[1], atol=1e-10)


def test_fewer_rows_than_axes_need_a_ridge(rng, build_full):
    source, target = clouds(rng, num_source=5, size=8)
    flow = build_full(source, target, dtype=tf.float64)
    moved = flow.forward(source)
    np.testing.assert_allclose(flow.inverse(tf.identity(moved)), source, atol=1e-8)
    with pytest.raises(ValueError, match="`source` must have a positive definite covariance"):
        build_full(source, target, ridge=0.0)
    with pytest.raises(ValueError, match="`target` must have .*`ridge` be larger"):
        build_full(target, source, ridge=0.0)


def test_on_one_axis_all_three_are_the_same(rng, build):
    source, target = clouds(rng, size=1)
    flow = build(source, target, dtype=tf.float64)
    ratio = target.std() / source.std()
    np.testing.assert_allclose(matrix_of(flow), [[ratio]], rtol=1e-12)
    expected = (source - source.mean()) * ratio + target.mean()
    np.testing.assert_allclose(flow.forward(source), expected, atol=1e-10)


@pytest.mark.parametrize(("dtype", "tolerance"), [(tf.float32, 1e-4), (tf.float64, 1e-11)])
def test_round_trip_and_dtype(rng, build, dtype, tolerance):
    source, target = clouds(rng)
    flow = build(source, target, dtype=dtype)
    x = tf.constant(source, dtype)
    y, forward = flow.forward_and_log_det(x)
    back, inverse = flow.inverse_and_log_det(tf.identity(y))
    assert {y.dtype, forward.dtype, back.dtype, inverse.dtype} == {dtype}
    np.testing.assert_allclose(back, x, atol=tolerance)
    np.testing.assert_array_equal(forward, -inverse.numpy())
    assert flow.trainable_variables == ()
    assert forward.shape == [60]


def test_log_det_is_that_of_the_jacobian(rng, build):
    source, target = clouds(rng)
    flow = build(source, target, dtype=tf.float64)
    x = tf.constant(source[:3])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y, log_det = flow.forward_and_log_det(x)
    jacobian = tape.batch_jacobian(y, x)
    np.testing.assert_allclose(log_det, tf.linalg.slogdet(jacobian)[1], atol=1e-10)
    assert np.max(np.abs(log_det)) > 1e-3


def test_float32_is_accurate_far_from_the_origin(rng, build):
    source, target = (points + 1e5 for points in clouds(rng))
    source, target = source.astype(np.float32), target.astype(np.float32)
    found = build(source, target).forward(source)
    expected = build(source, target, dtype=tf.float64).forward(source.astype(np.float64))
    np.testing.assert_allclose(found, expected, atol=0.02)  # float32 steps by 0.008 there


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_between_equals_composing_by_hand(rng, build, offset):
    source, target = (points + offset for points in clouds(rng))
    flow = build(source, target, dtype=tf.float64)
    moments = {
        "source_loc": source.mean(axis=0) + 0.3,
        "source_scale": rng.uniform(0.5, 2.0, size=4),
        "target_loc": target.mean(axis=0) - 0.2,
        "target_scale": rng.uniform(0.5, 2.0, size=4),
    }
    u = rng.normal(size=(5, 4))
    x = u * moments["source_scale"] + moments["source_loc"]
    y, log_det = flow.forward_and_log_det(x)
    expected = (y.numpy() - moments["target_loc"]) / moments["target_scale"]
    between = flow.layers[0].between(**moments).as_flow()
    found, change = between.forward_and_log_det(u)
    np.testing.assert_allclose(found, expected, atol=1e-11 if offset == 0.0 else 1e-8)
    scales = np.log(moments["source_scale"]) - np.log(moments["target_scale"])
    np.testing.assert_allclose(change, log_det.numpy() + scales.sum(), atol=1e-11)
    assert np.max(np.abs(found)) < 100.0  # nothing of the offset is left


def test_shift_is_where_the_origin_goes():
    layer = FixedAffineLayer([[2.0, 1.0], [0.0, 1.0]], [1.0, 2.0], [5.0, 7.0], dtype=tf.float64)
    np.testing.assert_array_equal(layer.shift, [1.0, 5.0])
    at_origin = layer.as_flow().forward(tf.zeros([1, 2], tf.float64))
    np.testing.assert_array_equal(at_origin, [[1.0, 5.0]])


def test_exports_and_loads(rng, build, tmp_path):
    source, target = clouds(rng)

    class Exported(tf.Module):
        def __init__(self):
            super().__init__()
            self.flow = build(source, target)

        @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32)])
        def forward(self, x):
            return self.flow.forward_and_log_det(x)

    module = Exported()
    tf.saved_model.save(module, str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    x = tf.constant(source, tf.float32)
    for ours, expected in zip(loaded.forward(x), module.forward(x), strict=True):
        np.testing.assert_array_equal(ours, expected)


def test_constant_columns_are_named(rng, build):
    source, target = clouds(rng)
    flat = source.copy()
    flat[:, 2] = 5.0
    bare = {} if build is mean_variance_flow else {"ridge": 0.0}
    rule = "vary in every column" if build is mean_variance_flow else "have a positive definite"
    with pytest.raises(ValueError, match=f"`source` must {rule}"):
        build(flat, target, **bare)
    with pytest.raises(ValueError, match=f"`target` must {rule}"):
        build(source, flat, **bare)


def test_bad_arguments_are_named(rng, build):
    source, target = clouds(rng)
    with pytest.raises(ValueError, match=r"`target` must have shape \[M, 4\] to match `source`"):
        build(source, target[:, :3])
    with pytest.raises(ValueError, match="`source` must be finite"):
        build(source * np.nan, target)
    with pytest.raises(ValueError, match="`target` must have at least 2 rows; got 1"):
        build(source, target[:1])


@pytest.mark.parametrize(
    ("ridge", "error", "match"),
    [
        (-1.0, ValueError, "`ridge` must be finite and at least 0; got -1.0"),
        (float("nan"), ValueError, "`ridge` must be finite and at least 0; got nan"),
        ("much", TypeError, "`ridge` must be a number; got 'much'"),
    ],
)
def test_bad_ridge_is_named(rng, build_full, ridge, error, match):
    with pytest.raises(error, match=match):
        build_full(*clouds(rng), ridge=ridge)
