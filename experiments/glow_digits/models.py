"""The map, the density, and how both are trained."""

from __future__ import annotations

from typing import Any

import lrmf_tfp as lt
from experiments.glow_digits.config import Config
from experiments.glow_digits.data import SIDE

__all__ = ["fit_config", "glow", "glow_density", "polyak"]


def fit_config(config: Config, *, optimizer: Any = None) -> lt.FitConfig:
    """Return the settings of one pass."""
    return lt.FitConfig(
        num_steps=config.num_steps,
        batch_size=config.batch_size,
        optimizer=optimizer or lt.training.Adam(config.learning_rate),
        steps_per_call=max(1, config.num_steps // 15),
        jit_compile=config.jit_compile,
    )


def glow(config: Config, *, seed: int) -> Any:
    """Return a Glow flow on rows `[N, 256]`, the identity at the start."""
    flow = lt.flows.glow_flow(
        [SIDE, SIDE, 1],
        num_levels=config.num_levels,
        steps_per_level=config.steps_per_level,
        hidden_units=(config.width, config.width),
        seed=seed,
    )
    return flow.flattened()


def glow_density(config: Config, *, seed: int) -> Any:
    """Return a density of Student t noise through a Glow flow."""
    flow = glow(config, seed=seed)
    return lt.densities.flow_density(flow, base=lt.densities.student_t_base(flow.event_size))


def polyak(config: Config) -> Any:
    """Return the optimiser whose step follows from the bound 0."""
    return lt.training.PolyakSGD(0.0, c=config.polyak_c, max_rate=config.polyak_max_rate)
