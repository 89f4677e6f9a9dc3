"""Named constructors that the law tests run over. Add a flow here and every law applies to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

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


class SampleFunction(NamedTuple):
    """A function of two sample sets, and which laws it keeps."""

    call: Callable[..., tf.Tensor]
    """`(source, target, *, unit, source_weights, target_weights)` to a scalar; lengths among its
    settings are multiples of `unit`."""
    power: int = 0
    """`call(c x, c y, unit=c) = c^power call(x, y)`."""
    columns: int = 2
    """D of the samples that it takes."""
    repeats: bool = True
    """Whether a row of weight k is the row k times."""
    named: bool = False
    """Whether a kernel comes by its name, which a `tf.function` does not take."""
    known: bool = True
    """Whether rows whose weight turns out 0 inside of a `tf.function` change nothing there."""


def _divergence(name, **fixed):
    function = getattr(divergences, name)
    return lambda x, y, unit=1.0, **weights: function(x, y, **fixed, **weights)


def _mmd(name, kernel, **fixed):
    function = getattr(divergences, name)
    return lambda x, y, unit=1.0, **weights: function(
        x, y, kernel=kernel(0.8 * unit), **fixed, **weights
    )


def _sinkhorn(cost, power):
    return lambda x, y, unit=1.0, **weights: divergences.sinkhorn_divergence(
        x,
        y,
        cost=cost,
        epsilon=0.3 * unit**power,
        tolerance=1e-6,
        max_iterations=500,
        **weights,
    )


DIVERGENCES = {
    "mmd_gaussian": SampleFunction(_mmd("mmd_squared", kernels.GaussianKernel)),
    "mmd_laplace": SampleFunction(_mmd("mmd_squared", kernels.LaplaceKernel)),
    "mmd_random_features": SampleFunction(
        _mmd("mmd_squared_random_features", kernels.GaussianKernel, num_features=20)
    ),
    "energy": SampleFunction(_divergence("energy_distance"), power=1),
    "emd": SampleFunction(_divergence("emd"), power=1),
    "sinkhorn": SampleFunction(_sinkhorn("squared_euclidean", 2), power=2),
    "sliced_wasserstein": SampleFunction(
        _divergence("sliced_wasserstein", num_projections=8), power=1
    ),
    "max_sliced_wasserstein": SampleFunction(
        _divergence("max_sliced_wasserstein", num_projections=4, num_steps=10), power=1
    ),
}
"""Name -> function that is 0 on equal samples, positive on others, symmetric and smooth."""

SAMPLE_FUNCTIONS = DIVERGENCES | {
    "mmd_named": SampleFunction(_divergence("mmd_squared"), named=True),
    "mmd_multi_gaussian": SampleFunction(
        _divergence("mmd_squared", kernel="multi_gaussian", unbiased=True),
        repeats=False,
        named=True,
    ),
    "mmd_unbiased": SampleFunction(
        _mmd("mmd_squared", kernels.InverseMultiquadricKernel, unbiased=True), repeats=False
    ),
    "mmd_linear_time": SampleFunction(
        _mmd("mmd_squared_linear_time", kernels.GaussianKernel), repeats=False, known=False
    ),
    "emd_squared": SampleFunction(_divergence("emd", cost="squared_euclidean"), power=2),
    "optimal_transport": SampleFunction(
        lambda x, y, unit=1.0, **weights: (
            divergences.optimal_transport(x, y, cost="cityblock", **weights).value
        ),
        power=1,
    ),
    "sinkhorn_euclidean": SampleFunction(_sinkhorn("euclidean", 1), power=1),
    "sinkhorn_result": SampleFunction(
        lambda x, y, unit=1.0, **weights: (
            divergences.sinkhorn(x, y, cost="euclidean", tolerance=1e-6, **weights).value
        ),
        power=1,
    ),
    "wasserstein_1d": SampleFunction(_divergence("wasserstein_1d"), power=1, columns=1),
    "kl_gaussian": SampleFunction(_divergence("kl_gaussian")),
    "kl_nearest_neighbours": SampleFunction(
        _divergence("kl_nearest_neighbours", num_neighbours=2), repeats=False
    ),
}
"""Name -> any function of two sample sets and their weights that returns a scalar."""

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
