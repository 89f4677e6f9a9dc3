"""Sweeps the shift, fits every critic, and draws them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from experiments.common.files import save_figure
from experiments.common.runner import report
from experiments.critics import pictures
from experiments.critics.config import Config
from experiments.critics.exact import mmd, wasserstein
from experiments.critics.learned import fit_apart, fit_overlapping, of_apart, of_overlapping
from experiments.critics.population import curves, samples, sweep

__all__ = ["run"]


def run(config: Config, *, output: Path | None = None) -> dict[str, Any]:
    """Return the metrics; draw the pictures into `output` if it is given."""
    table = sweep()
    report(f"critics: sweep within {table['max_abs_error']:.1e} of the reference")
    x, y = samples(config.num_samples, config.shift, seed=config.seed)
    metrics, critic = wasserstein(x, y, config.shift)
    report(f"critics: W1 {metrics['w1_lp']:.6f} by linear program")
    of_mmd, witness = mmd(x, y, config.shift)
    metrics |= of_mmd
    together, apart = fit_overlapping(config), fit_apart(config, num_steps=config.num_apart_steps)
    learned = {"overlapping": of_overlapping(together, config), "disjoint": of_apart(apart)}
    report(
        f"critics: bound of the KL {learned['overlapping']['bound']:.4f} nats, and apart "
        f"{learned['disjoint']['bound']['last']:.0f} and growing"
    )
    if output is not None:
        early = fit_apart(config, num_steps=min(200, config.num_apart_steps))
        save_figure(pictures.draw_sweep(curves(config.num_shifts)), output / "non_overlap.png")
        save_figure(
            pictures.draw_critics(critic, witness, shift=config.shift), output / "critics.png"
        )
        save_figure(pictures.draw_learned(together, early, apart), output / "learned.png")
    return {**metrics, "sweep": table, "learned": learned}
