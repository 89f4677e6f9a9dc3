"""Ratio matching against algebra: losses, gradients, bad systems, and what a projection learns."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from lrmf_tfp import datasets, divergences
from lrmf_tfp.divergences import kernel_mean_matching
from lrmf_tfp.flows import affine_flow, identity_flow
from lrmf_tfp.kernels import GaussianKernel
from lrmf_tfp.networks import MLP
from lrmf_tfp.objectives import (
    GRAMObjective,
    ImplicitGenerator,
    implicit_generator,
    projection_network,
)
from lrmf_tfp.objectives.generative._gram_blocks import median_bandwidth, solved_ratios
from lrmf_tfp.samples import Batch
from lrmf_tfp.training import Adam, ConstantSchedule, FitConfig, fit
from tests.reference import finite_differences, gradients


class Scaled(tf.Module):
    """The projection `scale * x`, whose losses are those of the samples themselves."""

    def __init__(self, scale=1.0):
        super().__init__()
        self.scale = tf.Variable(scale, dtype=tf.float64)

    def __call__(self, x):
        return self.scale * x


def clouds(rng, rows=40, size=2):
    return rng.normal(size=(rows, size)), rng.normal(size=(rows + 5, size)) + 0.5


def objective_on(size=2, **options):
    return GRAMObjective(identity_flow(size, dtype=tf.float64), Scaled(), **options)


@pytest.mark.parametrize("bandwidths", [(1.0,), (0.5, 1.0, 3.0)])
def test_terms_are_those_of_kernel_mean_matching_and_mmd(rng, bandwidths):
    x, y = clouds(rng)
    kernels = [GaussianKernel(s) for s in bandwidths]
    ratios = kernel_mean_matching(y, x, kernel=kernels, ridge=1e-2).numpy()
    squared = sum(float(divergences.mmd_squared(x, y, kernel=kernel)) for kernel in kernels)
    terms = objective_on(bandwidths=bandwidths, ridge=1e-2, sum_weight=0.7)(x, y)
    pearson = np.mean((ratios - 1.0) ** 2)
    np.testing.assert_allclose(terms.pearson, pearson, rtol=1e-6)
    np.testing.assert_allclose(terms.mean_ratio, ratios.mean(), rtol=1e-8)
    np.testing.assert_allclose(terms.mmd_squared, squared, rtol=1e-8)
    np.testing.assert_allclose(terms.loss, np.sqrt(squared + 1e-6), rtol=1e-8)
    np.testing.assert_allclose(terms.projection_loss, -pearson - 0.7 * ratios.sum(), rtol=1e-6)


def test_clipped_ratios_are_not_below_zero_and_go_without_the_sum(rng):
    x, y = clouds(rng)
    ratios = kernel_mean_matching(y, x, kernel=GaussianKernel(1.0), ridge=1e-2).numpy()
    assert ratios.min() < 0.0
    terms = objective_on(ridge=1e-2, clip_ratios=True)(x, y)
    clipped = np.maximum(ratios, 0.0)
    np.testing.assert_allclose(terms.mean_ratio, clipped.mean(), rtol=1e-6)
    np.testing.assert_allclose(terms.projection_loss, -np.mean((clipped - 1.0) ** 2), rtol=1e-6)


def test_median_bandwidth_is_that_of_all_entries_of_the_three_blocks(rng):
    x, y = clouds(rng, rows=11)
    squares = [np.sum((a[:, None] - b) ** 2, axis=2) for a, b in ((x, x), (x, y), (y, y))]
    wanted = np.sqrt(np.median(np.concatenate([square.ravel() for square in squares])))
    assert float(median_bandwidth(squares)) == pytest.approx(wanted, rel=1e-12)
    explicit = objective_on(bandwidths=(wanted,))(x, y)
    np.testing.assert_allclose(objective_on(bandwidths=None)(x, y), explicit, rtol=1e-6)


def test_median_of_equal_points_counts_as_one():
    assert float(median_bandwidth([tf.zeros([3, 3], tf.float64)])) == 1.0


def test_normalised_features_have_unit_spread_and_no_scale(rng):
    x, y = clouds(rng)
    plain, wide = objective_on(normalize=True), objective_on(normalize=True)
    wide.projection.scale.assign(7.0)
    u, v = wide.features(tf.constant(x), tf.constant(y))
    np.testing.assert_allclose(np.std(np.concatenate([u, v]), axis=0), 1.0, rtol=1e-12)
    np.testing.assert_allclose(plain(x, y), wide(x, y), rtol=1e-7)


@pytest.mark.parametrize("options", [{}, {"bandwidths": (0.7, 2.0)}, {"normalize": True}])
def test_gradients_of_both_losses_are_finite_differences(rng, options):
    x, y = clouds(rng, rows=6)
    objective = objective_on(ridge=1e-2, **options)
    compiled = tf.function(objective, autograph=False)
    for term in ("loss", "projection_loss"):

        def function(points, term=term):
            return getattr(compiled(tf.convert_to_tensor(points), tf.constant(y)), term)

        (slope,) = gradients(function, x)
        np.testing.assert_allclose(slope, finite_differences(function, x), rtol=1e-4, atol=1e-6)


def test_solve_has_the_gradient_of_its_inputs(rng):
    root = rng.normal(size=(5, 5))
    within, across = root @ root.T / 5.0, rng.normal(size=(5, 3))
    weights = rng.normal(size=5)
    zero = tf.zeros([], tf.float64)

    @tf.function(autograph=False)
    def function(matrix, right):
        symmetric = 0.5 * (matrix + tf.transpose(matrix))
        return tf.reduce_sum(weights * solved_ratios(symmetric, right, zero, ridge=0.3))

    to_within, to_across = gradients(function, within, across)
    wanted = finite_differences(lambda m: function(tf.constant(m), tf.constant(across)), within)
    np.testing.assert_allclose(to_within, wanted, rtol=1e-5, atol=1e-8)
    wanted = finite_differences(lambda b: function(tf.constant(within), tf.constant(b)), across)
    np.testing.assert_allclose(to_across, wanted, rtol=1e-5, atol=1e-8)


def test_each_group_has_its_own_loss_and_moves_at_once(rng):
    flow, projection = affine_flow(2), projection_network(2, hidden_units=(8,))
    objective = GRAMObjective(flow, projection)
    generator, other = objective.groups()
    assert (generator.loss, generator.every) == ("loss", 1)
    assert (other.loss, other.every) == ("projection_loss", 1)
    x, y = (part.astype(np.float32) for part in clouds(rng))
    with tf.GradientTape(persistent=True) as tape:
        terms = objective(x, y)
        losses = [getattr(terms, group.loss) for group in (generator, other)]
    leads = [group.variables[0] for group in (generator, other)]
    slopes = [tape.gradient(loss, lead).numpy() for loss, lead in zip(losses, leads, strict=True)]
    before = [lead.numpy() for lead in leads]
    fit(
        objective,
        (x, y),
        FitConfig(num_steps=1, average_decay=0.0, batch_size=100, jit_compile=False),
    )
    # Adam's first step is the rate against the sign of the slope, at the start for both.
    for lead, old, slope in zip(leads, before, slopes, strict=True):
        clear = np.abs(slope) > 1e-4
        assert clear.any()
        moved = (lead.numpy() - old)[clear]
        np.testing.assert_allclose(moved, -1e-3 * np.sign(slope[clear]), rtol=1e-2)


def test_spread_features_have_a_pearson_of_one_and_ratios_of_zero(rng):
    x, y = clouds(rng, size=10)
    objective = objective_on(10)
    objective.projection.scale.assign(30.0)
    terms = objective(x, y)
    assert float(terms.mean_ratio) == pytest.approx(0.0, abs=1e-6)
    assert float(terms.pearson) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(("ridge", "low", "high"), [(1e-3, 2.0, 4.5), (1e-1, 0.2, 0.5)])
def test_pearson_of_equal_distributions_is_bias(rng, ridge, low, high):
    # The truth is 0; see the table in docs/guide/gram.md.
    found = [
        float(objective_on(ridge=ridge)(*rng.normal(size=(2, 100, 2))).pearson) for _ in range(20)
    ]
    assert low < np.mean(found) < high


def test_noise_is_drawn_from_the_seed_or_given(rng):
    generator = implicit_generator(2, noise_size=3, hidden_units=(8,), seed=1)
    objective = GRAMObjective(generator, projection_network(2, hidden_units=(8,)))
    data = rng.normal(size=(30, 2)).astype(np.float32)
    first, again, other = (objective(data, seed=tf.constant([0, k])) for k in (4, 4, 5))
    np.testing.assert_array_equal(first, again)
    assert float(first.loss) != float(other.loss)
    noise = rng.normal(size=(30, 3)).astype(np.float32)
    given = objective(noise, data)
    moved = GRAMObjective(identity_flow(2), objective.projection)(generator(noise), data)
    np.testing.assert_allclose(given, moved, rtol=1e-5)


def fisher_problem(seed, rows=40_000):
    """Two Gaussians of Mahalanobis distance 1 in five dimensions, and Fisher's direction."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(5, 5)) / np.sqrt(5.0)
    cov = root @ root.T + 0.3 * np.eye(5)
    gap = rng.normal(size=5)
    gap /= np.sqrt(gap @ np.linalg.solve(cov, gap))
    factor = np.linalg.cholesky(cov)
    x = rng.normal(size=(rows, 5)) @ factor.T
    y = rng.normal(size=(rows, 5)) @ factor.T + gap
    return x, y, cov, gap


