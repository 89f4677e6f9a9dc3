"""Neural splines: TFP's spline as oracle, tails, one dimension and bad input."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import bijectors as tfb

from lrmf_tfp.densities import flow_density
from lrmf_tfp.flows import SplineCoupling, spline_flow
from lrmf_tfp.networks import MLP, Constants
from lrmf_tfp.objectives import MaximumLikelihoodObjective
from lrmf_tfp.training import Adam, FitConfig, fit
from tests.cases import perturb

BINS, BOUND = 5, 3.0


@pytest.fixture
def coupling():
    network = MLP(1, 2 * (3 * BINS - 1), hidden_units=(), dtype=tf.float64)
    return SplineCoupling(
        3, swap=False, network=network, max_input=3.0, num_bins=BINS, bound=BOUND
    )


def tfp_spline(raw):
    """The same splines by TFP, from raw parameters `[B, d, 3 K - 1]`."""

    def lengths(part):
        shares = 1e-3 + (1.0 - 1e-3 * BINS) * tf.nn.softmax(part)
        return 2.0 * BOUND * shares

    slopes = 1e-3 + tf.nn.softplus(raw[..., 2 * BINS :] + np.log(np.expm1(1.0 - 1e-3)))
    return tfb.RationalQuadraticSpline(
        bin_widths=lengths(raw[..., :BINS]),
        bin_heights=lengths(raw[..., BINS : 2 * BINS]),
        knot_slopes=slopes,
        range_min=-BOUND,
    )


def test_value_inverse_and_log_det_are_those_of_tfp(rng, coupling):
    raw = rng.normal(size=(400, 2 * (3 * BINS - 1)))
    b = tf.constant(rng.normal(size=(400, 2)) * 2.0)
    spline = tfp_spline(tf.reshape(raw, [400, 2, -1]))
    moved, log_det = coupling.move(b, tf.constant(raw))
    np.testing.assert_allclose(moved, spline.forward(b), atol=1e-12)
    wanted = spline.forward_log_det_jacobian(b, event_ndims=1)
    np.testing.assert_allclose(log_det, wanted, atol=1e-10)
    back, back_log_det = coupling.move_back(moved, tf.constant(raw))
    np.testing.assert_allclose(back, b, atol=1e-10)
    np.testing.assert_allclose(back_log_det, -log_det.numpy(), atol=1e-8)


def test_outside_the_bound_nothing_moves(rng, coupling):
    raw = tf.constant(rng.normal(size=(4, 2 * (3 * BINS - 1))))
    b = tf.constant([[3.0, -3.0], [3.001, -7.0], [1e6, -1e6], [0.1, 0.2]], tf.float64)
    for move in (coupling.move, coupling.move_back):
        moved, log_det = move(b, raw)
        np.testing.assert_allclose(moved[:3], b[:3], atol=1e-12)
        np.testing.assert_allclose(log_det[1:3], 0.0)
        assert abs(float(log_det[3])) > 1e-3


def test_gradients_are_finite_at_knots_and_outside(coupling):
    raw = tf.zeros([3, 2 * (3 * BINS - 1)], tf.float64)
    b = tf.constant([[-3.0, 3.0], [0.6, -0.6], [100.0, -1e30]], tf.float64)
    for move in (coupling.move, coupling.move_back):
        with tf.GradientTape() as tape:
            tape.watch([b, raw])
            moved, log_det = move(b, raw)
            total = tf.reduce_sum(moved) + tf.reduce_sum(log_det)
        assert all(np.all(np.isfinite(slope)) for slope in tape.gradient(total, [b, raw]))


def test_extreme_parameters_stay_invertible(rng):
    flow = perturb(spline_flow(2, num_layers=2, hidden_units=(8,), dtype=tf.float64), scale=3.0)
    x = tf.constant(rng.uniform(-4.0, 4.0, size=(500, 2)))
    y, log_det = flow.forward_and_log_det(x)
    assert np.all(np.isfinite(log_det))
    np.testing.assert_allclose(flow.inverse(tf.identity(y)), x, atol=1e-6)


def test_one_dimension_bends_into_two_modes(rng):
    x = (rng.choice([-1.5, 1.5], size=2000) + 0.3 * rng.normal(size=2000)).astype(np.float32)
    density = flow_density(spline_flow(1, num_layers=1, num_bins=16))
    assert isinstance(density.bijector.layers[-1].network, Constants)
    config = FitConfig(num_steps=600, batch_size=500, optimizer=Adam(2e-2), jit_compile=False)
    fit(MaximumLikelihoodObjective(density), (x[:, None],), config)
    mixture = -0.5 * np.array([[m - v for v in x] for m in (-1.5, 1.5)]) ** 2 / 0.09
    exact = np.logaddexp(*mixture).mean() - np.log(2 * 0.3 * np.sqrt(2 * np.pi))
    assert float(tf.reduce_mean(density.log_prob(x[:, None]))) == pytest.approx(exact, abs=0.05)


@pytest.mark.parametrize(
    ("kwargs", "match"),
    [
        ({"num_bins": 1}, "`num_bins` must lie between 2 and 500; got 1"),
        ({"num_bins": 501}, "`num_bins` must lie between 2 and 500; got 501"),
        ({"bound": 0.0}, "`bound` must be finite and above 0; got 0"),
        ({"num_layers": 0}, "`num_layers` must be at least 1; got 0"),
        ({"hidden_units": (8, 0)}, "`hidden_units` must be at least 1; got 0"),
        ({"mixing": "swap"}, "`mixing`.*'swap'"),
        ({"activation": "rule"}, "`activation` must be one of .*'relu'.* got 'rule'"),
    ],
)
def test_bad_arguments_are_named(kwargs, match):
    with pytest.raises(ValueError, match=match):
        spline_flow(2, **kwargs)
