"""`NoisyObjective`: the same loss of convolved densities, and a gradient across a gap."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from lrmf_tfp.densities import gaussian_density
from lrmf_tfp.flows import affine_flow
from lrmf_tfp.objectives import (
    Anneal,
    MaximumLikelihoodObjective,
    NoisyObjective,
    energy_objective,
)
from lrmf_tfp.samples import Batch


def test_the_loss_is_that_of_the_convolved_density(rng):
    # -E log N(x; 0, 1) under N(0, 1) * N(0, s^2) is (log(2 pi) + 1 + s^2) / 2.
    noisy = NoisyObjective(MaximumLikelihoodObjective(gaussian_density(1, dtype=tf.float64)))
    noisy.scale.assign(3.0)
    samples = rng.normal(size=(100_000, 1))
    wanted = 0.5 * (np.log(2.0 * np.pi) + 1.0 + 9.0)
    for loss in (noisy(samples, seed=tf.constant([0, 1])).loss, noisy.validation_loss(samples)):
        assert float(loss) == pytest.approx(wanted, abs=0.05)  # 4 standard errors are 0.06


def test_noise_depends_on_the_seed_and_differs_between_domains(rng):
    noisy = NoisyObjective(energy_objective(affine_flow(2)))
    x = rng.normal(size=(50, 2)).astype(np.float32)
    none = float(noisy(x, x, seed=tf.constant([0, 1])).loss)
    noisy.scale.assign(1.0)
    first, again, other = (float(noisy(x, x, seed=tf.constant([0, i])).loss) for i in (1, 1, 2))
    assert first == again != other
    assert first > none + 1e-2  # equal samples are at the least loss, but the noise is not equal


def test_blurred_samples_are_those_of_the_held_out_loss(rng):
    noisy = NoisyObjective(MaximumLikelihoodObjective(gaussian_density(2)))
    noisy.scale.assign(2.0)
    x = rng.normal(size=(300, 2)).astype(np.float32)
    blurred = noisy.blurred(Batch(x)).values
    assert (blurred - x).std() == pytest.approx(2.0, rel=0.1)
    same = float(noisy.objective.validation_loss(blurred))
    assert float(noisy.validation_loss(x)) == pytest.approx(same, rel=1e-6)


@pytest.mark.parametrize("scales", [(1.0, 2.0), (1.0, 1.0), (1.0, 0.0), (-1.0,), (np.inf,), ()])
def test_scales_must_fall_and_be_positive(scales):
    with pytest.raises(ValueError, match="`scales` must be positive numbers, each below"):
        Anneal(*scales)
