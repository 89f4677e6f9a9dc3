"""Trains every model on the ring, over the grid, and GRAM on digits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import lrmf_tfp as lt
from experiments.common.runner import report
from experiments.common.seeds import mean_over_seeds, seeds_of, std_over_seeds
from experiments.gram.config import TITLES, Config
from experiments.gram.digits import check_mnist, train_digits
from experiments.gram.models import Run, Settings, Watch, measure, train
from experiments.gram.pictures import (
    animate_ring,
    plot_digits,
    plot_grid,
    plot_snapshots,
    plot_traces,
)

__all__ = ["run"]

_NUM_FRESH = 10_000
_FRESH_SEED = 1000  # added to the seed, so that no model has seen the samples it is measured by
_NUM_FRAMES = 40
_NUM_SHOWN = 5
_SHEET = (6, 6)


def run(config: Config, *, output: Path | None = None) -> dict[str, Any]:
    """Return the metrics; draw the pictures of the first seed into `output` if it is given."""
    if config.digits and "gram" in config.models:
        check_mnist()
    metrics: dict[str, Any] = {"per_seed": []}
    for seed in seeds_of(config):
        drawn = output if seed == config.seed else None
        metrics["per_seed"].append({"seed": seed, **run_seed(config, seed, output=drawn)})
    for name in config.models:
        metrics[name] = summary([each["ring"][name] for each in metrics["per_seed"]])
        if config.grid:
            cells = [cell for each in metrics["per_seed"] for cell in each["grid"][name].values()]
            metrics[name]["grid"] = summary(cells)
    metrics["data"] = summary([each["data"] for each in metrics["per_seed"]])
    if config.digits and "gram" in config.models:
        metrics["digits"] = run_digits(config, output=output)
    return metrics


def run_seed(config: Config, seed: int, *, output: Path | None) -> dict[str, Any]:
    """Train every model on one draw of the ring, then over the grid."""
    ring = lt.datasets.mode_ring(config.num_samples, num_dims=config.num_dims, seed=seed)
    fresh = lt.datasets.mode_ring(_NUM_FRESH, num_dims=config.num_dims, seed=seed + _FRESH_SEED)
    runs, watches = {}, {}
    for name in config.models:
        watch = None
        if output is not None:
            watch = watches[name] = Watch(frame_steps(config.num_steps), fresh.samples[:1000])
        settings = settings_of(config, name, config.noise_size, config.width, seed=seed)
        runs[name] = train_and_tell(settings, ring, fresh, watch=watch)
    found: dict[str, Any] = {
        "ring": {name: trained.metrics for name, trained in runs.items()},
        "data": measure(ring.samples[:4000], fresh),
    }
    if output is not None:
        draw_ring(config, runs, watches, fresh, output=output)
    if config.grid:
        found["grid"] = run_grid(config, ring, fresh, seed=seed, output=output)
    return found


def run_grid(
    config: Config, ring: Any, fresh: Any, *, seed: int, output: Path | None
) -> dict[str, dict[str, dict[str, float]]]:
    """Train every model over noise sizes and widths; return the metrics of "noise/width"."""
    found = {}
    for name in config.models:
        runs = {}
        for width in config.grid_widths:
            for size in config.grid_noise_sizes:
                settings = settings_of(config, name, size, width, seed=seed)
                runs[size, width] = train_and_tell(settings, ring, fresh)
        if output is not None:
            title = f"{TITLES[name]} after {config.num_steps:,} steps"
            path = output / f"grid_{name}.png"
            plot_grid(runs, fresh.samples, title=title, path=path)
        found[name] = {f"{size}/{width}": each.metrics for (size, width), each in runs.items()}
    return found


def run_digits(config: Config, *, output: Path | None) -> dict[str, float]:
    """Train GRAM on MNIST."""
    metrics, sheets = train_digits(config)
    report(f"gram: digits, squared MMD {metrics['mmd_squared']:.4f}")
    if output is not None:
        rows, columns = _SHEET
        plot_digits(sheets, rows=rows, columns=columns, path=output / "digits.png")
    return metrics


def settings_of(config: Config, model: str, noise_size: int, width: int, *, seed: int) -> Settings:
    """Return the settings of one training."""
    return Settings(
        model=model,
        noise_size=noise_size,
        width=width,
        num_features=config.num_features,
        num_steps=config.num_steps,
        batch_size=config.batch_size,
        rates={
            "gan": config.gan_rate,
            "gram": config.projection_rate,
            "mmd_gan": config.mmd_gan_rate,
        },
        jit_compile=config.jit_compile,
        seed=seed,
    )


def train_and_tell(
    settings: Settings, ring: Any, fresh: Any, *, watch: Watch | None = None
) -> Run:
    """Train one model and say on standard error how it went."""
    trained = train(settings, ring, fresh, watch=watch)
    found = trained.metrics
    report(
        f"gram: {TITLES[settings.model]} {settings.noise_size}/{settings.width}, seed "
        f"{settings.seed}: {found['modes']:.0f} modes, {found['high_quality']:.3f} near, squared "
        f"MMD {found['mmd_squared']:.4f} in {found['seconds']:.0f} s"
    )
    return trained


def draw_ring(
    config: Config,
    runs: dict[str, Run],
    watches: dict[str, Watch],
    fresh: Any,
    *,
    output: Path,
) -> None:
    """Write the snapshots, the traces and the animation of one draw."""
    steps = frame_steps(config.num_steps)
    places = np.searchsorted(steps, [0, *np.geomspace(0.025, 1.0, _NUM_SHOWN - 1) * steps[-1]])
    shown = [steps[min(int(place), len(steps) - 1)] for place in places]
    plot_snapshots(watches, fresh.samples, steps=shown, path=output / "ring.png")
    distances = {
        name: (watch.seen[1:], [measure(x, fresh)["mmd_squared"] for x in watch.frames[1:]])
        for name, watch in watches.items()
    }
    histories = {"gram": runs["gram"].history} if "gram" in runs else {}
    floor = measure(fresh.samples[-1000:], fresh)["mmd_squared"]
    plot_traces(histories, distances, floor=floor, path=output / "traces.png")
    animate_ring(watches, fresh.samples, output / "ring.gif")


def frame_steps(num_steps: int) -> list[int]:
    """Return the steps of the frames, denser where most happens; records are ten steps apart."""
    places = num_steps * np.linspace(0.0, 1.0, _NUM_FRAMES) ** 2
    return sorted({int(10 * round(place / 10)) for place in places[:-1]} | {num_steps})


def summary(cells: Sequence[dict[str, float]]) -> dict[str, Any]:
    """Return the means over cells or seeds, their standard deviations and the worst."""
    worst = {"modes": np.min, "high_quality": np.min, "mmd_squared": np.max, "seconds": np.max}
    return mean_over_seeds(cells) | {
        "std": std_over_seeds(cells),
        "worst": {
            name: reduce([cell[name] for cell in cells])
            for name, reduce in worst.items()
            if name in cells[0]
        },
    }
