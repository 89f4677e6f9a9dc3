"""Glow: shapes, the explicit start, one pass, scales, export, memory and bad input."""

from __future__ import annotations

import resource
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from lrmf_tfp.densities import flow_density
from lrmf_tfp.flows import AffineLayer, Flow, InverseLayer, PixelAffineLayer, glow_flow
from lrmf_tfp.objectives import MaximumLikelihoodObjective
from lrmf_tfp.training import FitConfig, fit
from tests.cases import perturb

LEVELS, STEPS, PRODUCTS = 2, 3, 4  # a step is three convolutions and one map of pixels

PLAIN_TENSORFLOW = """
    import sys
    import numpy as np
    import tensorflow as tf
    folder = sys.argv[1]
    model, x = tf.saved_model.load(folder + "/model"), np.load(folder + "/x.npy")
    for name in ("forward", "inverse"):
        y, log_det = getattr(model, name)(x)
        np.savez(f"{folder}/{name}.npz", y=y, log_det=log_det)
    loaded = [name for name in sys.modules if name.split(".")[0] in
              ("lrmf_tfp", "tensorflow_probability", "tf_keras")]
    assert not loaded, loaded
"""


def _small(**kwargs):
    settings = {"steps_per_level": STEPS, "hidden_units": (4, 4), "dtype": tf.float64, **kwargs}
    return glow_flow((8, 8, 1), **settings)


@pytest.fixture
def images(rng):
    """Smooth images `[100, 8, 8, 1]`, far from zero mean and unit scale."""
    waves = np.sin(np.arange(8) / 2 + rng.uniform(0, 6, size=(100, 1)))
    pixels = waves[:, :, None] * waves[:, None, :] + 0.1 * rng.normal(size=(100, 8, 8))
    return 3.0 + 20.0 * pixels[..., None]


