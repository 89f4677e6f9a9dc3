"""Conditional flows: one bijector a condition, labels or covariates, fitted to pairs."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

import lrmf_tfp as lt
from lrmf_tfp.flows import AffineLayer, glow_flow, real_nvp_flow, spline_flow
from lrmf_tfp.samples.streams import as_source
from tests.cases import perturb

BUILDERS = {"real_nvp": real_nvp_flow, "spline": spline_flow}


@pytest.fixture(params=BUILDERS)
def flow(request):
    build = BUILDERS[request.param]
    return perturb(
        build(2, num_layers=2, hidden_units=(8,), condition_size=3, dtype=tf.float64), scale=0.3
    )


@pytest.fixture
def x(rng):
    return tf.constant(rng.normal(size=(6, 2)))


@pytest.fixture
def covariates(rng):
    return tf.constant(rng.normal(size=(6, 3)))


def test_every_method_takes_the_condition(flow, x, covariates):
    bound = flow.given(covariates)
    y, log_det = bound.forward_and_log_det(x)
    found = flow.forward_and_log_det(x, condition=covariates)
    np.testing.assert_array_equal(found[0], y)
    np.testing.assert_array_equal(found[1], log_det)
    np.testing.assert_array_equal(flow.forward(x, condition=covariates), y)
    np.testing.assert_allclose(flow.inverse(y, condition=covariates), x, atol=1e-12)
    back, inverse_log_det = flow.inverse_and_log_det(y, condition=covariates)
    np.testing.assert_allclose(back, x, atol=1e-12)
    np.testing.assert_allclose(inverse_log_det, -log_det.numpy(), atol=1e-12)
    given = {"condition": covariates}
    np.testing.assert_allclose(flow.forward_log_det_jacobian(x, **given), log_det, atol=1e-14)
    found = flow.inverse_log_det_jacobian(y, **given)
    np.testing.assert_allclose(found, -log_det.numpy(), atol=1e-12)


def test_the_condition_decides(flow, x):
    images = [flow.forward(x, condition=label) for label in range(3)]
    assert np.abs(images[0] - images[1]).max() > 1e-3
    assert np.abs(images[1] - images[2]).max() > 1e-3


def test_labels_are_one_hot_covariates(flow, x):
    labels = np.array([0, 1, 2, 2, 1, 0])
    by_label = flow.forward(x, condition=labels)
    np.testing.assert_array_equal(by_label, flow.forward(x, condition=np.eye(3)[labels]))
    rows = [flow.forward(row, condition=label) for row, label in zip(x, labels, strict=True)]
    np.testing.assert_allclose(by_label, rows, atol=1e-14)


def test_one_condition_serves_all_rows_and_any_batch_shape(flow, x, covariates):
    one = flow.forward(x, condition=covariates[0])
    repeated = flow.forward(x, condition=tf.tile(covariates[:1], [6, 1]))
    np.testing.assert_array_equal(one, repeated)
    stacked = flow.forward(tf.reshape(x, [2, 3, 2]), condition=tf.reshape(covariates, [2, 3, 3]))
    flat = flow.forward(x, condition=covariates)
    np.testing.assert_allclose(tf.reshape(stacked, [6, 2]), flat, atol=1e-14)


def test_works_inside_tfp(flow, x, covariates):
    base = tfd.MultivariateNormalDiag(tf.zeros(2, tf.float64))
    wanted = lt.densities.flow_density(flow, base=base).log_prob(x, condition=covariates)
    bound = flow.given(covariates)
    found = tfd.TransformedDistribution(base, bound).log_prob(x)
    np.testing.assert_allclose(found, wanted, atol=1e-12)
    passed_on = tfd.TransformedDistribution(base, flow).log_prob(
        x, bijector_kwargs={"condition": covariates}
    )
    np.testing.assert_allclose(passed_on, wanted, atol=1e-12)
    chain = tfb.Chain([tfb.Shift(tf.constant([1.0, 2.0], tf.float64)), bound])
    np.testing.assert_allclose(chain.forward(x), bound.forward(x) + [1.0, 2.0], atol=1e-14)


def test_a_further_layer_keeps_the_condition(flow, x):
    longer = flow.followed_by(AffineLayer(2, kind="diagonal", dtype=tf.float64))
    np.testing.assert_array_equal(
        longer.forward(x, condition=1), flow.forward(x, condition=1).numpy()
    )


def test_glow_takes_conditions_and_starts_from_images(rng):
    flow = glow_flow(
        [4, 4, 1], num_levels=2, steps_per_level=1, hidden_units=(4,), condition_size=3
    )
    images = (5.0 + 2.0 * rng.normal(size=(40, 4, 4, 1))).astype(np.float32)
    labels = rng.integers(0, 3, size=40)
    started = flow.initialize(images, inverse=True, condition=labels).numpy()
    assert started.mean() == pytest.approx(0.0, abs=1e-3)
    assert started.std() == pytest.approx(1.0, abs=0.1)
    perturb(flow, scale=0.3)
    by_label = flow.forward(images, condition=labels)
    one = flow.forward(images[:1], condition=labels[0])
    np.testing.assert_allclose(by_label[:1], one, atol=1e-5)
    other = flow.forward(images[:1], condition=(labels[0] + 1) % 3)
    assert np.abs(other - one).max() > 1e-3
    rows = flow.flattened().forward(images.reshape(40, 16), condition=labels)
    np.testing.assert_allclose(rows, np.reshape(by_label, [40, 16]), atol=1e-5)


def test_fitted_density_is_that_of_each_label(rng):
    """Two Gaussians by label; the best possible loss is their entropy."""
    labels = rng.integers(0, 2, size=4000)
    loc, scale = np.array([[-2.0, 0.0], [1.0, 3.0]]), np.array([0.5, 1.5])
    x = (loc[labels] + scale[labels, None] * rng.normal(size=(4000, 2))).astype(np.float32)
    flow = real_nvp_flow(2, num_layers=4, hidden_units=(16,), condition_size=2)
    density = lt.densities.flow_density(flow)
    objective = lt.objectives.MaximumLikelihoodObjective(density)
    config = lt.FitConfig(num_steps=600, optimizer=lt.training.Adam(1e-2))
    lt.fit(objective, ((x[:3000], labels[:3000]),), config)
    held_out = objective((x[3000:], labels[3000:])).loss
    entropy = np.log(2 * np.pi * np.e) + 2 * np.mean(np.log(scale[labels[3000:]]))
    assert float(held_out) == pytest.approx(entropy, abs=0.08)
    drawn = density.sample(2000, seed=[0, 1], condition=1).numpy()
    np.testing.assert_allclose(drawn.mean(axis=0), loc[1], atol=0.2)
    np.testing.assert_allclose(drawn.std(axis=0), scale[1], atol=0.2)


def test_samples_and_conditions_are_drawn_together(rng):
    x = rng.normal(size=(50, 2)).astype(np.float32)
    source = as_source(((x, x[:, 0] > 0.0),), batch_size=8, seed=0)
    ((samples, _, condition),) = source.batches(0, 4)
    assert samples.shape == (4, 8, 2)
    np.testing.assert_array_equal(condition, samples[..., 0] > 0.0)


@pytest.mark.parametrize(
    ("condition", "match"),
    [
        (None, r"`condition` must be a label below 3 or covariates \[\.\.\., 3\]; got None"),
        (3, "`condition` must be labels from 0 to 2; got 3"),
        ([-1, 0, 0, 0, 0, 0], "`condition` must be labels from 0 to 2; got -1"),
        (np.zeros((6, 2)), r"`condition` must have shape \[\.\.\., 3\]; got \[6, 2\]"),
        (0.5, r"`condition` must have shape \[\.\.\., 3\]; got \[\]"),
        (np.zeros((4, 3)), "`condition` must have one row or 6 as `x` has; got 4"),
    ],
)
def test_bad_conditions_are_named(flow, x, condition, match):
    with pytest.raises(ValueError, match=match):
        flow.forward(x, condition=condition)


@pytest.mark.parametrize(
    ("build", "match"),
    [
        (
            lambda: lt.densities.flow_density(real_nvp_flow(2)).given(1),
            "`condition` must be left out for a flow without conditions; got one for real_nvp",
        ),
        (
            lambda: real_nvp_flow(2, condition_size=-1),
            "`condition_size` must be at least 1; got -1",
        ),
        (
            lambda: as_source(((np.zeros((4, 2)), np.zeros(3)),), batch_size=2, seed=0),
            r"`data\[0\]` must be samples and as many conditions; got shapes \[\[4, 2\], \[3\]\]",
        ),
    ],
)
def test_bad_settings_are_named(build, match):
    with pytest.raises(ValueError, match=match):
        build()
