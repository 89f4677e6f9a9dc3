"""Densities: normalised, sampled and differentiated as a `tfd.Distribution`."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

from lrmf_tfp.densities import (
    flow_density,
    gaussian_density,
    mixture_density,
    moment_start,
    student_t_base,
)
from lrmf_tfp.flows import AffineLayer, affine_flow, real_nvp_flow
from tests.cases import DENSITIES, perturb


@pytest.fixture(params=DENSITIES, ids=list(DENSITIES))
def density(request):
    return perturb(DENSITIES[request.param](tf.float64), scale=0.2)


def _flow_density():
    return flow_density(real_nvp_flow(2, num_layers=4, hidden_units=(8,), dtype=tf.float64))


def test_shapes_dtype_and_tracking(density):
    assert density.event_shape == (3,)
    assert density.batch_shape == ()
    assert density.sample(5, seed=1).shape == (5, 3)
    assert density.log_prob(tf.zeros([4, 3], tf.float64)).dtype == tf.float64
    holder = tf.Module()
    holder.density = density
    assert len(holder.trainable_variables) == len(density.trainable_variables) > 0


def test_density_integrates_to_one():
    density = perturb(_flow_density(), scale=0.2)
    axis = np.linspace(-20, 20, 800)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    mass = np.exp(density.log_prob(grid)).sum() * (axis[1] - axis[0]) ** 2
    assert abs(mass - 1.0) < 1e-3


def test_gaussian_matches_scipy(rng):
    loc, root = np.array([1.0, -2.0]), np.array([[2.0, 0.0], [0.5, 0.7]])
    density = gaussian_density(2, loc=loc, scale_tril=root, dtype=tf.float64)
    x = rng.normal(size=(7, 2))
    wanted = scipy.stats.multivariate_normal(loc, root @ root.T).logpdf(x)
    np.testing.assert_allclose(density.log_prob(x), wanted, atol=1e-10)


def test_flow_density_of_an_affine_flow_is_gaussian(rng):
    flow = perturb(affine_flow(3, dtype=tf.float64))
    origin = flow.forward(tf.zeros([1, 3], tf.float64)).numpy()
    matrix = (flow.forward(tf.eye(3, dtype=tf.float64)).numpy() - origin).T
    x = rng.normal(size=(5, 3))
    wanted = scipy.stats.multivariate_normal(origin[0], matrix @ matrix.T).logpdf(x)
    np.testing.assert_allclose(flow_density(flow).log_prob(x), wanted, atol=1e-10)


def test_samples_follow_the_density():
    density = perturb(_flow_density(), scale=0.2)
    samples = density.sample(4000, seed=3)
    z, _ = density.bijector.inverse_and_log_det(samples)
    for column in z.numpy().T:
        assert scipy.stats.kstest(column, "norm").pvalue > 1e-3


def test_any_bijector_and_base_are_accepted():
    base = tfd.MultivariateNormalDiag(tf.zeros(2))
    density = flow_density(tfb.Scale(2.0), base=base)
    np.testing.assert_allclose(
        density.log_prob([[0.0, 0.0]]), [-np.log(2 * np.pi) - 2 * np.log(2.0)], rtol=1e-6
    )


def test_a_gaussian_starts_at_the_best_fit(rng):
    x = rng.normal(size=(50, 3)) @ rng.normal(size=(3, 3)) + 7.0
    density = perturb(gaussian_density(3, dtype=tf.float64))
    moment_start(density, x)
    np.testing.assert_allclose(density.mean(), x.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(density.covariance(), np.cov(x.T, bias=True), rtol=1e-8)


def test_a_flow_density_starts_at_mean_and_scale_per_axis(rng):
    x = rng.normal(size=(50, 2)) * [1e-3, 1e3] + 7.0
    flow = real_nvp_flow(2, num_layers=2, dtype=tf.float64)
    last = AffineLayer(2, kind="diagonal", dtype=tf.float64)
    density = flow_density(flow.followed_by(last))
    moment_start(density, x)
    z, _ = density.bijector.inverse_and_log_det(x)
    np.testing.assert_allclose(np.mean(z, axis=0), [0.0, 0.0], atol=1e-9)
    np.testing.assert_allclose(np.std(z, axis=0), [1.0, 1.0], atol=1e-9)


def test_other_densities_keep_their_start(rng):
    density = perturb(_flow_density())
    before = [variable.numpy() for variable in density.variables]
    moment_start(density, rng.normal(size=(50, 2)))
    for old, variable in zip(before, density.variables, strict=True):
        np.testing.assert_array_equal(old, variable)


def test_student_t_base_is_scipys_and_close_to_normal(rng):
    base = student_t_base(2, df=10.0, dtype=tf.float64)
    x = rng.normal(size=(4, 2))
    np.testing.assert_allclose(base.log_prob(x), scipy.stats.t(10).logpdf(x).sum(1), atol=1e-12)
    wide, normal = scipy.stats.t(10, scale=0.93), scipy.stats.norm
    divergence = normal.expect(lambda x: normal.logpdf(x) - wide.logpdf(x))
    assert 0.0 < divergence < 0.007
    assert float(base.log_prob([[42.0, 0.0]])[0]) > -40.0


def test_bad_arguments_are_named():
    with pytest.raises(TypeError, match="`base` must be given.*Scale"):
        flow_density(tfb.Scale(2.0))
    with pytest.raises(ValueError, match="`event_size`"):
        gaussian_density(0)
    with pytest.raises(ValueError, match="`df`.*0"):
        student_t_base(2, df=0)
    with pytest.raises(ValueError, match=r"`loc` must have shape \[2\]; got \[3\]"):
        gaussian_density(2, loc=np.zeros(3))
    with pytest.raises(ValueError, match=r"`scale_tril` must have shape \[2, 2\]; got \[3, 3\]"):
        gaussian_density(2, scale_tril=np.eye(3))


def test_a_mixture_starts_on_the_clusters(rng):
    centres, shares = np.array([[-9.0, 0.0], [6.0, 3.0]]), (0.25, 0.75)
    index = rng.choice(2, size=4000, p=shares)
    samples = centres[index] + rng.normal(size=(4000, 2)) * [0.5, 2.0]
    density = mixture_density(2, num_components=2, dtype=tf.float64)
    moment_start(density, samples)
    parts = density.components_distribution
    order = np.argsort(parts.loc.numpy()[:, 0])
    np.testing.assert_allclose(parts.loc.numpy()[order], centres, atol=0.15)
    np.testing.assert_allclose(
        parts.stddev().numpy()[order], np.tile([0.5, 2.0], (2, 1)), rtol=0.1
    )
    np.testing.assert_allclose(
        density.mixture_distribution.probs_parameter().numpy()[order], shares, atol=0.03
    )
    wanted = np.log(
        sum(
            share * scipy.stats.multivariate_normal(centre, np.diag([0.25, 4.0])).pdf(samples)
            for share, centre in zip(shares, centres, strict=True)
        )
    )
    np.testing.assert_allclose(density.log_prob(samples).numpy().mean(), wanted.mean(), atol=0.01)


def test_a_mixture_starts_on_fewer_samples_than_components():
    density = mixture_density(1, num_components=4, dtype=tf.float64)
    moment_start(density, np.array([[1.0], [5.0]]))
    assert sorted(density.components_distribution.loc.numpy()[:, 0]) == [1.0, 1.0, 5.0, 5.0]
    assert np.isfinite(density.log_prob([[1.0]]).numpy()).all()


@pytest.mark.parametrize("name", ["event_size", "num_components"])
def test_a_mixture_needs_components(name):
    with pytest.raises(ValueError, match=f"`{name}` must be at least 1; got 0"):
        mixture_density(**{"event_size": 2, name: 0})