def learned_direction(x, y, *, ridge, seed):
    """The direction of a linear projection after 400 steps on the Pearson estimate alone."""
    projection = MLP(5, 1, hidden_units=(), last_gain=1.0, seed=seed, dtype=tf.float64)
    objective = GRAMObjective(
        identity_flow(5, dtype=tf.float64), projection, ridge=ridge, sum_weight=0.0
    )
    adam = Adam(0.02, schedule=ConstantSchedule())
    config = FitConfig(num_steps=400, batch_size=200, optimizer=adam, clip_norm=1e6)
    fit(objective, (x, y), config)
    return projection.layers[0].kernel.numpy()[:, 0]


@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(0, marks=pytest.mark.slow),
        *(pytest.param(seed, marks=pytest.mark.long) for seed in range(1, 5)),
    ],
)
def test_linear_projection_finds_fishers_direction(seed):
    x, y, cov, gap = fisher_problem(seed)
    wanted = np.linalg.solve(cov, gap)
    found = learned_direction(x, y, ridge=0.1, seed=seed)
    cosine = abs(found @ wanted) / (np.linalg.norm(found) * np.linalg.norm(wanted))
    assert cosine >= 0.99


def gaussian_pearson(mean_p, cov_p, mean_q, cov_q):
    """`int p^2 / q - 1` of two Gaussians, for `2 cov_q - cov_p > 0`."""
    mean_p, mean_q = np.atleast_1d(mean_p), np.atleast_1d(mean_q)
    cov_p, cov_q = np.atleast_2d(cov_p), np.atleast_2d(cov_q)
    inner = np.linalg.det(2.0 * np.linalg.inv(cov_p) - np.linalg.inv(cov_q))
    height = np.sqrt(np.linalg.det(cov_q) / inner) / np.linalg.det(cov_p)
    gap = mean_p - mean_q
    return height * np.exp(gap @ np.linalg.solve(2.0 * cov_q - cov_p, gap)) - 1.0


