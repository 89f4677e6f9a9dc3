"""Points of one closed surface moved onto another: what happens to neighbourhoods.

A bumpy sphere becomes a bean, by LRMF and by others that know nothing of the surfaces' parameters
either. Parameters serve to colour, and for one reference: the map through equal parameters, an
exact alignment. Every number but `training` is on fresh samples.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.manifold import trustworthiness

import lrmf_tfp as lt
from experiments.common.maps import FlowMap, TransportMap
from experiments.common.runner import report, run_experiment, save_figure
from experiments.common.seeds import mean_over_seeds, std_over_seeds
from experiments.surfaces.pictures import draw_measures, draw_surfaces

__all__ = ["Config", "main", "run"]

Array = NDArray[np.floating[Any]]
# Method -> flow and objective.
_ALIGNERS = {
    "none": ("identity", "lrmf"),
    "gaussian_ot": ("gaussian_ot", "lrmf"),
    "mmd": ("real_nvp", "mmd"),
    "lrmf": ("real_nvp", "lrmf"),
    "lrmf_spline": ("spline", "lrmf"),
}


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    source: str = field(default="bumpy_sphere", metadata={"help": "surface that is moved"})
    target: str = field(default="bean", metadata={"help": "surface that stays"})
    noise: float = field(default=0.03, metadata={"help": "standard deviation on each axis"})
    num_samples: int = field(default=3000, metadata={"help": "training samples a domain"})
    num_fresh: int = field(default=2000, metadata={"help": "fresh samples a domain"})
    num_neighbors: int = field(default=10, metadata={"help": "size of a neighbourhood"})
    num_steps: int = field(default=2500, metadata={"help": "largest number of steps a stage"})
    methods: tuple[str, ...] = field(
        default=("none", "gaussian_ot", "emd", "mmd", "lrmf", "lrmf_spline"),
        metadata={"help": "what is compared, beside the exact map"},
    )
    score_others: bool = field(
        default=False, metadata={"help": "score every bijector, not only those by LRMF"}
    )
    jit_compile: bool = field(default=True, metadata={"help": "compile with XLA"})
    seeds: int = field(default=3, metadata={"help": "number of seeds to run, from --seed on"})
    seed: int = field(default=0, metadata={"help": "first seed of data, start and batches"})

    def __post_init__(self) -> None:
        """Check what the library does not."""
        for name in ("num_samples", "num_fresh", "num_neighbors", "seeds"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be at least 1; got {getattr(self, name)}.")
        known = sorted({"emd", *_ALIGNERS})
        for name in self.methods:
            if name not in known:
                raise ValueError(f"`methods` must be among {known}; got {name!r}.")
        for name in ("source", "target"):
            if getattr(self, name) not in lt.datasets.SURFACES:
                known = sorted(lt.datasets.SURFACES)
                raise ValueError(f"`{name}` must be among {known}; got {getattr(self, name)!r}.")

    @classmethod
    def quick(cls) -> Config:
        """Return settings that end in under a minute."""
        return cls(
            num_samples=400,
            num_fresh=400,
            num_steps=100,
            methods=("gaussian_ot", "emd", "lrmf"),
            jit_compile=False,
            seeds=1,
        )


def run(config: Config, *, output: Path | None = None) -> dict[str, Any]:
    """Return the metrics; draw the pictures of the first seed into `output` if it is given."""
    per_seed = []
    for seed in range(config.seed, config.seed + config.seeds):
        pair, fresh = draw_pairs(config, seed)
        maps, seconds = fit_maps(pair, config, seed=seed)
        moved = {name: np.asarray(each.transform(fresh.source)) for name, each in maps.items()}
        moved["exact"] = exact_map(fresh, config)
        training = {
            name: neighbourhoods(pair.source, np.asarray(each.transform(pair.source)), config)
            for name, each in maps.items()
        }
        rest = {"training": training, "score_of": scores(maps, fresh, config)}
        per_seed.append(measure(moved, fresh, config) | rest | {"seconds_of": seconds})
        report_seed(per_seed[-1], seed=seed)
        if output is not None and seed == config.seed:
            colors = fresh.source_parameters[:, 0]
            figure = draw_surfaces(fresh, moved, colors=colors)
            save_figure(figure, output / "surfaces.png")
    metrics = mean_over_seeds(per_seed) | {"std": std_over_seeds(per_seed)}
    if output is not None:
        save_figure(draw_measures(metrics), output / "neighbourhoods.png")
    return metrics | {"score": metrics["score_of"].get("lrmf"), "per_seed": per_seed}


def draw_pairs(config: Config, seed: int) -> tuple[lt.DomainPair, lt.DomainPair]:
    """Return the pair to train on and a fresh pair."""
    total = config.num_samples + config.num_fresh
    everything = lt.datasets.surfaces(
        total, source=config.source, target=config.target, noise=config.noise, seed=seed
    )
    return everything.split(config.num_fresh / total, seed=seed)


def fit_maps(
    pair: lt.DomainPair, config: Config, *, seed: int
) -> tuple[dict[str, Any], dict[str, float]]:
    """Return each method's map, with its `transform`, and the processor's seconds for each."""
    maps: dict[str, Any] = {}
    seconds: dict[str, float] = {}
    for name in config.methods:
        began = time.process_time()
        maps[name] = fit_map(name, pair, config, seed=seed)
        seconds[name] = time.process_time() - began
        report(f"surfaces: seed {seed}, {name}: {seconds[name]:.0f} s")
    return maps, seconds


def fit_map(name: str, pair: lt.DomainPair, config: Config, *, seed: int) -> Any:
    """Return one method's map, with its `transform`."""
    if name == "emd":
        return TransportMap(pair.source, pair.target)
    scored = config.score_others or name.startswith("lrmf")
    if name == "none" and not scored:
        return FlowMap(lt.flows.identity_flow(3))
    if name == "gaussian_ot" and not scored:
        return FlowMap(lt.flows.gaussian_ot_flow(pair.source, pair.target))
    flow, objective = _ALIGNERS[name]
    settings = lt.FitConfig(num_steps=config.num_steps, jit_compile=config.jit_compile)
    aligner = lt.Aligner(
        flow, objective, scored=scored, config=settings, num_restarts=1, seed=seed
    )
    return aligner.fit(pair.source, pair.target)


