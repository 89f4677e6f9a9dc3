"""RealNVP: one pass, tracked variables, precision at D = 100 and bad input."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from lrmf_tfp.densities import flow_density
from lrmf_tfp.flows import AffineLayer, real_nvp_flow
from lrmf_tfp.objectives import MaximumLikelihoodObjective
from lrmf_tfp.training import FitConfig, fit
from tests.cases import perturb

LAYERS, MATMULS_A_LAYER = 4, 3


def _count_matmuls(function, x):
    graph = tf.function(function, autograph=False).get_concrete_function(x).graph
    return sum(op.type == "MatMul" for op in graph.get_operations())


@pytest.mark.parametrize("density", ["ours", "tfp"])
def test_log_prob_runs_each_network_once(density):
    flow = real_nvp_flow(2, num_layers=LAYERS)
    base = tfd.MultivariateNormalDiag(tf.zeros(2))
    built = flow_density(flow) if density == "ours" else tfd.TransformedDistribution(base, flow)
    spec = tf.TensorSpec([None, 2], tf.float32)
    assert _count_matmuls(built.log_prob, spec) == LAYERS * MATMULS_A_LAYER


def test_all_variables_exist_at_construction():
    flow = real_nvp_flow(3, num_layers=LAYERS, mixing="alternate")
    assert len(flow.trainable_variables) == LAYERS * MATMULS_A_LAYER * 2
    names = [variable.ref() for variable in flow.trainable_variables]
    flow.forward(tf.zeros([1, 3]))
    assert [variable.ref() for variable in flow.trainable_variables] == names


@pytest.mark.parametrize(("event_size", "same_as"), [(2, "alternate"), (3, "lu")])
def test_mixing_depends_on_the_number_of_dimensions(event_size, same_as):
    auto, wanted = (real_nvp_flow(event_size, mixing=mixing) for mixing in ("auto", same_as))
    assert [type(layer) for layer in auto.layers] == [type(layer) for layer in wanted.layers]


@pytest.mark.parametrize("mixing", ["alternate", "lu", "inverse_lu"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(tf.float32, 1e-5), (tf.float64, 1e-10)])
def test_round_trip_at_one_hundred_dimensions(rng, mixing, dtype, tolerance):
    flow = perturb(real_nvp_flow(100, mixing=mixing, dtype=dtype), scale=0.02)
    x = tf.constant(np.clip(1.5 * rng.normal(size=(200, 100)), -3, 3), dtype)
    y, log_det = flow.forward_and_log_det(x)
    np.testing.assert_allclose(flow.inverse(tf.identity(y)), x, atol=tolerance)
    assert np.max(np.abs(log_det)) > 0.1


@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [
        pytest.param(tf.float32, 1e-5, marks=pytest.mark.long),
        pytest.param(tf.float64, 1e-10, marks=pytest.mark.slow),
    ],
)
def test_round_trip_of_a_trained_flow_at_one_hundred_dimensions(rng, dtype, tolerance):
    x = rng.standard_t(5, size=(1000, 100)) @ np.linalg.qr(rng.normal(size=(100, 100)))[0]
    x = ((x - x.mean(axis=0)) / x.std(axis=0)).astype(dtype.as_numpy_dtype)
    flow = real_nvp_flow(100, mixing="inverse_lu", dtype=dtype)
    objective = MaximumLikelihoodObjective(flow_density(flow))
    before = float(objective(x).loss)
    fit(objective, (x,), FitConfig(num_steps=300))
    assert float(objective(x).loss) < before - 1.0
    tails = tf.constant(np.clip(3.0 * x, -3.0, 3.0))
    close = partial(np.testing.assert_allclose, rtol=tolerance, atol=tolerance)  # values to 3
    close(flow.inverse(flow.forward(tails)), tails)
    close(flow.forward(flow.inverse(tails)), tails)


def test_far_from_the_data_the_flow_is_affine():
    flow = perturb(real_nvp_flow(2, dtype=tf.float64), scale=0.2)
    x = tf.constant([[1e6, 1e6], [2e6, 2e6], [3e6, 3e6]], tf.float64)
    y, log_det = flow.forward_and_log_det(x)
    np.testing.assert_allclose(y[2] - y[1], y[1] - y[0], rtol=1e-9)
    np.testing.assert_allclose(log_det, log_det[0], atol=1e-9)


def test_layers_can_be_added_at_the_end():
    flow = perturb(real_nvp_flow(2, num_layers=2))
    last = AffineLayer(2, kind="diagonal")
    last.shift.assign([1.0, -1.0])
    longer = flow.followed_by(last)
    x = tf.ones([3, 2])
    np.testing.assert_allclose(longer.forward(x), flow.forward(x) + [1.0, -1.0], rtol=1e-6)
    assert longer.layers == (*flow.layers, last)
    assert len(longer.variables) == len(flow.variables) + 2


def test_seed_decides_the_start():
    first, same, other = (real_nvp_flow(2, seed=seed).variables for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, same, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize(
    ("kwargs", "match"),
    [
        ({"event_size": 0}, "`event_size`"),
        ({"event_size": 2, "num_layers": 0}, "`num_layers`"),
        ({"event_size": 2, "hidden_units": (8, 0)}, "`hidden_units`"),
        ({"event_size": 2, "mixing": "shuffle"}, "`mixing`.*'shuffle'"),
        ({"event_size": 2, "activation": "sine"}, "`activation`.*'sine'"),
        ({"event_size": 2, "max_log_scale": 0.0}, "`max_log_scale`"),
        ({"event_size": 2, "max_input": -1.0}, "`max_input`"),
    ],
)
def test_bad_arguments_are_named(kwargs, match):
    with pytest.raises(ValueError, match=match):
        real_nvp_flow(**kwargs)