def test_no_linear_projection_has_more_than_the_whole_and_fishers_has_all(rng):
    _, _, cov, gap = fisher_problem(0)
    whole = gaussian_pearson(gap, cov, np.zeros(5), cov)
    assert whole == pytest.approx(np.e - 1.0, rel=1e-12)

    def along(direction):
        spread = direction @ cov @ direction
        return gaussian_pearson(direction @ gap, spread, 0.0, spread)

    assert along(np.linalg.solve(cov, gap)) == pytest.approx(whole, abs=1e-10)
    found = [along(direction) for direction in rng.normal(size=(500, 5))]
    assert max(found) <= whole + 1e-12
    assert min(found) >= 0.0


def test_pearson_estimate_approaches_the_closed_form(rng):
    p, q = rng.normal(1.0, 1.0, size=(1000, 1)), rng.normal(0.0, 2.0, size=(1000, 1))
    wanted = gaussian_pearson(1.0, 1.0, 0.0, 4.0)
    assert wanted == pytest.approx(0.7440263415, abs=1e-9)
    assert float(objective_on(1)(q, p).pearson) == pytest.approx(wanted, abs=0.25)
    assert float(objective_on(1)(q, p).mean_ratio) == pytest.approx(1.0, abs=0.01)


def test_too_few_rows_are_named():
    objective = objective_on()
    with pytest.raises(ValueError, match="`generated samples` must have at least 2 rows.*got 1"):
        objective(np.zeros((1, 2)), np.zeros((5, 2)))
    with pytest.raises(ValueError, match="`data` must have at least 2 rows.*got 1"):
        objective(np.zeros((5, 2)), np.zeros((1, 2)))


