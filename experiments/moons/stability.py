"""How much the settings of training matter: adversarial alignment beside LRMF."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import lrmf_tfp as lt
from experiments.common.files import save_figure
from experiments.common.runner import report
from experiments.moons.config import Config
from experiments.moons.pictures import draw_grids
from experiments.moons.record import accuracy

__all__ = ["measure_stability"]

Array = NDArray[np.floating[Any]]

LEARNING_RATES = (1e-4, 3e-4, 1e-3, 3e-3)
BATCH_SIZES = (32, 128, 512)
NUM_SEEDS = 2
_TITLES = {"adversarial": "SN-GAN", "lrmf": "LRMF"}


def measure_stability(config: Config, *, output: Path | None) -> dict[str, Any]:
    """Return label accuracies over learning rates, batch sizes and seeds, for both objectives.

    Of the adversarial game the accuracy of the last weights counts, as in the paper, because
    nothing in the game says which are best; `kept` is that of the weights with the least held-out
    energy distance. LRMF keeps the weights with the least held-out loss.
    """
    last = {name: _empty() for name in _TITLES}
    kept = {name: _empty() for name in _TITLES}
    for name in _TITLES:
        for row, rate in enumerate(LEARNING_RATES):
            for column, batch_size in enumerate(BATCH_SIZES):
                for k in range(NUM_SEEDS):
                    pair = lt.datasets.moons(
                        config.num_samples, rotation=config.rotation, seed=config.seed + k
                    )
                    settings = _settings(name, config, rate=rate, batch_size=batch_size)
                    found = _accuracies(name, pair, settings, flow=config.flow, seed=k)
                    last[name][row, column, k], kept[name][row, column, k] = found
                report(
                    f"moons: {name} at rate {rate:g}, batch {batch_size}: "
                    f"accuracy {last[name][row, column].min():.3f} to "
                    f"{last[name][row, column].max():.3f}"
                )
    shown = {"adversarial": last["adversarial"], "lrmf": kept["lrmf"]}
    if output is not None:
        figure = draw_grids(
            {_TITLES[name]: values for name, values in shown.items()},
            rows=[f"{rate:g}" for rate in LEARNING_RATES],
            columns=[str(size) for size in BATCH_SIZES],
        )
        save_figure(figure, output / "stability.png")
    return {
        "learning_rates": list(LEARNING_RATES),
        "batch_sizes": list(BATCH_SIZES),
        "accuracy": {name: values.tolist() for name, values in shown.items()},
        "adversarial_kept": kept["adversarial"].tolist(),
        "lowest": {name: float(values.min()) for name, values in shown.items()},
        "highest": {name: float(values.max()) for name, values in shown.items()},
    }


def _empty() -> Array:
    return np.zeros([len(LEARNING_RATES), len(BATCH_SIZES), NUM_SEEDS])


def _settings(name: str, config: Config, *, rate: float, batch_size: int) -> lt.FitConfig:
    if name == "adversarial":  # its own optimiser at another rate
        optimizer = lt.training.Adam(rate, beta_1=0.0, beta_2=0.9)
    else:
        optimizer = lt.training.Adam(rate)
    return lt.FitConfig(
        num_steps=config.num_steps,
        batch_size=batch_size,
        optimizer=optimizer,
        jit_compile=config.jit_compile,
    )


def _accuracies(
    name: str, pair: lt.DomainPair, settings: lt.FitConfig, *, flow: str, seed: int
) -> tuple[float, float]:
    """Return the label accuracy of the last weights and of those that were kept."""
    aligner = lt.Aligner(flow, name, config=settings, num_restarts=1, seed=seed)
    if name != "lrmf":
        aligner.set_params(objective__bound=None)
    seen: list[float] = []

    def watch(event: lt.training.TrainingEvent) -> None:
        if event.stage in ("game", "joint") and event.step % 100 == 0:
            seen.append(accuracy(np.asarray(aligner.transform(pair.source)), pair))

    aligner.fit(pair.source, pair.target, callbacks=[watch])
    return seen[-1], accuracy(np.asarray(aligner.transform(pair.source)), pair)
