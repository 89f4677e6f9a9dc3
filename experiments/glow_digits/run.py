"""Fits the private densities, then every method, and measures them on the same images."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from experiments.common.files import save_figure
from experiments.common.runner import report
from experiments.glow_digits.config import Config
from experiments.glow_digits.data import load_digits
from experiments.glow_digits.fits import Bench
from experiments.glow_digits.labels import Classifiers
from experiments.glow_digits.methods import methods
from experiments.glow_digits.metrics import describe, describe_private, restated
from experiments.glow_digits.parts import Outcome
from experiments.glow_digits.pictures import draw_losses, draw_panel, draw_trade

__all__ = ["run"]

_SHOWN = ("longer", "gaussian_start", "back_to_back")
_CURVES = ("plain", "polyak", "gaussian_start", "back_to_back_start")


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
    bench = Bench(digits, config)
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
