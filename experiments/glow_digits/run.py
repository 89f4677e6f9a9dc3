"""USPS digits moved onto MNIST in pixel space by Glow: the published failure, and its cures.

The loss stays far above its bound 0, and the score says so by itself. Every number is counted
from the best private fits that any stage of the run found, on images that no fit has seen.
Labels are used for classifiers that are fitted on the domain that stays, and for nothing else.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import lrmf_tfp as lt
from experiments.common.runner import report, run_experiment, save_figure
from experiments.glow_digits.data import load_digits
from experiments.glow_digits.fits import Bench
from experiments.glow_digits.labels import Classifiers
from experiments.glow_digits.metrics import describe, describe_private, restated
from experiments.glow_digits.parts import Moved, Outcome, Settings, Stage, moved_by
from experiments.glow_digits.pictures import draw_losses, draw_panel, draw_trade

__all__ = ["Config", "main", "run"]

_SHOWN = ("longer", "gaussian_start", "back_to_back")
_CURVES = ("plain", "polyak", "gaussian_start", "back_to_back_start")


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    noise: float = field(default=0.05, metadata={"help": "width of the uniform noise"})
    num_target: int = field(default=20_000, metadata={"help": "training images of MNIST"})
    num_held_out: int = field(
        default=1000, metadata={"help": "images a domain to stop by, and as many to score"}
    )
    num_test: int = field(default=2000, metadata={"help": "test images a domain, for labels"})
    copies: int = field(default=2, metadata={"help": "noisy copies of each training image"})
    num_levels: int = field(default=2, metadata={"help": "scales of each Glow flow"})
    steps_per_level: int = field(default=4, metadata={"help": "couplings of each scale"})
    width: int = field(default=32, metadata={"help": "channels of the conditioners"})
    num_steps: int = field(default=1200, metadata={"help": "optimiser steps of one pass"})
    max_passes: int = field(default=3, metadata={"help": "passes of each private fit"})
    batch_size: int = field(default=64, metadata={"help": "images of each domain in a step"})
    learning_rate: float = field(default=8e-3, metadata={"help": "of Adam"})
    polyak_c: float = field(default=5.0, metadata={"help": "divisor of the Polyak step"})
    polyak_max_rate: float = field(default=1.0, metadata={"help": "largest Polyak step size"})
    cures: tuple[str, ...] = field(
        default=("gaussian_ot", "gaussian_start", "noise", "back_to_back_start"),
        metadata={"help": "what to try"},
    )
    jit_compile: bool = field(default=True, metadata={"help": "compile with XLA"})
    seeds: int = field(default=2, metadata={"help": "starts of the plain fit, from --seed on"})
    seed: int = field(default=0, metadata={"help": "seed of data, starts and batches"})

    def __post_init__(self) -> None:
        """Check what the library does not."""
        for name in ("num_target", "num_held_out", "num_test", "copies", "max_passes", "seeds"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be at least 1; got {getattr(self, name)}.")
        known = sorted(cures())
        for name in self.cures:
            if name not in known:
                raise ValueError(f"`cures` must be among {known}; got {name!r}.")
        if not (math.isfinite(self.noise) and self.noise > 0.0):
            raise ValueError(f"`noise` must be finite and above 0; got {self.noise}.")

    @classmethod
    def quick(cls) -> Config:
        """Return settings that end in under a minute."""
        return cls(
            num_target=1000,
            num_held_out=100,
            num_test=200,
            copies=1,
            num_levels=1,
            steps_per_level=1,
            width=4,
            num_steps=20,
            max_passes=1,
            cures=("gaussian_ot",),
            jit_compile=False,
            seeds=1,
        )

    def settings(self) -> Settings:
        """Return what flows and fits need of it."""
        return Settings(
            num_levels=self.num_levels,
            steps_per_level=self.steps_per_level,
            width=self.width,
            num_steps=self.num_steps,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            max_passes=self.max_passes,
            jit_compile=self.jit_compile,
            seed=self.seed,
        )

    def polyak(self) -> Any:
        """Return the optimiser whose step follows from the bound 0."""
        return lt.training.PolyakSGD(0.0, c=self.polyak_c, max_rate=self.polyak_max_rate)


def run(config: Config, *, output: Path | None = None) -> dict[str, Any]:
    """Return the metrics; draw the pictures into `output` if it is given."""
    digits = load_digits(
        noise=config.noise,
        num_target=config.num_target,
        num_held_out=config.num_held_out,
        num_test=config.num_test,
        copies=config.copies,
        seed=config.seed,
    )
    bench = Bench(digits, config.settings())
    began = time.monotonic()
    bench.fit_private()
    private_seconds = time.monotonic() - began
    report(f"glow_digits: private fits {bench.private.nll} nats in {private_seconds:.0f} s")
    outcomes = {}
    for name, method in methods(config).items():
        outcomes[name] = method(bench)
        tell(name, outcomes[name], bench)
    classifiers = Classifiers(digits)
    metrics = {name: describe(outcome, bench, classifiers) for name, outcome in outcomes.items()}
    starts = [name for name in outcomes if name.startswith("plain")]
    metrics["converged"] = metrics["plain"]["converged"]
    metrics["plain_over_seeds"] = [metrics[name]["value"] for name in starts]
    metrics["private"] = describe_private(bench) | {"seconds": private_seconds}
    metrics["mixture"] = bench.mixture_score()._asdict()
    metrics["ceiling"] = {"accuracy": classifiers.ceiling()}
    if output is not None:
        draw(outcomes, metrics, bench, output)
    return metrics


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
        "polyak": lambda bench: bench.align("LRMF, Polyak steps", optimizer=config.polyak()),
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


def tell(name: str, outcome: Outcome, bench: Bench) -> None:
    """Say on standard error how a method went."""
    score = outcome.score(bench.private)
    report(f"glow_digits: {name}: {score.value:.1f} nats in {outcome.seconds:.0f} s")


def draw(
    outcomes: dict[str, Outcome], metrics: dict[str, Any], bench: Bench, output: Path
) -> None:
    """Write the panel of digits, the loss curves, and classes kept against the score."""
    shown = [outcomes[name] for name in _SHOWN if name in outcomes]
    save_figure(draw_panel(shown, bench.digits), output / "panel.png")
    histories = {
        outcomes[name].title: restated(outcomes[name], bench)
        for name in _CURVES
        if name in outcomes
    }
    plain, longer = outcomes["plain"], outcomes["longer"]
    parts = [restated(each, bench) for each in (plain, longer)]
    steps = np.concatenate([parts[0][0], plain.steps + parts[1][0]])
    histories[plain.title] = (steps, np.concatenate([part[1] for part in parts]))
    figure = draw_losses(histories, score=longer.score(bench.private), measured=plain.title)
    save_figure(figure, output / "loss.png")
    named = {name: each for name, each in outcomes.items() if not name.startswith("plain_")}
    figure = draw_trade(
        {each.title: each.score(bench.private) for each in named.values()},
        {each.title: metrics[name]["accuracy"]["forward"]["1nn"] for name, each in named.items()},
        ceiling=metrics["ceiling"]["accuracy"]["forward"]["1nn"],
    )
    save_figure(figure, output / "trade.png")


def main() -> int:
    """Run from the command line."""
    try:
        return run_experiment("glow_digits", Config, run)
    except FileNotFoundError as error:  # the digits are not there, seen before any fit
        report(f"experiments.glow_digits: error: {error}")
        return 2


if __name__ == "__main__":
    sys.exit(main())
