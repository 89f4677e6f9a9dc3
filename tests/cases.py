"""Named constructors that the law tests run over. Add a flow here and every law applies to it."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from lrmf_tfp import densities, flows


def _nvp(size, dtype, **kwargs):
    return flows.real_nvp_flow(size, num_layers=4, hidden_units=(8,), dtype=dtype, **kwargs)


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
}
"""Name -> builder of a `tfb.Bijector` in a dtype."""

DENSITIES = {
    "gaussian": lambda dtype: densities.gaussian_density(3, dtype=dtype),
    "flow": lambda dtype: densities.flow_density(_nvp(3, dtype)),
}
"""Name -> builder of a `tfd.Distribution` on events `[3]` in a dtype."""


def perturb(module, *, scale=0.1, seed=0):
    """Move every variable off its start, so that an identity start hides nothing."""
    rng = np.random.default_rng(seed)
    for variable in module.trainable_variables:
        noise = rng.normal(scale=scale, size=variable.shape)
        variable.assign_add(tf.cast(noise, variable.dtype))
    return module
