"""VAE and VAE-GAN: they learn, draw by weight, resume, leave their settings alone, and refuse."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import dataclass, replace

import numpy as np
import pytest
import tensorflow as tf
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import lrmf_tfp as lt
from lrmf_tfp.embeddings import VAE, VAEGAN, EmbeddingScore, RandomAffine
from lrmf_tfp.embeddings.base import _plain
from lrmf_tfp.samples import Sample
from lrmf_tfp.samples.split import hold_out

SMALL = {"latent_size": 2, "channels": 8, "hidden_units": (16,), "seed": 3}
TINY = {"latent_size": 2, "channels": 2, "hidden_units": (4,), "seed": 3}
FIT = {"batch_size": 32, "steps_per_call": 50, "jit_compile": False}
LONG = lt.FitConfig(num_steps=300, optimizer=lt.training.Adam(4e-3), **FIT)
SHORT = replace(LONG, num_steps=12, steps_per_call=4)


def bars(num_images, *, seed, width=1.0):
    """Images `[N, 8, 8]` of one upright bar, whose place is all that differs."""
    places = np.random.default_rng(seed).uniform(1.0, 6.0, size=(num_images, 1, 1))
    profile = np.exp(-(((np.arange(8.0) - places) / width) ** 2))
    return np.repeat(profile, 8, axis=1).astype(np.float32)


@pytest.fixture(scope="module")
def thin():
    return bars(400, seed=0)


@pytest.fixture(scope="module")
def thick():
    return bars(150, seed=1, width=1.6)[..., None]


@pytest.fixture(scope="module")
def fitted(thin, thick):
    return VAE(**SMALL, config=LONG).fit({"thin": thin, "thick": thick})


def test_images_are_described_by_their_vectors(fitted, thin, thick, rng):
    for images in (thin[..., None], thick):
        rebuilt = fitted.reconstruct(images)
        assert np.mean((rebuilt - images) ** 2) < 0.2 * np.var(images, axis=0).mean()
    noise = rng.uniform(size=thin.shape)
    assert fitted.score(thin).elbo > fitted.score(noise).elbo + 10.0


def test_draws_of_the_prior_are_upright(fitted):
    drawn = fitted.sample(50)
    upright = drawn - drawn.mean(axis=1, keepdims=True)
    across = drawn.mean(axis=1, keepdims=True) - drawn.mean(axis=(1, 2), keepdims=True)
    assert np.mean(upright**2) < 0.02 * np.mean(across**2)


def test_held_out_scores_and_history_are_kept(fitted, thin, thick):
    parts = hold_out((Sample(thin), Sample(thick)), 0.1, seed=3).held_out
    for score, part in zip(fitted.held_out_scores_, parts, strict=True):
        np.testing.assert_allclose(score, fitted.score(part), rtol=1e-5)
        assert score.squared_error < 0.02
    mean = np.mean([score.elbo for score in fitted.held_out_scores_])
    np.testing.assert_allclose(-mean, fitted.result_.best_value, rtol=0.05)
    assert {"step", "loss", "reconstruction", "kl", "validation_loss"} <= set(fitted.history)
    assert fitted.history["loss"][-1] < fitted.history["loss"][0] - 5.0


def test_metadata_are_the_settings_as_json_reads_them(fitted):
    metadata = fitted.embedding_.metadata
    assert json.loads(json.dumps(metadata, allow_nan=False)) == metadata
    assert (metadata["kind"], metadata["image_shape"]) == ("VAE", [8, 8, 1])
    assert (metadata["hidden_units"], metadata["augmentation"]) == ([16], None)
    assert metadata["config"]["num_steps"] == 300
    assert metadata["config"]["optimizer"]["learning_rate"] == 4e-3
    wanted = [score._asdict() for score in fitted.held_out_scores_]
    assert metadata["held_out_scores"] == wanted


def test_a_fitted_estimator_is_pickled_and_saved(fitted, thin, tmp_path):
    again = pickle.loads(pickle.dumps(fitted))
    assert again.get_params() == fitted.get_params()
    np.testing.assert_allclose(again.encode(thin), fitted.encode(thin), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(again.history["loss"], fitted.history["loss"])
    assert again.embedding_.metadata == fitted.embedding_.metadata
    fitted.save(tmp_path / "model")
    text = (tmp_path / "model" / "assets.extra" / "embedding.json").read_text()
    assert json.loads(text) == fitted.embedding_.metadata


def test_a_failed_fit_does_not_look_fitted(fitted, thin):
    model = copy.deepcopy(fitted)
    np.testing.assert_array_equal(model.encode(thin), fitted.encode(thin))
    with pytest.raises(ValueError, match="must lie in"):
        model.fit(2.0 * thin)
    with pytest.raises(NotFittedError):
        model.encode(thin)
    assert not {"embedding_", "result_", "history", "held_out_scores_"} & set(vars(model))
    assert hasattr(fitted, "embedding_")


def test_is_an_estimator_of_scikit_learn(thin):
    change = RandomAffine(shift=0.1)
    model = clone(VAE(**SMALL, config=LONG, augmentation=change))
    assert model.get_params()["augmentation"] == change
    assert "latent_size=2" in repr(model)
    with pytest.raises(NotFittedError):
        model.encode(thin)


class Shade(tf.Module):
    """An augmentation with a variable, which notes the mean of each batch that it is shown."""

    seen: list = []  # noqa: RUF012 (one list, also for copies)

    def __init__(self):
        super().__init__()
        self.factor = tf.Variable(0.75)

    def __call__(self, images, seed):
        del seed
        mean = tf.numpy_function(self._note, [tf.reduce_mean(images)], tf.float32)
        return self.factor * images + 0.0 * tf.reshape(mean, [])

    def _note(self, mean):
        self.seen.append(float(mean))
        return mean


def test_images_are_drawn_by_weight_and_settings_stay_as_they_are():
    """Images of two grays, half each, of which the lighter ones weigh nine times as much."""
    gray = np.repeat([0.2, 0.8], 50)
    images = np.tile(gray[:, None, None], (1, 4, 4)).astype(np.float32)
    sample = Sample.of(images, weights=np.where(gray > 0.5, 9.0, 1.0))
    change = Shade()
    Shade.seen.clear()
    settings = {
        "latent_size": np.int64(2),
        "hidden_units": np.array([4]),
        "channels": np.int32(2),
        "beta": np.float32(0.5),
        "augmentation": change,
    }
    model = VAE(**settings, config=replace(SHORT, num_steps=20)).fit(sample)
    (train,), (held_out,) = hold_out((sample,), 0.1, seed=0)
    wanted = np.average(train.values[:, 0, 0], weights=train.weights)
    assert np.mean(Shade.seen) == pytest.approx(wanted, abs=0.03)  # of 20 batches of 32
    assert wanted > 0.7
    assert float(change.factor) == 0.75
    assert model.get_params()["augmentation"] is change
    assert all(model.get_params()[name] is value for name, value in settings.items())
    (score,) = model.held_out_scores_
    np.testing.assert_allclose(score, model.score(held_out), rtol=1e-5)
    assert abs(score.squared_error - model.score(held_out.values).squared_error) > 1e-4
    metadata = model.embedding_.metadata
    assert json.loads(json.dumps(metadata, allow_nan=False)) == metadata
    assert (metadata["latent_size"], metadata["hidden_units"]) == (2, [4])
    assert metadata["augmentation"] == "Shade"


def test_a_score_that_is_not_finite_is_written_as_none():
    written = _plain(EmbeddingScore(-np.inf, np.inf, 1.5, np.nan))
    assert list(json.loads(json.dumps(written, allow_nan=False)).values()) == [
        None,
        None,
        1.5,
        None,
    ]


@dataclass(frozen=True)
class Unwritable:
    """A setting that JSON has no word for."""

    strength: float = np.nan

    def __call__(self, images, seed):
        raise AssertionError("training began")


def test_what_cannot_be_written_is_found_out_before_the_training(thin):
    with pytest.raises(ValueError, match="JSON"):
        VAE(**TINY, augmentation=Unwritable()).fit(thin)


class _Stop:
    def __init__(self, step):
        self.step = step

    def __call__(self, event):
        if event.step >= self.step:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def colour():
    return np.random.default_rng(0).integers(0, 256, size=(30, 4, 8, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def whole(colour):
    return VAE(**TINY, config=SHORT, early_stopping=False).fit(colour)


def test_without_early_stopping_no_image_decides(whole, fitted):
    assert "validation_loss" in fitted.history
    assert "validation_loss" not in whole.history
    assert whole.result_.num_steps == 12
    assert np.all(np.isfinite(whole.held_out_scores_))


def test_an_interrupted_fit_goes_on_where_it_stopped(colour, whole, tmp_path, capfd):
    model = VAE(**TINY, config=SHORT, early_stopping=False, progress=True)
    with pytest.raises(KeyboardInterrupt):
        model.fit(colour, checkpoint_dir=tmp_path, callbacks=[_Stop(4)])
    assert not hasattr(model, "embedding_")
    model.fit(colour, checkpoint_dir=tmp_path, resume=True)
    assert model.history["step"].tolist() == [4, 8, 12]
    np.testing.assert_allclose(model.encode(colour), whole.encode(colour), rtol=1e-4, atol=1e-5)
    assert model.reconstruct(colour).shape == (30, 4, 8, 3)
    out, err = capfd.readouterr()
    assert out == ""
    assert "12/12" in err


def test_vae_gan_trains_all_its_parts(colour):
    model = VAEGAN(**TINY, config=SHORT, pixel_weight=1.0).fit(colour)
    assert {"feature_error", "decoder_loss", "discriminator_loss"} <= set(model.history)
    assert np.isfinite(model.reconstruct(colour)).all()
    assert model.embedding_.metadata["kind"] == "VAEGAN"


@pytest.mark.slow
def test_vae_gan_learns(thick):
    config = replace(LONG, num_steps=100)
    model = VAEGAN(**SMALL, config=config, pixel_weight=1.0).fit(thick)
    assert model.result_.best_step == 100
    assert np.mean((model.reconstruct(thick) - thick) ** 2) < 0.5 * np.var(thick, axis=0).mean()


@pytest.mark.slow
def test_xla_trains_as_well(thin, thick, fitted):
    model = VAE(**SMALL, config=replace(LONG, jit_compile=True)).fit(thin, thick)
    assert model.result_.best_value < fitted.result_.best_value + 1.0


@pytest.mark.slow
def test_denoising_forgets_what_was_changed(thin):
    """Where a bar may have been shifted, vectors of shifted copies come closer to each other."""
    change = RandomAffine(shift=0.3, rotation=0.0, log_scale=0.0, shear=0.0)
    moved = np.asarray(change(thin[..., None], [0, 1]))
    distances = []
    for augmentation in (None, change):
        model = VAE(**SMALL, config=LONG, augmentation=augmentation).fit(thin)
        still, after = model.encode(thin), model.encode(moved)
        distances.append(np.mean((still - after) ** 2) / np.var(still, axis=0).sum())
    assert distances[1] < 0.8 * distances[0]


@pytest.mark.parametrize(
    ("settings", "error", "match"),
    [
        ({"latent_size": 1}, ValueError, "`latent_size` must be at least 2; got 1"),
        ({"latent_size": 2.5}, TypeError, "`latent_size` must be a whole number; got 2.5"),
        ({"beta": -1.0}, ValueError, "`beta` must be finite and at least 0; got -1"),
        ({"channels": 0}, ValueError, "`channels` must be at least 1; got 0"),
        ({"hidden_units": (0,)}, ValueError, "`hidden_units` must be at least 1; got 0"),
        ({"validation_fraction": 1.0}, ValueError, "`validation_fraction` must lie strictly"),
        ({"seed": -1}, ValueError, "`seed` must be at least 0; got -1"),
        ({"augmentation": 3}, TypeError, "`augmentation` must be callable or None; got 3"),
    ],
)
def test_bad_settings_are_named(thin, settings, error, match):
    with pytest.raises(error, match=match):
        VAE(**TINY | settings).fit(thin)


def test_signed_weights_need_a_mean_among_the_held_out(thin):
    """Train on |w|, evaluate with the signs: these held-out images sum to nothing."""
    rows = hold_out((Sample(np.arange(400.0)[:, None]),), 0.1, seed=3).held_out[0]
    weights = np.ones(400)
    weights[rows.values[:, 0].astype(int)] = -1.0
    sample = Sample.of(thin, weights=weights, negative="absolute")
    with pytest.raises(ValueError, match="`weights` must sum to more than 0; got -40"):
        VAE(**TINY).fit(sample)