def test_unlike_widths_and_a_missing_source_are_named(rng):
    with pytest.raises(ValueError, match="`generated samples` must have 3 columns; got 2"):
        objective_on()(np.zeros((5, 2)), np.zeros((5, 3)))
    with pytest.raises(ValueError, match="`batches` must be a source and data.*got 1"):
        objective_on()(rng.normal(size=(5, 2)))


def test_features_that_are_not_finite_are_named(rng):
    x, y = clouds(rng)
    objective = objective_on()
    objective.projection.scale.assign(np.inf)
    with pytest.raises(ValueError, match="`projection` must give finite features; got"):
        objective(x, y)


def test_training_on_features_that_are_not_finite_ends_in_one_line(rng):
    x, y = clouds(rng)
    objective = GRAMObjective(affine_flow(2, dtype=tf.float64), Scaled(np.nan))
    config = FitConfig(num_steps=4, steps_per_call=2, max_recoveries=1)
    with pytest.raises(FloatingPointError, match=r"`loss` must stay finite; got nan at step 0"):
        fit(objective, (x, y), config)


def test_a_singular_system_is_jittered_or_named(rng):
    same = np.repeat(rng.normal(size=(1, 2)), 30, axis=0)
    terms = objective_on(ridge=1e-9)(same, same)
    assert np.all(np.isfinite(terms))
    far = same + 1e7 * rng.normal(size=(30, 2))
    with pytest.raises(ValueError, match="`ridge` must be above the rounding of the kernel"):
        objective_on(ridge=1e-9)(far, same)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"ridge": 0.0}, "`ridge` must be finite and above 0; got 0.0"),
        ({"bandwidths": ()}, "`bandwidths` must have at least 1 entry; got none"),
        ({"bandwidths": (1.0, -2.0)}, "`bandwidths` must be finite and above 0; got -2.0"),
        ({"sum_weight": -1.0}, "`sum_weight` must be finite and at least 0; got -1.0"),
    ],
)
def test_bad_options_are_named(options, match):
    with pytest.raises(ValueError, match=match):
        objective_on(**options)


def test_only_an_objective_of_a_flow_has_one():
    generator = implicit_generator(2, noise_size=2, hidden_units=(4,))
    objective = GRAMObjective(generator, projection_network(2, hidden_units=(4,)))
    assert not hasattr(objective, "flow")
    flow = affine_flow(2)
    assert GRAMObjective(flow, objective.projection).flow is flow


def test_weights_are_refused(rng):
    x, y = clouds(rng, rows=4)
    for batches in ((Batch(x, np.ones(4)), y), (x, Batch(y, np.ones(9)))):
        with pytest.raises(ValueError, match="`weights` must be left out .* for GRAMObjective"):
            objective_on()(*batches)


