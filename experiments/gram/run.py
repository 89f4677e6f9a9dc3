"""A ring of Gaussians, and digits, imitated by GRAM and by its rivals MMD-net, MMD-GAN and GAN.

Samples are compared with fresh data: how many of the eight modes they cover, which share lies
within three standard deviations of one, and their squared MMD. The noise-by-width grid repeats
that for small and large generators. Each model is reported as it comes.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import lrmf_tfp as lt
from experiments.common.runner import report, run_experiment
from experiments.gram.digits import DigitSettings, check_mnist, train_digits
from experiments.gram.models import MODELS, TITLES, Run, Settings, Watch, measure, train
from experiments.gram.pictures import (
    animate_ring,
    plot_digits,
    plot_grid,
    plot_snapshots,
    plot_traces,
)

__all__ = ["Config", "main", "run"]

_NUM_FRESH = 10_000
_FRESH_SEED = 1000  # added to the seed, so that no model has seen the samples it is measured by
_NUM_FRAMES = 40
_NUM_SHOWN = 5
_SHEET = (6, 6)


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    models: tuple[str, ...] = field(
        default=("gram", "mmd_net", "mmd_gan", "gan"), metadata={"help": "models to train"}
    )
    noise_size: int = field(default=20, metadata={"help": "columns of the noise"})
    width: int = field(default=100, metadata={"help": "units of each hidden layer"})
    num_features: int = field(default=10, metadata={"help": "columns of features and codes"})
    num_dims: int = field(default=2, metadata={"help": "of the ring, 2 or 3"})
    num_samples: int = field(default=60_000, metadata={"help": "training samples of the ring"})
    num_steps: int = field(default=4000, metadata={"help": "steps of each generator"})
    batch_size: int = field(default=100, metadata={"help": "rows of a batch"})
    projection_rate: float = field(
        default=2e-4, metadata={"help": "of the projection of GRAM; published: 1e-3"}
    )
    gan_rate: float = field(default=1e-3, metadata={"help": "of the GAN; published: 1e-4"})
    mmd_gan_rate: float = field(default=5e-4, metadata={"help": "of the MMD-GAN; published: 5e-5"})
    grid: bool = field(default=True, metadata={"help": "train over noise sizes and widths, too"})
    grid_noise_sizes: tuple[int, ...] = field(default=(2, 4, 8, 16))
    grid_widths: tuple[int, ...] = field(default=(20, 100, 200))
    digits: bool = field(default=True, metadata={"help": "GRAM on MNIST, too"})
    digits_steps: int = field(default=4000, metadata={"help": "steps of the digits' generator"})
    digits_batch_size: int = field(default=200, metadata={"help": "digits in a batch"})
    digits_bandwidths: tuple[float, ...] = field(default=(1.0, 3.0))
    jit_compile: bool = field(default=True, metadata={"help": "compile with XLA what gains by it"})
    seeds: int = field(default=1, metadata={"help": "number of seeds to run, from --seed on"})
    seed: int = field(default=0, metadata={"help": "first seed of data, start and batches"})

    def __post_init__(self) -> None:
        """Check what the library does not, before anything is trained."""
        for name in self.models:
            if name not in MODELS:
                raise ValueError(f"`models` must be among {sorted(MODELS)}; got {name!r}.")
        for name in ("num_steps", "batch_size", "digits_steps", "seeds"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be at least 1; got {getattr(self, name)}.")

    @classmethod
    def quick(cls) -> Config:
        """Return settings that end in under a minute."""
        return cls(
            num_samples=2000,
            num_steps=150,
            grid_noise_sizes=(2, 16),
            grid_widths=(20,),
            digits=False,
            jit_compile=False,
        )


def run(config: Config, *, output: Path | None = None) -> dict[str, Any]:
    """Return the metrics; draw the pictures of the first seed into `output` if it is given."""
    if config.digits and "gram" in config.models:
        check_mnist()
    metrics: dict[str, Any] = {"per_seed": []}
    for seed in range(config.seed, config.seed + config.seeds):
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
    settings = DigitSettings(
        num_steps=config.digits_steps,
        batch_size=config.digits_batch_size,
        bandwidths=config.digits_bandwidths,
        seed=config.seed,
    )
    metrics, sheets = train_digits(settings)
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
    names = list(cells[0])
    values = {name: np.array([cell[name] for cell in cells]) for name in names}
    means: dict[str, Any] = {name: float(values[name].mean()) for name in names}
    means["std"] = {
        name: float(values[name].std(ddof=1)) if len(cells) > 1 else 0.0 for name in names
    }
    means["worst"] = {
        "modes": int(values["modes"].min()),
        "high_quality": float(values["high_quality"].min()),
        "mmd_squared": float(values["mmd_squared"].max()),
    }
    if "seconds" in values:
        means["worst"]["seconds"] = float(values["seconds"].max())
    return means


def main() -> int:
    """Run from the command line."""
    try:
        return run_experiment("gram", Config, run)
    except FileNotFoundError as error:  # MNIST is not there, seen before anything is trained
        report(f"experiments.gram: error: {error}")
        return 2


if __name__ == "__main__":
    sys.exit(main())
