"""Two moons turned by 50 degrees, aligned by every method: the paper's figure 4.

Label accuracy is that of a 1-nearest-neighbour classifier fitted on the target's arms and scored
on the moved source's arms; labels are used for nothing else. Two kinds of methods are compared:
those that move the points themselves by gradient descent (MMD, EMD; the paper's columns), and
those that train a flow. Scores are taken on fresh samples.
"""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import lrmf_tfp as lt
from experiments.common.runner import report, run_experiment
from experiments.moons.methods import (
    OBJECTIVE_TITLES,
    Track,
    accuracy,
    move_positions,
    train_flow,
)
from experiments.moons.pictures import draw_comparison, draw_flow
from experiments.moons.stability import measure_stability

__all__ = ["Config", "main", "run"]

Array = NDArray[np.floating[Any]]
_STEPS_A_FRAME = 20  # of the seed that is drawn: the flow does most in its first hundred steps
_FLOW_TITLES = {"ffjord": "FFJORD", "real_nvp": "RealNVP", "spline": "Spline"}
# Label accuracy falls as the two densities leave their common start.
_SLOW: dict[str, Any] = {"optimizer": lt.training.Adam(1e-4)}
_PANEL = ("mmd", "emd", "back_to_back", "lrmf")


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    flow: str = field(default="real_nvp", metadata={"help": "name of the flow"})
    rotation: float = field(default=-50.0, metadata={"help": "degrees, negative is clockwise"})
    num_samples: int = field(default=1000, metadata={"help": "training samples a domain"})
    num_fresh: int = field(default=5000, metadata={"help": "fresh samples a domain, for scores"})
    raw: bool = field(default=False, metadata={"help": "do not standardise the coordinates"})
    num_steps: int = field(default=4000, metadata={"help": "largest number of steps a stage"})
    mmd_steps: int = field(default=1000, metadata={"help": "steps of the points on MMD"})
    emd_steps: int = field(default=150, metadata={"help": "steps of the points on EMD"})
    objectives: tuple[str, ...] = field(
        default=("mmd",), metadata={"help": "more objectives to train a flow on"}
    )
    slow_back_to_back: bool = field(
        default=True, metadata={"help": "back-to-back at rate 1e-4 on all rows, near its start"}
    )
    only_lrmf: bool = field(
        default=False, metadata={"help": "leave out what LRMF is compared with"}
    )
    stability: bool = field(
        default=False, metadata={"help": "adversarial and LRMF over rates and batch sizes, too"}
    )
    score_others: bool = field(
        default=False, metadata={"help": "score doing nothing and the other flows, too"}
    )
    jit_compile: bool = field(default=True, metadata={"help": "compile with XLA"})
    seeds: int = field(default=1, metadata={"help": "number of seeds to run, from --seed on"})
    seed: int = field(default=0, metadata={"help": "first seed of data, start and batches"})

    def __post_init__(self) -> None:
        """Check what the library does not."""
        for name in ("num_samples", "num_fresh", "num_steps", "mmd_steps", "emd_steps", "seeds"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be at least 1; got {getattr(self, name)}.")
        others = sorted(set(OBJECTIVE_TITLES) - {"back_to_back", "lrmf"})
        for name in self.objectives:
            if name not in others:
                raise ValueError(f"`objectives` must be among {others}; got {name!r}.")

    @classmethod
    def quick(cls) -> Config:
        """Return settings that end in under a minute."""
        return cls(
            num_samples=400,
            num_fresh=1000,
            num_steps=600,
            mmd_steps=200,
            emd_steps=30,
            objectives=(),
            jit_compile=False,
        )


def run(config: Config, *, output: Path | None = None) -> dict[str, Any]:
    """Return the metrics; draw the pictures of the first seed into `output` if it is given."""
    per_seed = []
    for seed in range(config.seed, config.seed + config.seeds):
        drawn = output is not None and seed == config.seed
        pair, fresh = draw_pairs(config, seed)
        tracks = run_methods(config, pair, seed=seed, record=drawn)
        per_seed.append({"seed": seed, **measure(tracks, pair, fresh, config, seed=seed)})
        if drawn:
            draw(tracks, pair, config, output)
    metrics = {name: mean_of(per_seed, name) for name in per_seed[0] if name != "seed"}
    metrics["std"] = {
        name: spread_of([each["label_accuracy"][name] for each in per_seed])
        for name in per_seed[0]["label_accuracy"]
    } | {"score": spread_of([each["score"]["value"] for each in per_seed])}
    metrics["worst"] = {
        "label_accuracy": min(each["label_accuracy"]["lrmf"] for each in per_seed),
        "score": max(each["score"]["value"] for each in per_seed),
        "score_held_out": max(each["score_held_out"]["value"] for each in per_seed),
        "fit_seconds": max(each["method_seconds"]["lrmf"] for each in per_seed),
    }
    if config.stability:
        metrics["stability"] = measure_stability(config, output=output)
    return metrics | {"per_seed": per_seed}


def run_methods(
    config: Config, pair: lt.DomainPair, *, seed: int, record: bool
) -> dict[str, Track]:
    """Run every method on one draw; names are those of the metrics."""
    tracks = {} if config.only_lrmf else run_positions(config, pair, seed=seed)
    settings = lt.FitConfig(num_steps=config.num_steps, jit_compile=config.jit_compile)
    if record:
        settings = dataclasses.replace(settings, steps_per_call=_STEPS_A_FRAME)
    kind = _FLOW_TITLES.get(config.flow, config.flow)
    others = [(f"{name}_flow", name) for name in config.objectives]
    others = [] if config.only_lrmf else [("back_to_back", "back_to_back"), *others]
    for name, objective in [*others, ("lrmf", "lrmf")]:
        aligner = lt.Aligner(
            flow=config.flow,
            objective=objective,
            config=settings,
            scored=config.score_others,
            seed=seed,
        )
        if objective != "lrmf":
            aligner.set_params(num_restarts=1)  # the others have no bound that asks for more
        if objective == "back_to_back" and config.slow_back_to_back:
            aligner.set_params(
                config=dataclasses.replace(settings, **_SLOW, batch_size=len(pair.source))
            )
        title = f"{kind} {OBJECTIVE_TITLES[objective]}"
        tracks[name] = train_flow(pair, aligner, title=title, record=record)
        report_track(name, tracks[name], pair, seed=seed)
    return tracks


def run_positions(config: Config, pair: lt.DomainPair, *, seed: int) -> dict[str, Track]:
    """Run the methods that move the points themselves."""
    tracks = {}
    for name, steps in (("mmd", config.mmd_steps), ("emd", config.emd_steps)):
        tracks[name] = move_positions(
            pair,
            name,
            num_steps=steps,
            jit_compile=config.jit_compile,
            record_every=max(1, _STEPS_A_FRAME // (1 if name == "mmd" else 10)),
        )
        report_track(name, tracks[name], pair, seed=seed)
    return tracks


def report_track(name: str, track: Track, pair: lt.DomainPair, *, seed: int) -> None:
    """Say on standard error how a method went."""
    reached = accuracy(track.moved, pair)
    report(f"moons: seed {seed}, {name}: accuracy {reached:.3f} in {track.seconds:.0f} s")


def measure(
    tracks: dict[str, Track],
    pair: lt.DomainPair,
    fresh: lt.DomainPair,
    config: Config,
    *,
    seed: int,
) -> dict[str, Any]:
    """Return the metrics of one draw, on the training source and on fresh samples."""
    maps = {name: track.aligner for name, track in tracks.items() if track.aligner is not None}
    aligner = maps["lrmf"]
    metrics: dict[str, Any] = {
        "label_accuracy": {"none": accuracy(pair.source, pair)}
        | {name: accuracy(track.moved, pair) for name, track in tracks.items()},
        "label_accuracy_fresh": {"none": accuracy(fresh.source, fresh, fitted=pair)}
        | {
            name: accuracy(np.asarray(each.transform(fresh.source)), fresh, fitted=pair)
            for name, each in maps.items()
        },
        "score": dict(aligner.score(fresh.source, fresh.target)._asdict()),
        "score_held_out": dict(aligner.score(pair.source, pair.target)._asdict()),
        "method_seconds": {name: track.seconds for name, track in tracks.items()},
        "kept_step": {name: track.kept_step for name, track in tracks.items()},
        "energy_distance": {
            name: float(lt.divergences.energy_distance(track.moved, pair.target))
            for name, track in tracks.items()
        },
    }
    if config.score_others:
        before = lt.Aligner(flow="identity", config=aligner.config, seed=seed)
        maps = {"none": before.fit(pair.source, pair.target), **maps}
        metrics["score_of"] = {
            name: each.score(fresh.source, fresh.target).value for name, each in maps.items()
        }
    return metrics


def draw_pairs(config: Config, seed: int) -> tuple[lt.DomainPair, lt.DomainPair]:
    """Return the pair to train on and a fresh pair, in the same coordinates."""
    total = config.num_samples + config.num_fresh
    everything = lt.datasets.moons(
        total, rotation=config.rotation, standardize=not config.raw, seed=seed
    )
    return everything.split(config.num_fresh / total, seed=seed)


def draw(tracks: dict[str, Track], pair: lt.DomainPair, config: Config, output: Path) -> None:
    """Write the pictures of one draw: the paper's panel, the other flows, and what LRMF does."""
    if set(_PANEL) <= set(tracks):
        panel = [tracks[name] for name in _PANEL]
        draw_comparison(panel, pair, rotation=config.rotation, path=output / "comparison.png")
    others = [track for name, track in tracks.items() if name not in _PANEL]
    if others:
        path = output / "flows.png"
        draw_comparison([*others, tracks["lrmf"]], pair, rotation=config.rotation, path=path)
    draw_flow(tracks["lrmf"], pair, rotation=config.rotation, output=output)


def mean_of(per_seed: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """Return the means of one entry's numbers over seeds; texts are kept where all agree."""
    entries = [each[name] for each in per_seed]
    means: dict[str, Any] = {}
    for key, value in entries[0].items():
        values = [entry[key] for entry in entries]
        if isinstance(value, bool):
            means[key] = all(values)
        elif all(other == value for other in values):
            means[key] = value
        elif isinstance(value, (int, float)):
            means[key] = float(np.mean(values))
    return means


def spread_of(values: list[float]) -> float:
    """Return the standard deviation over seeds, 0 for one seed."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def main() -> int:
    """Run from the command line."""
    return run_experiment("moons", Config, run)


if __name__ == "__main__":
    sys.exit(main())
