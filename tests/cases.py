"""Named constructors that the law tests run over. Add a flow here and every law applies to it."""

from __future__ import annotations

import functools

import numpy as np
import tensorflow as tf

from lrmf_tfp import densities, divergences, flows, kernels, networks, objectives, ode


def _nvp(size, dtype, **kwargs):
    return flows.real_nvp_flow(size, num_layers=4, hidden_units=(8,), dtype=dtype, **kwargs)


def _ffjord(size, dtype, **kwargs):
    solver = ode.FixedStepSolver(4, "dormand_prince")
    return flows.ffjord_flow(size, hidden_units=(8, 8), solver=solver, dtype=dtype, **kwargs)


def _spline(size, dtype, **kwargs):
    return flows.spline_flow(size, num_layers=4, hidden_units=(8,), dtype=dtype, **kwargs)


def _glow(shape, dtype, **kwargs):
    return flows.glow_flow(shape, hidden_units=(4, 4), dtype=dtype, **kwargs)


def _mlp(inputs, outputs, flow):
    return networks.MLP(
        inputs,
        outputs,
        hidden_units=(16,),
        activation="relu",
        last_gain=1.0,
        dtype=flow.dtype,
        seed=1,
    )


FLOWS = {
    "affine_full": lambda dtype: flows.affine_flow(3, dtype=dtype),
    "affine_triangular": lambda dtype: flows.affine_flow(3, kind="triangular", dtype=dtype),
    "affine_diagonal": lambda dtype: flows.affine_flow(3, kind="diagonal", dtype=dtype),
    "affine_1d": lambda dtype: flows.affine_flow(1, dtype=dtype),
    "real_nvp": lambda dtype: _nvp(2, dtype),
    "real_nvp_odd": lambda dtype: _nvp(5, dtype, mixing="alternate"),
    "real_nvp_relu": lambda dtype: _nvp(4, dtype, activation="relu", mixing="alternate"),
    "real_nvp_lu": lambda dtype: _nvp(3, dtype, mixing="lu"),
    "real_nvp_inverse_lu": lambda dtype: _nvp(3, dtype, mixing="inverse_lu"),
    "real_nvp_1d": lambda dtype: _nvp(1, dtype),
    "ffjord": lambda dtype: _ffjord(2, dtype),
    "ffjord_stack": lambda dtype: _ffjord(3, dtype, activation="softplus", num_blocks=2),
    "spline": lambda dtype: _spline(2, dtype),
    "spline_odd": lambda dtype: _spline(5, dtype, mixing="alternate", num_bins=5),
    "spline_inverse_lu": lambda dtype: _spline(3, dtype, mixing="inverse_lu"),
    "spline_1d": lambda dtype: _spline(1, dtype),
    "real_nvp_given": lambda dtype: _nvp(3, dtype, condition_size=2).given([0.3, -0.4]),
    "glow_given": lambda dtype: _glow(
        (2, 4, 1), dtype, num_levels=1, steps_per_level=2, condition_size=2
    ).given(0),
    "spline_given": lambda dtype: _spline(1, dtype, condition_size=2).given(1),
    "glow": lambda dtype: _glow((4, 4, 1), dtype, steps_per_level=1),
    "glow_rgb": lambda dtype: _glow((2, 4, 3), dtype, num_levels=1, steps_per_level=2),
}
"""Name -> builder of a `tfb.Bijector` in a dtype."""

DENSITIES = {
    "gaussian": lambda dtype: densities.gaussian_density(3, dtype=dtype),
    "flow": lambda dtype: densities.flow_density(_nvp(3, dtype)),
    "mixture": lambda dtype: densities.mixture_density(3, num_components=4, dtype=dtype),
}
"""Name -> builder of a `tfd.Distribution` on events `[3]` in a dtype."""


DIVERGENCES = {
    "mmd_gaussian": lambda x, y, **weights: divergences.mmd_squared(
        x, y, kernel=kernels.GaussianKernel(0.8), **weights
    ),
    "mmd_laplace": lambda x, y, **weights: divergences.mmd_squared(
        x, y, kernel=kernels.LaplaceKernel(0.8), **weights
    ),
    "mmd_random_features": lambda x, y, **weights: divergences.mmd_squared_random_features(
        x, y, kernel=kernels.GaussianKernel(0.8), num_features=20, **weights
    ),
    "energy": divergences.energy_distance,
    "emd": divergences.emd,
    "sinkhorn": functools.partial(
        divergences.sinkhorn_divergence, epsilon=0.3, tolerance=1e-9, max_iterations=200
    ),
    "sliced_wasserstein": functools.partial(divergences.sliced_wasserstein, num_projections=8),
    "max_sliced_wasserstein": functools.partial(
        divergences.max_sliced_wasserstein, num_projections=4, num_steps=10
    ),
}
"""Name -> function of two sample sets and their weights that returns a scalar."""

WITHOUT_XLA = {"emd"}
"""Divergences that XLA cannot compile."""

OBJECTIVES = {
    "adversarial": lambda flow: objectives.AdversarialObjective(
        flow, objectives.Critic(2, hidden_units=(8,), dtype=flow.dtype), critic_steps=2
    ),
    "adversarial_penalty": lambda flow: objectives.AdversarialObjective(
        flow,
        objectives.Critic(2, hidden_units=(8,), spectral_norm=False, dtype=flow.dtype),
        regulariser="gradient_penalty",
        critic_steps=2,
    ),
    "emd": objectives.emd_objective,
    "energy": objectives.energy_objective,
    "gan": lambda flow: objectives.GANObjective(flow, _mlp(2, 1, flow)),
    "gram": lambda flow: objectives.GRAMObjective(flow, _mlp(2, 3, flow), bandwidths=None),
    "mmd": lambda flow: objectives.MMDObjective(flow, kernel=kernels.GaussianKernel(1.0)),
    "mmd_gan": lambda flow: objectives.MMDGANObjective(
        flow,
        objectives.ClippedMLP(2, 4, hidden_units=(16,), bound=0.5, dtype=flow.dtype),
        _mlp(4, 2, flow),
        kernel=kernels.GaussianKernel(0.3),
        code_steps=2,
    ),
    "mmd_net": objectives.MMDNetObjective,
    "sinkhorn": lambda flow: objectives.sinkhorn_objective(flow, epsilon=0.1),
    "sliced_wasserstein": lambda flow: objectives.sliced_wasserstein_objective(
        flow, num_projections=8
    ),
}
"""Name -> builder of an `Objective` without densities around a flow on events `[2]`."""


def perturb(module, *, scale=0.1, seed=0):
    """Move every variable off its start, so that an identity start hides nothing."""
    rng = np.random.default_rng(seed)
    for variable in module.trainable_variables:
        noise = rng.normal(scale=scale, size=variable.shape)
        variable.assign_add(tf.cast(noise, variable.dtype))
    return module