def test_gaussians_are_turned_onto_each_other():
    pair = datasets.gaussians(300, num_dims=2, seed=3)
    objective = GRAMObjective(affine_flow(2), projection_network(2, hidden_units=(32,)), ridge=0.1)
    adam = Adam(2e-2, beta_1=0.5)
    config = FitConfig(num_steps=300, batch_size=64, optimizer=adam, jit_compile=False)
    result = fit(objective, (pair.source, pair.target), config)
    moved = objective.flow.forward(pair.source).numpy()
    assert {"pearson", "mean_ratio", "mmd_squared"} <= set(result.history)
    before, after = (
        float(divergences.energy_distance(x, pair.target)) for x in (pair.source, moved)
    )
    assert after < 0.2 * before


@pytest.mark.parametrize(
    ("noise_size", "width"),
    [
        pytest.param(2, 20, marks=pytest.mark.slow),
        pytest.param(20, 100, marks=pytest.mark.long),
        pytest.param(16, 200, marks=pytest.mark.long),
    ],
)
def test_ring_is_covered(noise_size, width):
    ring, fresh = (datasets.mode_ring(10_000, seed=seed) for seed in (0, 1000))
    generator = implicit_generator(2, noise_size=noise_size, hidden_units=(width, width))
    objective = GRAMObjective(generator, projection_network(2, seed=1000))
    fit(objective, (ring.samples,), FitConfig(num_steps=4000, batch_size=100))
    samples = generator.sample(4000, seed=5).numpy()
    found = ring.coverage(samples)
    squared = divergences.mmd_squared(
        samples[:2000], fresh.samples[:2000], kernel=GaussianKernel(1.0)
    )
    assert found.modes == 8
    assert found.high_quality >= (0.65 if width >= 100 else 0.40)
    assert float(squared) <= (0.01 if width >= 100 else 0.02)


@pytest.mark.parametrize(("noise", "low", "high"), [("uniform", -1.0, 1.0), ("normal", -9, 9)])
def test_noise_has_its_distribution(noise, low, high):
    generator = ImplicitGenerator(tf.identity, noise_size=2, noise=noise)
    draw = generator.sample(20_000, seed=0).numpy()
    assert draw.min() >= low
    assert draw.max() <= high
    assert draw.std() == pytest.approx({"uniform": 3**-0.5, "normal": 1.0}[noise], rel=0.02)
    assert draw.mean() == pytest.approx(0.0, abs=0.02)


def test_output_function_comes_last():
    generator = ImplicitGenerator(tf.identity, noise_size=2, output_fn=tf.sigmoid)
    np.testing.assert_allclose(generator(tf.zeros([1, 2])), [[0.5, 0.5]])


def test_networks_start_with_the_variance_of_glorot():
    network = projection_network(50, num_features=30, hidden_units=(200,), seed=3)
    first, last = (layer.kernel.numpy().std() for layer in network.layers)
    assert first == pytest.approx((2.0 / 250.0) ** 0.5, rel=0.02)
    assert last == pytest.approx(0.1 * (2.0 / 230.0) ** 0.5, rel=0.02)


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: implicit_generator(0), ValueError, "`event_size` must be at least 1; got 0"),
        (lambda: implicit_generator(2, noise_size=0), ValueError, "`noise_size` must be at"),
        (lambda: implicit_generator(2, noise="cauchy"), ValueError, "`noise` must be one of"),
        (lambda: implicit_generator(2).sample(0, seed=1), ValueError, "`num_samples` must be"),
        (lambda: implicit_generator(2).sample(3, seed=-1), ValueError, "`seed` must be at least"),
        (lambda: implicit_generator(2).sample(3, seed=1.5), TypeError, "`seed` must be a whole"),
        (lambda: projection_network(2, num_features=0), ValueError, "`num_features` must be"),
    ],
)
def test_bad_generators_are_named(make, error, match):
    with pytest.raises(error, match=match):
        make()
