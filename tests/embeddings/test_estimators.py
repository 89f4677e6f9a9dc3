"""VAE and VAE-GAN: they learn, save, load in plain TensorFlow, resume, and refuse bad input."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import lrmf_tfp as lt
from lrmf_tfp.embeddings import VAE, VAEGAN, RandomAffine

CONFIG = lt.FitConfig(
    num_steps=300,
    batch_size=64,
    steps_per_call=50,
    jit_compile=False,
    optimizer=lt.training.Adam(3e-3),
)
SMALL = {"latent_size": 2, "channels": 8, "hidden_units": (16,), "seed": 3}
PLAIN_TENSORFLOW = """
    import sys
    import numpy as np
    import tensorflow as tf
    folder = sys.argv[1]
    model = tf.saved_model.load(folder + "/model")
    images = np.load(folder + "/images.npy")
    vectors = model.encode(images).numpy()
    np.save(folder + "/vectors.npy", vectors)
    np.save(folder + "/decoded.npy", model.decode(vectors).numpy())
    served = model.signatures["encode"](images=tf.constant(images))
    np.save(folder + "/served.npy", next(iter(served.values())).numpy())
    served = model.signatures["decode"](vectors=tf.constant(vectors))
    np.save(folder + "/served_images.npy", next(iter(served.values())).numpy())
    loaded = [name for name in sys.modules if name.split(".")[0] in
              ("lrmf_tfp", "tensorflow_probability", "tf_keras")]
    assert not loaded, loaded
