"""The paths that FFJORD takes on two moons, with and without regularised dynamics.

Both flows end in the same place; LRMF does not care about the way. The regularisers of the
velocity field make the way shorter and straighter, at a price in the score that is reported.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import lrmf_tfp as lt
from experiments.common.files import save_figure
from experiments.common.runner import report, run_experiment

__all__ = ["Config", "run"]

Array = NDArray[np.floating[Any]]
_NUM_TIMES = 33


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    rotation: float = field(default=-50.0, metadata={"help": "degrees, negative is clockwise"})
    num_samples: int = field(default=1000, metadata={"help": "training samples a domain"})
    num_steps: int = field(default=4000, metadata={"help": "largest number of steps a stage"})
    kinetic_weight: float = field(default=0.03, metadata={"help": "of the regularised flow"})
    jacobian_weight: float = field(default=0.03, metadata={"help": "of the regularised flow"})
    jit_compile: bool = field(default=True, metadata={"help": "compile with XLA"})
    seed: int = field(default=0, metadata={"help": "seed of data, start and batches"})

    @classmethod
    def quick(cls) -> Config:
        """Return settings that end in under a minute."""
        return cls(num_samples=300, num_steps=200, jit_compile=False)


def run(config: Config, *, output: Path | None = None) -> dict[str, Any]:
    """Return the metrics; draw the paths into `output` if it is given."""
    pair = lt.datasets.moons(config.num_samples, rotation=config.rotation, seed=config.seed)
    weights = {
        "plain": {},
        "regularised": {
            "kinetic_weight": config.kinetic_weight,
            "jacobian_weight": config.jacobian_weight,
        },
    }
    metrics: dict[str, Any] = {}
    paths = {}
    for name, options in weights.items():
        flow = lt.flows.ffjord_flow(2, seed=config.seed, **options)
        metrics[name], paths[name] = fit_and_follow(flow, pair, config)
        report(f"trajectories: {name}, path length {metrics[name]['path_length']:.3f}")
    if output is not None:
        scale = pair.target.std(axis=0)
        target = (pair.target - pair.target.mean(axis=0)) / scale
        titles = {
            name: f"{name}: length {metrics[name]['path_length']:.2f}, "
            f"energy {metrics[name]['kinetic_energy']:.2f}"
            for name in paths
        }
        figure = lt.plotting.plot_trajectories(
            {titles[name]: path for name, path in paths.items()}, target
        )
        save_figure(figure, output / "trajectories.png")
    return metrics


def fit_and_follow(
    flow: lt.flows.Flow, pair: lt.DomainPair, config: Config
) -> tuple[dict[str, float], Array]:
    """Train a flow by LRMF; return its metrics and the paths of the source, standardised."""
    began = time.monotonic()
    settings = lt.FitConfig(num_steps=config.num_steps, jit_compile=config.jit_compile)
    start = lt.flows.Built(flow, start="identity")
    aligner = lt.Aligner(start, config=settings, num_restarts=1, seed=config.seed)
    aligner.fit(pair.source, pair.target)
    seconds = time.monotonic() - began
    # The aligner standardises both domains by the target where the map starts at the identity.
    source = (pair.source - pair.target.mean(axis=0)) / pair.target.std(axis=0)
    paths = aligner.flow_.layers[0].trajectory(source, num_times=_NUM_TIMES).numpy()
    steps = np.diff(paths, axis=0)
    lengths = np.linalg.norm(steps, axis=-1)
    straight = np.linalg.norm(paths[-1] - paths[0], axis=-1)
    return {
        "label_accuracy": float(
            lt.evaluation.label_accuracy(
                np.asarray(aligner.transform(pair.source)),
                pair.source_labels,
                pair.target,
                pair.target_labels,
            )
        ),
        "score": aligner.score(pair.source, pair.target).value,
        "path_length": float(np.mean(lengths.sum(axis=0))),
        "straight_length": float(np.mean(straight)),
        "kinetic_energy": float(np.mean(np.sum(lengths**2, axis=0)) * len(steps)),
        "solver_steps": int(aligner.history["solver_steps"][-1]),
        "solver_error": float(aligner.history["solver_error"][-1]),
        "seconds": seconds,
    }, paths


if __name__ == "__main__":
    sys.exit(run_experiment("trajectories", Config, run))