def exact_map(pair: lt.DomainPair, config: Config) -> Array:
    """Return the source moved through equal parameters, each point with its own noise."""
    first, second = (lt.datasets.SURFACES[name] for name in (config.source, config.target))
    directions = pair.source_parameters
    return second.points(directions) + (pair.source - first.points(directions))


def measure(moved: dict[str, Array], pair: lt.DomainPair, config: Config) -> dict[str, Any]:
    """Return how close the moved source came, and what became of neighbourhoods, by method."""
    surface = lt.datasets.SURFACES[config.target]
    metrics: dict[str, dict[str, float]] = {
        "energy_distance": {},
        "sliced_wasserstein": {},
        "surface_distance": {"target": float(surface.distances(pair.target).mean())},
        "neighbours_kept": {},
        "trustworthiness": {},
        "continuity": {},
    }
    for name, points in moved.items():
        points = points.astype(np.float32)
        found = {
            "energy_distance": lt.divergences.energy_distance(points, pair.target),
            "sliced_wasserstein": lt.divergences.sliced_wasserstein(points, pair.target),
            "surface_distance": surface.distances(points).mean(),
        } | neighbourhoods(pair.source, points, config)
        for measured, value in found.items():
            metrics[measured][name] = float(value)
    return metrics


def neighbourhoods(before: Array, after: Array, config: Config) -> dict[str, float]:
    """Return the share of neighbours kept, trustworthiness and continuity."""
    trust = partial(trustworthiness, n_neighbors=config.num_neighbors)
    return {
        "neighbours_kept": lt.evaluation.neighbourhood_preservation(
            before, after, num_neighbors=config.num_neighbors
        ),
        "trustworthiness": float(trust(before, after)),
        "continuity": float(trust(after, before)),  # new strangers there are lost friends here
    }


def scores(maps: dict[str, Any], fresh: lt.DomainPair, config: Config) -> dict[str, Any]:
    """Return the score of each map whose densities were fitted."""
    return {
        name: dict(each.score(fresh.source, fresh.target)._asdict())
        for name, each in maps.items()
        if name.startswith("lrmf") or (config.score_others and name != "emd")
    }


def report_seed(metrics: dict[str, Any], *, seed: int) -> None:
    """Say on standard error how a seed went."""
    for name, kept in metrics["neighbours_kept"].items():
        distance, score = metrics["energy_distance"][name], metrics["score_of"].get(name)
        scored = "" if score is None else f", score {score['value']:.3f} nats"
        report(
            f"surfaces: seed {seed}, {name}: neighbours kept {kept:.3f}, "
            f"energy distance {distance:.4f}{scored}"
        )


def main() -> int:
    """Run from the command line."""
    return run_experiment("surfaces", Config, run)


if __name__ == "__main__":
    sys.exit(main())