"""


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
    return VAE(**SMALL, config=CONFIG).fit(thin, thick)


def test_images_are_described_by_their_vectors(fitted, thin, thick):
    vectors = fitted.encode(thin)
    assert (vectors.shape, vectors.dtype) == ((400, 2), np.float32)
    rebuilt = fitted.reconstruct(thick)
    assert (rebuilt.shape, rebuilt.dtype) == ((150, 8, 8, 1), np.float32)
    variance = np.var(thick, axis=0).mean()
    assert np.mean((rebuilt - thick) ** 2) < 0.2 * variance
    assert np.all((rebuilt >= 0.0) & (rebuilt <= 1.0))


def test_held_out_scores_and_history_are_kept(fitted):
    assert len(fitted.held_out_scores_) == 2
    for score in fitted.held_out_scores_:
        np.testing.assert_allclose(score.elbo, -(score.reconstruction + score.kl))
        assert 0.0 < score.squared_error < 0.02
    mean = np.mean([score.elbo for score in fitted.held_out_scores_])
    np.testing.assert_allclose(-mean, fitted.result_.best_value, rtol=0.02)
    assert {"step", "loss", "reconstruction", "kl", "validation_loss"} <= set(fitted.history)
    assert fitted.history["loss"][-1] < fitted.history["loss"][0]


def test_score_tells_bars_from_noise(fitted, thin, rng):
    noise = rng.uniform(size=thin.shape)
    assert fitted.score(thin).elbo > fitted.score(noise).elbo + 10.0


def test_samples_are_images_and_the_seed_decides(fitted):
    first, same, other = (fitted.sample(50, seed=seed) for seed in (0, 0, 1))
    assert first.shape == (50, 8, 8, 1)
    np.testing.assert_array_equal(first, same)
    assert np.abs(first - other).max() > 0.1
    upright = first - first.mean(axis=1, keepdims=True)
    assert np.abs(upright).mean() < 0.1 * first.std()


def test_plain_tensorflow_answers_the_same(fitted, thin, tmp_path):
    fitted.save(tmp_path / "model")
    np.save(tmp_path / "images.npy", thin[..., None])
    command = [sys.executable, "-c", textwrap.dedent(PLAIN_TENSORFLOW), str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    for name in ("vectors", "served"):
        found = np.load(tmp_path / f"{name}.npy")
        np.testing.assert_allclose(found, fitted.encode(thin), rtol=1e-5, atol=1e-5)
    for name in ("decoded", "served_images"):
        found = np.load(tmp_path / f"{name}.npy")
        np.testing.assert_allclose(found, fitted.reconstruct(thin), rtol=1e-5, atol=1e-5)


def test_load_gives_the_same_embedding_and_saves_again(fitted, thin, tmp_path):
    fitted.save(tmp_path / "model")
    fitted.save(tmp_path / "model")  # replaces the earlier one
    lt.embeddings.load(tmp_path / "model").save(tmp_path / "again")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["again", "model"]
    loaded = lt.embeddings.load(tmp_path / "again")
    np.testing.assert_allclose(loaded.encode(thin), fitted.encode(thin), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(loaded.sample(3), fitted.sample(3), atol=1e-6)
    np.testing.assert_allclose(loaded.score(thin), fitted.score(thin), rtol=1e-4)
    text = (tmp_path / "model" / "assets.extra" / "embedding.json").read_text()
    metadata = json.loads(text)
    assert metadata == loaded.metadata
    assert (metadata["kind"], metadata["image_shape"]) == ("VAE", [8, 8, 1])
    assert metadata["config"]["num_steps"] == 300
    assert len(metadata["held_out_scores"]) == 2


def test_saving_over_and_loading_something_else_are_named(fitted, tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("keep")
    with pytest.raises(ValueError, match="`path` must be new, empty or an earlier embedding"):
        fitted.save(tmp_path / "notes")
    with pytest.raises(ValueError, match="`path` must be a place to write to; got"):
        fitted.save(tmp_path / "notes" / "mine.txt" / "model")
    with pytest.raises(
        ValueError, match="`path` must be a folder written by an embedding's `save`"
    ):
        lt.embeddings.load(tmp_path / "notes")
    assert [entry.name for entry in (tmp_path / "notes").iterdir()] == ["mine.txt"]


def test_is_an_estimator_of_scikit_learn(thin):
    change = RandomAffine(shift=0.1)
    model = clone(VAE(**SMALL, config=CONFIG, augmentation=change))
    assert model.get_params()["augmentation"] == change
    assert "latent_size=2" in repr(model)
    with pytest.raises(NotFittedError):
        model.encode(thin)


def test_the_same_seed_gives_the_same_vectors(thin):
    config = replace(CONFIG, num_steps=5, steps_per_call=5)
    first, same = (VAE(**SMALL, config=config).fit(thin).encode(thin) for _ in range(2))
    np.testing.assert_array_equal(first, same)


class _Stop:
    def __init__(self, step):
        self.step = step

    def __call__(self, event):
        if event.step >= self.step:
            raise KeyboardInterrupt


def test_an_interrupted_fit_goes_on_where_it_stopped(thin, tmp_path):
    config = replace(CONFIG, num_steps=60, steps_per_call=20)
    whole = VAE(**SMALL, config=config).fit(thin)
    stopped = VAE(**SMALL, config=config)
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(thin, checkpoint_dir=tmp_path, callbacks=[_Stop(20)])
    assert not hasattr(stopped, "embedding_")
    stopped.fit(thin, checkpoint_dir=tmp_path, resume=True)
    np.testing.assert_allclose(stopped.encode(thin), whole.encode(thin), rtol=1e-4, atol=1e-5)


def test_without_early_stopping_it_trains_to_the_end(thin):
    config = replace(CONFIG, num_steps=60, steps_per_call=10, patience=10, average_decay=0.0)
    steep = replace(config, optimizer=lt.training.SGD(1e-9))  # nothing gets better
    settings = {**SMALL, "config": steep}
    stopped = VAE(**settings).fit(thin)
    whole = VAE(early_stopping=False, **settings).fit(thin)
    assert stopped.result_.stopped_early
    assert stopped.result_.num_steps < 60 == whole.result_.num_steps
    assert "validation_loss" not in whole.history
    assert np.isfinite(whole.held_out_scores_[0].elbo)


@pytest.mark.slow
def test_xla_trains_as_well(thin, fitted):
    model = VAE(**SMALL, config=replace(CONFIG, jit_compile=True)).fit(thin)
    assert model.result_.best_value < fitted.result_.best_value + 1.0


@pytest.mark.slow
def test_denoising_forgets_what_was_changed(thin):
    """Where a bar may have been shifted, vectors of shifted copies come closer to each other."""
    change = RandomAffine(shift=0.3, rotation=0.0, log_scale=0.0, shear=0.0)
    moved = np.asarray(change(thin[..., None], [0, 1]))
    distances = []
    for augmentation in (None, change):
        model = VAE(**SMALL, config=CONFIG, augmentation=augmentation).fit(thin)
        still, after = model.encode(thin), model.encode(moved)
        distances.append(np.mean((still - after) ** 2) / np.var(still, axis=0).sum())
    assert distances[1] < 0.8 * distances[0]


def test_vae_gan_learns_and_is_saved(thin, thick, tmp_path):
    config = replace(CONFIG, num_steps=200)
    model = VAEGAN(**SMALL, config=config, pixel_weight=1.0).fit(thin, thick)
    assert model.result_.best_step == 200
    assert {"feature_error", "decoder_loss", "discriminator_loss"} <= set(model.history)
    assert np.mean((model.reconstruct(thick) - thick) ** 2) < 0.5 * np.var(thick, axis=0).mean()
    model.save(tmp_path / "model")
    loaded = lt.embeddings.load(tmp_path / "model")
    assert loaded.metadata["kind"] == "VAEGAN"
    np.testing.assert_allclose(loaded.encode(thin), model.encode(thin), rtol=1e-5, atol=1e-6)


def test_colour_images_and_one_domain(rng):
    images = rng.integers(0, 256, size=(30, 4, 8, 3), dtype=np.uint8)
    model = VAE(**SMALL, config=replace(CONFIG, num_steps=10, steps_per_call=10)).fit(images)
    assert model.reconstruct(images).shape == (30, 4, 8, 3)


def test_progress_goes_to_standard_error(thin, capfd):
    config = replace(CONFIG, num_steps=10, steps_per_call=10)
    VAE(**SMALL, config=config, progress=True).fit(thin)
    out, err = capfd.readouterr()
    assert out == ""
    assert "10/10" in err


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
        VAE(**SMALL | settings).fit(thin)


def test_bad_images_and_vectors_are_named(fitted, thin):
    with pytest.raises(ValueError, match=r"`images` must have shape \[N, 8, 8, 1\]; got \[400, 4"):
        fitted.encode(thin[:, :4])
    with pytest.raises(ValueError, match=r"`images` must lie in \[0, 1\], or be uint8"):
        fitted.reconstruct(2.0 * thin)
    with pytest.raises(ValueError, match=r"`vectors` must have shape \[N, 2\]; got \[5, 3\]"):
        fitted.decode(np.zeros((5, 3)))
    with pytest.raises(ValueError, match="`vectors` must be finite"):
        fitted.decode(np.full((5, 2), np.nan))
    with pytest.raises(ValueError, match="`num_samples` must be at least 1; got 0"):
        fitted.sample(0)
    with pytest.raises(ValueError, match="`seed` must be at least 0; got -1"):
        fitted.sample(3, seed=-1)
    with pytest.raises(ValueError, match=r"`domains\[1\]` must have shape \[N, 8, 8, 1\]; got"):
        VAE(**SMALL).fit(thin, thin[:, :4])


def test_signatures_take_any_number_of_images(fitted):
    function = fitted.embedding_.module.encode
    for number in (1, 7):
        assert function(tf.zeros([number, 8, 8, 1])).shape == [number, 2]
