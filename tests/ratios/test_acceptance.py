"""Learned ratios of N(1, 1) and N(0, 4) by the networks of the sources, on fresh samples."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf

from lrmf_tfp.networks import MLP
from lrmf_tfp.objectives import ClassificationObjective
from lrmf_tfp.ratios import ClassifierRatio
from lrmf_tfp.training import Adam, ConstantSchedule, FitConfig, fit

KL = 0.4431471806
LEAST = 1.1299444150  # 2 log 2 - 2 JSD
# RMSprop is Adam without the first moment.
RMSPROP = Adam(1e-3, beta_1=0.0, beta_2=0.9, epsilon=1e-7, schedule=ConstantSchedule())


def draw(rng, rows_p, rows_q, *, steps=()):
    x, y = rng.normal(1.0, 1.0, (*steps, rows_p, 1)), rng.normal(0.0, 2.0, (*steps, rows_q, 1))
    return x.astype(np.float32), y.astype(np.float32)


def true_log_ratio(x):
    return math.log(2.0) + 0.125 * x[:, 0] ** 2 - 0.5 * (x[:, 0] - 1.0) ** 2


def train_online(network, *, rows, num_steps, optimizer, seed, prior=0.0):
    """Train on a fresh batch in each step; return the logits and the mean of the last losses."""
    rng = np.random.default_rng(seed)
    data = tf.data.Dataset.from_tensor_slices(draw(rng, *rows, steps=(num_steps,)))
    objective = ClassificationObjective(network, prior_log_odds=prior)
    config = FitConfig(
        num_steps=num_steps,
        steps_per_call=50,
        optimizer=optimizer,
        average_decay=0.0,
        jit_compile=False,
    )
    losses = fit(objective, data, config).history["loss"]
    return lambda x: objective.logits(x).numpy().astype(np.float64), losses[-1]


SEEDS = pytest.mark.parametrize(
    "seed",
    [
        pytest.param(0, marks=pytest.mark.slow),
        *(pytest.param(seed, marks=pytest.mark.long) for seed in (1, 2)),
    ],
)


def rms(values):
    return float(np.sqrt(np.mean(np.square(values))))


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(s, marks=pytest.mark.long) for s in range(1, 5))]
)
def test_the_net_of_the_post(seed):
    """16 and 32 rectified units, 500 steps of RMSprop on fresh batches of 5,000.

    Over 10 seeds: last losses 1.129 to 1.134; on 1e5 fresh samples KL 0.416 to 0.477, NWJ 0.434 to
    0.446; rms 0.11 to 0.28.
    """
    network = MLP(1, 1, hidden_units=(16, 32), activation="relu", last_gain=1.0, seed=seed)
    logits, loss = train_online(
        network, rows=(5000, 5000), num_steps=500, optimizer=RMSPROP, seed=seed
    )
    x, y = draw(np.random.default_rng(1000 + seed), 100_000, 100_000)
    of_x, of_y = logits(x), logits(y)
    assert loss == pytest.approx(LEAST, abs=0.01)
    assert of_x.mean() == pytest.approx(KL, abs=0.04)
    assert 0.42 <= of_x.mean() - np.exp(of_y).mean() + 1.0 <= KL + 0.01
    grid = np.linspace(-3.0, 4.0, 141, dtype=np.float32)[:, None]
    assert rms(logits(grid) - true_log_ratio(grid)) <= 0.5


@SEEDS
def test_the_net_of_the_notebook(seed):
    """10 and 20 softplus units, 500 samples of each, batches of 50 of each, 250 epochs.

    Over 10 seeds: fresh cross-entropy 0.565 to 0.571, KL on fresh samples 0.37 to 0.50.
    """
    x, y = draw(np.random.default_rng(seed), 500, 500)
    config = FitConfig(
        num_steps=2000, batch_size=50, patience=2000, optimizer=RMSPROP, jit_compile=False
    )
    estimator = ClassifierRatio(hidden_units=(10, 20), config=config, seed=seed).fit(x, y)
    fresh = draw(np.random.default_rng(1000 + seed), 100_000, 100_000)
    of_x, of_y = (estimator.log_ratio(each).astype(np.float64) for each in fresh)
    entropy = 0.5 * (np.logaddexp(0.0, -of_x).mean() + np.logaddexp(0.0, of_y).mean())
    assert 0.5640 <= entropy <= 0.58
    assert of_x.mean() == pytest.approx(KL, abs=0.1)


@SEEDS
def test_four_numerator_samples_to_one(seed):
    """Over 10 seeds: the raw logits are shifted by 1.32 to 1.48, corrected rms 0.04 to 0.12."""
    network = MLP(1, 1, hidden_units=(32, 32), activation="tanh", last_gain=1.0, seed=seed)
    optimizer = Adam(2e-3, schedule=ConstantSchedule())
    logits, _ = train_online(
        network,
        rows=(2000, 500),
        num_steps=2000,
        optimizer=optimizer,
        seed=seed,
        prior=math.log(4.0),
    )
    grid = np.linspace(-2.0, 3.0, 101, dtype=np.float32)[:, None]
    gap = logits(grid) - true_log_ratio(grid)
    assert 1.2 <= gap.mean() <= 1.55
    assert rms(gap - math.log(4.0)) <= 0.15