@pytest.mark.parametrize(
    ("shape", "num_levels"),
    [
        pytest.param((28, 28, 1), 2, marks=pytest.mark.slow),
        ((8, 12, 3), 2),
        ((2, 6, 2), 1),
        pytest.param((8, 8, 1), 3, marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize(("dtype", "tolerance"), [(tf.float32, 1e-5), (tf.float64, 1e-10)])
def test_round_trip_of_any_image_shape(rng, shape, num_levels, dtype, tolerance):
    flow = glow_flow(shape, num_levels=num_levels, dtype=dtype)
    perturb(flow, scale=0.02)
    x = tf.constant(np.clip(1.5 * rng.normal(size=(4, *shape)), -3, 3), dtype)
    y, log_det = flow.forward_and_log_det(x)
    np.testing.assert_allclose(flow.inverse(tf.identity(y)), x, atol=tolerance)
    assert y.shape == x.shape
    assert np.max(np.abs(y - x)) > 0.01 < np.max(np.abs(log_det))


@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize("start", ["identity", "anywhere"])
def test_pixel_affine_starts_at_unit_scale(images, start, inverse):
    layer = PixelAffineLayer(4, dtype=tf.float64)
    if start == "anywhere":
        perturb(layer, scale=0.5)
    value = tf.nn.space_to_depth(tf.constant(images), 2)
    moved = layer.initialize(value, inverse=inverse)
    np.testing.assert_allclose(np.mean(moved, axis=(0, 1, 2)), 0.0, atol=1e-9)
    np.testing.assert_allclose(np.std(moved, axis=(0, 1, 2)), 1.0, atol=1e-9)
    step = layer.inverse_and_log_det if inverse else layer.forward_and_log_det
    np.testing.assert_allclose(step(value)[0], moved, atol=1e-9)


def test_pixel_affine_is_the_affine_layer_at_every_pixel(rng):
    pixels = perturb(PixelAffineLayer(4, dtype=tf.float64), scale=0.3)
    vectors = AffineLayer(4, dtype=tf.float64)
    for variable, value in zip(vectors.variables, pixels.variables, strict=True):
        variable.assign(value)
    x = tf.constant(rng.normal(size=(2, 3, 5, 4)))
    for direction in ("forward_and_log_det", "inverse_and_log_det"):
        y, log_det = getattr(pixels, direction)(x)
        wanted, change = getattr(vectors, direction)(tf.reshape(x, [-1, 4]))
        np.testing.assert_allclose(tf.reshape(y, [-1, 4]), wanted, atol=1e-12)
        np.testing.assert_allclose(log_det, np.sum(np.reshape(change, [2, 15]), axis=1))


@pytest.mark.parametrize("inverse", [False, True])
def test_initialize_brings_images_to_unit_scale_in_one_call(images, inverse):
    flow = _small()
    moved = flow.initialize(images, inverse=inverse)
    channels = tf.nn.space_to_depth(moved, 2)
    np.testing.assert_allclose(np.mean(channels, axis=(0, 1, 2)), 0.0, atol=1e-9)
    np.testing.assert_allclose(np.std(channels, axis=(0, 1, 2)), 1.0, atol=1e-9)
    again, log_det = (flow.inverse_and_log_det if inverse else flow.forward_and_log_det)(images)
    np.testing.assert_allclose(again, moved, atol=1e-12)
    assert np.all(np.abs(log_det) > 64 * np.log(5))


@pytest.mark.parametrize("wrap", ["flattened", "backwards"])
def test_initialize_reaches_nested_layers(images, wrap):
    flow = _small()
    if wrap == "flattened":
        moved = flow.flattened().initialize(images.reshape(100, 64), inverse=True)
    else:
        layers = [InverseLayer(flow)]
        moved = Flow(layers, event_shape=(8, 8, 1), dtype=tf.float64).initialize(images)
    wanted = _small().initialize(images, inverse=True)
    np.testing.assert_allclose(moved, np.reshape(wanted, moved.shape), atol=1e-12)


def test_nothing_but_initialize_starts_from_data(images):
    flow = _small()
    before = [variable.numpy() for variable in flow.variables]
    density = flow_density(flow)
    density.sample(3, seed=1)
    tf.function(density.log_prob, autograph=False)(images)
    for value, variable in zip(before, flow.variables, strict=True):
        np.testing.assert_array_equal(value, variable)


def test_pixels_that_never_vary_do_no_harm(images):
    images[:, :2], images[:, :, :2] = 0.0, 0.0
    flow = glow_flow((8, 8, 1), num_levels=3, steps_per_level=2, hidden_units=(4, 4))
    moved = flow.initialize(images.astype(np.float32), inverse=True)
    assert np.all(np.isfinite(moved))
    assert np.max(np.abs(moved)) < 20.0
    black = np.zeros((10, 8, 8, 1), np.float32)
    np.testing.assert_array_equal(_small(dtype=tf.float32).initialize(black), black)


@pytest.mark.parametrize("bad", [np.zeros((5, 8, 6, 1)), np.full((5, 8, 8, 1), np.nan)])
def test_initialize_refuses_bad_samples(bad):
    flow = _small()
    with pytest.raises(ValueError, match="`(x|samples)` must"):
        flow.initialize(bad)
    assert all(np.all(np.isfinite(variable)) for variable in flow.variables)


@pytest.mark.parametrize("density", ["ours", "tfp"])
def test_log_prob_runs_each_network_once(density):
    flow = _small()
    zeros = tf.zeros([8, 8, 1], tf.float64)
    base = tfd.Independent(tfd.Normal(zeros, zeros + 1), 3)
    built = flow_density(flow) if density == "ours" else tfd.TransformedDistribution(base, flow)
    spec = tf.TensorSpec([None, 8, 8, 1], tf.float64)
    graph = tf.function(built.log_prob, autograph=False).get_concrete_function(spec).graph
    found = sum(op.type == "MatMul" for op in graph.get_operations())
    assert found == LEVELS * STEPS * PRODUCTS


def test_all_variables_exist_at_construction(images):
    flow = _small()
    names = [variable.ref() for variable in flow.trainable_variables]
    assert len(names) == LEVELS * STEPS * (6 + 4)
    flow.inverse(images)
    assert [variable.ref() for variable in flow.trainable_variables] == names


def test_the_inner_level_moves_half_of_the_channels(rng):
    flow = _small()
    perturb(flow.layers[0].inner)
    x = tf.constant(rng.normal(size=(3, 8, 8, 1)))
    before, after = (tf.nn.space_to_depth(each, 2) for each in (x, flow.forward(x)))
    np.testing.assert_array_equal(after[..., :2], before[..., :2])
    assert np.min(np.max(np.abs(after - before)[..., 2:], axis=(0, 1, 2))) > 0.01


def test_image_density_integrates_like_a_density(images):
    flow = _small()
    flow.initialize(images, inverse=True)
    density = flow_density(perturb(flow, scale=0.02))
    z = density.distribution.sample(5, seed=1)
    x, log_det = flow.forward_and_log_det(z)
    wanted = density.distribution.log_prob(z) - log_det
    assert density.event_shape == (8, 8, 1)
    assert density.sample(2, seed=1).shape == (2, 8, 8, 1)
    np.testing.assert_allclose(density.log_prob(x), wanted, rtol=1e-9)


@pytest.mark.parametrize("jit_compile", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_trains_as_a_density(images, jit_compile):
    flow = glow_flow((8, 8, 1), steps_per_level=1, hidden_units=(4,))
    images = images.astype(np.float32)
    flow.initialize(images, inverse=True)
    objective = MaximumLikelihoodObjective(flow_density(flow))
    before = float(objective(images).loss)
    config = FitConfig(num_steps=40, steps_per_call=20, batch_size=50, jit_compile=jit_compile)
    fit(objective, (images,), config)
    assert float(objective(images).loss) < before - 1.0


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [tf.float32, tf.float64], ids=str)
def test_plain_tensorflow_answers_the_same(rng, tmp_path, dtype):
    flow = perturb(_small(dtype=dtype, steps_per_level=1))
    module = tf.Module()
    module.flow = flow
    spec = [tf.TensorSpec([None, 8, 8, 1], dtype)]
    for name in ("forward", "inverse"):
        method = getattr(flow, f"{name}_and_log_det")
        setattr(module, name, tf.function(method, input_signature=spec, autograph=False))
    tf.saved_model.save(module, str(tmp_path / "model"))
    x = rng.normal(size=(7, 8, 8, 1)).astype(dtype.as_numpy_dtype)
    np.save(tmp_path / "x.npy", x)
    command = [sys.executable, "-c", textwrap.dedent(PLAIN_TENSORFLOW), str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    for name in ("forward", "inverse"):
        found = np.load(tmp_path / f"{name}.npz")
        y, log_det = getattr(flow, f"{name}_and_log_det")(x)
        np.testing.assert_allclose(found["y"], y, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(found["log_det"], log_det, rtol=1e-6, atol=1e-6)


@pytest.mark.long
def test_a_thousand_steps_take_no_memory(rng):
    images = rng.normal(size=(64, 32, 32, 1)).astype(np.float32)
    objective = MaximumLikelihoodObjective(flow_density(glow_flow((32, 32, 1))))
    peaks = {}

    def note(event):
        peaks[event.step] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # MB

    config = FitConfig(num_steps=1500, steps_per_call=100, batch_size=32, jit_compile=False)
    fit(objective, (images,), config, callbacks=[note])
    assert peaks[1500] - peaks[500] < 1.0


def test_values_that_are_not_numbers_come_out_as_such():
    y, log_det = _small().forward_and_log_det(tf.fill([2, 8, 8, 1], tf.cast(np.nan, tf.float64)))
    assert np.all(np.isnan(y))
    assert log_det.shape == (2,)


def test_seed_decides_the_start():
    first, same, other = (_small(seed=seed).variables for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, same, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize(
    ("kwargs", "match"),
    [
        ({"event_shape": (30, 28, 1)}, r"H and W divisible by 4, .* got \[30, 28, 1\]"),
        ({"event_shape": (28, 28, 1), "num_levels": 3}, "divisible by 8"),
        ({"event_shape": (28, 27, 1), "num_levels": 1}, "divisible by 2"),
        ({"event_shape": (8, 8)}, r"`event_shape` must be \[H, W, C\]; got \[8, 8\]"),
        ({"event_shape": 64}, r"`event_shape` must be \[H, W, C\]; got 64"),
        ({"event_shape": (8, 8, 0)}, "`event_shape`.* got 0"),
        ({"num_levels": 0}, "`num_levels`"),
        ({"steps_per_level": 0}, "`steps_per_level`"),
        ({"hidden_units": (8, 0)}, "`hidden_units`"),
        ({"activation": "sine"}, "`activation`.*'sine'"),
        ({"max_log_scale": 0.0}, "`max_log_scale`"),
        ({"max_input": -1.0}, "`max_input`"),
    ],
)
def test_bad_arguments_are_named(kwargs, match):
    with pytest.raises(ValueError, match=match) as caught:
        glow_flow(**{"event_shape": (8, 8, 1), **kwargs})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("shape", [(2, 8, 8), (2, 8, 8, 3), (2, 8, 6, 1), (64,)])
def test_other_images_are_refused_in_one_line(shape):
    with pytest.raises(ValueError, match=r"`x` must have shape \[..., 8, 8, 1\]; got") as caught:
        _small().forward_and_log_det(tf.zeros(shape, tf.float64))
    assert "\n" not in str(caught.value)
