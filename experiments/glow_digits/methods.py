"""What is tried: plain LRMF, what it is compared with, and the cures."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import lrmf_tfp as lt
from experiments.glow_digits.config import Config
from experiments.glow_digits.fits import Bench
from experiments.glow_digits.models import polyak
from experiments.glow_digits.parts import Moved, Outcome, Stage, moved_by

__all__ = ["methods"]


def methods(config: Config) -> dict[str, Callable[[Bench], Outcome]]:
    """Return what makes each outcome, in the order in which they are run."""
    smaller = (Stage(rate=0.5), Stage(rate=0.25))
    chosen: dict[str, Callable[[Bench], Outcome]] = {
        "identity": lambda bench: bench.score_map(
            "nothing moved", identity_map(bench), num_passes=1 + len(smaller)
        ),
        "plain": lambda bench: bench.align("LRMF"),
        "longer": lambda bench: bench.align(
            "LRMF, longer", stages=smaller, go_on=True, refit=True
        ),
        "polyak": lambda bench: bench.align("LRMF, Polyak steps", optimizer=polyak(config)),
        "back_to_back": lambda bench: bench.score_map(
            "back-to-back", moved_by(bench.back_to_back()), num_passes=1 + len(smaller)
        ),
    }
    for seed in range(config.seed + 1, config.seed + config.seeds):
        chosen[f"plain_{seed}"] = partial(Bench.align, title=f"LRMF, seed {seed}", seed=seed)
    return chosen | {name: cures()[name] for name in config.cures}


def cures() -> dict[str, Callable[[Bench], Outcome]]:
    """Return what could close the gap."""
    annealed = (Stage(noise=1.0), Stage(noise=0.3), Stage(noise=0.1), Stage(rate=0.5))
    return {
        "back_to_back_start": lambda bench: bench.align(
            "LRMF from back-to-back", flow=bench.back_to_back()
        ),
        "gaussian_ot": lambda bench: bench.score_map("Gaussian OT", gaussian_map(bench)),
        "gaussian_start": lambda bench: bench.align(
            "LRMF after Gaussian OT", before=gaussian_map(bench)
        ),
        "noise": lambda bench: bench.align("LRMF, annealed noise", stages=annealed),
    }


def identity_map(bench: Bench) -> Moved:
    """Return the map that moves nothing."""
    return moved_by(lt.flows.identity_flow(bench.digits.source.train.shape[1]))


def gaussian_map(bench: Bench) -> Moved:
    """Return optimal transport between the Gaussians of the training rows."""
    return moved_by(lt.flows.gaussian_ot_flow(*bench.digits.train))
