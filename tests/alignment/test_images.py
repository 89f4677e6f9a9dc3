"""`Aligner` on images: shapes in and out, channels, black pixels, export and bad input."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import tensorflow as tf

import lrmf_tfp as lt
from lrmf_tfp.densities import flow_density, gaussian_density, moment_start
from lrmf_tfp.samples import Sample, Standardizer

GLOW = functools.partial(lt.flows.glow_flow, steps_per_level=1, hidden_units=(4,))
CONFIG = lt.FitConfig(num_steps=20, steps_per_call=10, batch_size=64, jit_compile=False)


def _draw(num_images, *, seed, inverted):
    """Gray images `[N, 4, 4]` in 0 to 255 whose first pixel is always black."""
    rng = np.random.default_rng(seed)
    waves = np.sin(np.arange(4) + rng.uniform(0, 6, size=(num_images, 1)))
    pixels = 128 + 40 * waves[:, :, None] * waves[:, None, :]
    pixels += 5 * rng.normal(size=pixels.shape)
    pixels = 255 - pixels if inverted else pixels
    pixels[:, 0, 0] = 0.0
    return pixels.astype(np.float32)


@pytest.fixture(scope="module")
def source():
    return _draw(200, seed=0, inverted=False)


@pytest.fixture(scope="module")
def target():
    return _draw(160, seed=1, inverted=True)[..., None]


def _small_density(event_size, *, dtype, seed):
    assert event_size == 16
    return flow_density(GLOW((4, 4, 1), num_levels=1, dtype=dtype, seed=seed).flattened())


@pytest.fixture(scope="module")
def fitted(source, target):
    flow = GLOW((4, 4, 1), num_levels=1)
    aligner = lt.Aligner(flow, lt.LRMF(density="gaussian"), config=CONFIG)
    return aligner.fit(source, target)


def test_images_come_back_in_the_shape_in_which_they_went_in(fitted, source, target):
    moved = fitted.transform(source)
    assert (moved.shape, moved.dtype) == (source.shape, np.float32)
    assert fitted.transform(target).shape == target.shape
    rows = fitted.transform(source.reshape(200, 16))
    np.testing.assert_allclose(rows, moved.reshape(200, 16), rtol=1e-6)
    np.testing.assert_allclose(fitted.inverse_transform(moved), source, atol=1e-2)
    assert fitted.log_det_jacobian(source).shape == (200,)
    assert fitted.target_log_prob(target).shape == (160,)


def test_score_and_metadata_know_of_images(fitted, source, target):
    score = fitted.score(source, target)
    assert (score.num_source, score.num_target) == (40, 32)
    assert np.isfinite(score.value)
    assert fitted.alignment_.metadata["event_shape"] == [4, 4, 1]
    assert fitted.alignment_.metadata["event_size"] == 16


def test_saved_images_alignment_answers_the_same(fitted, source, target, tmp_path):
    fitted.save(tmp_path / "model")
    loaded = lt.load(tmp_path / "model")
    np.testing.assert_allclose(loaded.transform(source), fitted.transform(source), rtol=1e-5)
    found, wanted = (each.score(source, target).value for each in (loaded, fitted))
    assert abs(found - wanted) < 1e-3
    served = loaded.module.signatures["transform"](x=tf.constant(source.reshape(200, 16)))
    moved = next(iter(served.values())).numpy().reshape(source.shape)
    np.testing.assert_allclose(moved, fitted.transform(source), rtol=1e-5)


@pytest.mark.long
def test_glow_by_name_aligns_better_than_nothing(source, target):
    config = lt.FitConfig(num_steps=400, batch_size=64, jit_compile=False)  # no compiling
    values = {
        flow: lt.Aligner(flow, lt.LRMF(density="glow"), config=config, num_restarts=1)
        .fit(source, target)
        .score(source, target)
        .value
        for flow in ("glow", "identity")
    }
    assert values["glow"] < 0.5 * values["identity"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "objective", [lt.objectives.BackToBack(bound=None), lt.objectives.MMD(bound=None)]
)
def test_other_objectives_take_glow(source, target, objective):
    aligner = lt.Aligner("glow", objective, config=CONFIG, num_restarts=1)
    assert aligner.fit(source, target).transform(source).shape == source.shape


def test_pixels_of_a_channel_share_their_moments(rng):
    images = rng.normal(size=(50, 2, 3, 2)) * [1.0, 10.0] + [0.0, 5.0]
    moments = Standardizer.of(Sample.of(images))
    standard = moments.apply(images.reshape(50, 12), "float64").reshape(images.shape)
    np.testing.assert_allclose(standard.mean(axis=(0, 1, 2)), 0.0, atol=1e-12)
    np.testing.assert_allclose(standard.std(axis=(0, 1, 2)), 1.0, atol=1e-12)
    np.testing.assert_array_equal(moments.scale[:2], moments.scale[-2:])


def test_moment_start_forgives_black_pixels(source):
    rows = source.reshape(200, 16)
    gaussian = gaussian_density(16)
    affine = flow_density(lt.flows.affine_flow(16, kind="diagonal"))
    for density in (gaussian, affine):
        moment_start(density, rows)
        assert np.all(np.isfinite(density.log_prob(rows)))
    scales = np.exp(affine.bijector.layers[0].log_diag)
    np.testing.assert_allclose(scales[0], rows.std(axis=0).max(), rtol=1e-5)
    np.testing.assert_allclose(scales[1:], rows.std(axis=0)[1:], rtol=1e-4)


def test_moment_start_initializes_glow(source):
    rows = source.reshape(200, 16)
    density = _small_density(16, dtype=tf.float32, seed=0)
    before = np.mean(density.log_prob(rows))
    moment_start(density, rows)
    assert np.mean(density.log_prob(rows)) > before + 100.0
    assert abs(np.std(density.bijector.inverse(rows)) - 1.0) < 0.05


@pytest.mark.parametrize(
    "settings", [{"flow": "glow"}, {"flow": "affine", "objective": lt.LRMF(density="glow")}]
)
def test_glow_needs_images(settings):
    pair = lt.datasets.gaussians(50, num_dims=2, seed=0)
    match = r"`source` must have shape \[N, H, W\] or \[N, H, W, C\] for Glow; got events \[2\]"
    with pytest.raises(ValueError, match=match):
        lt.Aligner(**settings).fit(pair.source, pair.target)


def test_bad_images_are_named(fitted, source, target):
    glow = lt.Aligner(flow="glow", config=CONFIG)
    with pytest.raises(ValueError, match=r"`target` must have shape \[M, 4, 4\] to match"):
        glow.fit(source, target[:, :3])
    with pytest.raises(ValueError, match="`target` must vary in every channel.*channel 0"):
        glow.fit(source, np.zeros_like(target))
    with pytest.raises(ValueError, match=r"H and W divisible by 2, .* got \[3, 4, 1\]"):
        glow.fit(source[:, :3], target[:, :3])
    with pytest.raises(ValueError, match="`source` must be finite"):
        glow.fit(np.where(source == 0.0, np.nan, source), target)
    with pytest.raises(ValueError, match=r"`x` must have shape \[N, 4, 4, 1\]; got .*4, 3\]"):
        fitted.transform(source[:, :, :3])
    with pytest.raises(ValueError, match=r"`source` must have shape \[N, 4, 4, 1\]; got"):
        fitted.score(source[:, 0], target)
