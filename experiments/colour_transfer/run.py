"""The colours of one photograph given to another, and back by the same map's inverse.

Pixels are samples in RGB. A map is learned from a few thousand of each photograph and applied to
all: mean-variance, CORAL, Gaussian and exact optimal transport in RGB, where what leaves [0, 1] is
counted and clipped, and LRMF between logits, which cannot leave. Distances are to pixels that no
map was made from.
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
from experiments.colour_transfer.pictures import TITLES, draw_measures, draw_recoloured
from experiments.common.maps import FlowMap, TransportMap
from experiments.common.runner import report, run_experiment, save_figure
from experiments.common.seeds import mean_over_seeds, std_over_seeds

__all__ = ["Config", "main", "run"]

Array = NDArray[np.floating[Any]]
Image = NDArray[np.uint8]
_CLOSED_FORM = {
    "mean_variance": lt.flows.mean_variance_flow,
    "coral": lt.flows.coral_flow,
    "gaussian_ot": lt.flows.gaussian_ot_flow,
}
_HALF_LEVEL = 1.0 / 512.0  # from the middle of a level to its end, in [0, 1]
_SMALLEST_SHARE = 1e-6  # moved colours may round to 0 or 1, which have no logits
_DIRECTIONS = ("china", "flower")  # what is recoloured, by the map and by its inverse


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    flow: str = field(default="real_nvp", metadata={"help": "name of the flow of LRMF"})
    width: int = field(default=160, metadata={"help": "of the photographs, pixels"})
    num_samples: int = field(default=3000, metadata={"help": "training pixels a photograph"})
    num_fresh: int = field(default=3000, metadata={"help": "other pixels, for the distances"})
    margin: float = field(
        default=0.0, metadata={"help": "by how much LRMF may leave [0, 1] at either end"}
    )
    noise: float = field(
        default=0.0019, metadata={"help": "half width of uniform noise on training pixels"}
    )
    num_steps: int = field(default=1200, metadata={"help": "largest number of steps a stage"})
    score_others: bool = field(
        default=True, metadata={"help": "score the closed-form maps of the first seed, too"}
    )
    jit_compile: bool = field(default=True, metadata={"help": "compile with XLA"})
    seeds: int = field(default=3, metadata={"help": "number of seeds to run, from --seed on"})
    seed: int = field(default=0, metadata={"help": "first seed of pixels, start and batches"})

    def __post_init__(self) -> None:
        """Check what the library does not."""
        for name, least in {"num_samples": 10, "num_fresh": 10, "seeds": 1}.items():
            if getattr(self, name) < least:
                raise ValueError(f"`{name}` must be at least {least}; got {getattr(self, name)}.")
        if not self.margin >= 0.0:
            raise ValueError(f"`margin` must be at least 0; got {self.margin}.")
        if not 0.0 < self.noise < self.margin + _HALF_LEVEL:
            raise ValueError(
                f"`noise` must be above 0 and below `margin` + 1/512; got {self.noise}."
            )
        pixels = lt.datasets.photographs(width=self.width)["china"].size // 3
        if self.num_samples + self.num_fresh > pixels:
            raise ValueError(
                f"`num_samples` + `num_fresh` must be at most {pixels}, the number of pixels; "
                f"got {self.num_samples + self.num_fresh}."
            )

    @classmethod
    def quick(cls) -> Config:
        """Return settings that end in under a minute."""
        return cls(
            flow="affine",
            width=64,
            num_samples=500,
            num_fresh=500,
            num_steps=200,
            score_others=False,
            jit_compile=False,
            seeds=1,
        )


class LogitMap:
    """An aligner between the logits of colours in [-margin, 1 + margin], seen from colours."""

    def __init__(self, aligner: lt.Aligner, *, margin: float) -> None:
        self.aligner = aligner
        self.margin = margin

    def fit(self, pair: lt.DomainPair) -> LogitMap:
        """Learn the map from colours `[N, 3]` to `[M, 3]`."""
        self.aligner.fit(self._logits(pair.source), self._logits(pair.target))
        return self

    def transform(self, x: Array) -> Array:
        """Move source colours `[N, 3]`."""
        return self._colours(self.aligner.transform(self._logits(x)))

    def inverse_transform(self, y: Array) -> Array:
        """Move target colours `[M, 3]` to the source."""
        return self._colours(self.aligner.inverse_transform(self._logits(y)))

    def score(self, source: Array, target: Array) -> lt.AlignmentScore:
        """Return the score on colours `[N, 3]`, `[M, 3]`."""
        return self.aligner.score(self._logits(source), self._logits(target))

    def _logits(self, colours: Array) -> Array:
        shares = (np.asarray(colours, np.float64) + self.margin) / (1.0 + 2.0 * self.margin)
        shares = np.clip(shares, _SMALLEST_SHARE, 1.0 - _SMALLEST_SHARE)
        return np.log(shares / (1.0 - shares)).astype(np.float32)

    def _colours(self, logits: Any) -> Array:
        shares = 1.0 / (1.0 + np.exp(-np.asarray(logits, np.float64)))
        return shares * (1.0 + 2.0 * self.margin) - self.margin


def run(config: Config, *, output: Path | None = None) -> dict[str, Any]:
    """Return the metrics; draw the pictures of the first seed into `output` if it is given."""
    images = lt.datasets.photographs(width=config.width)
    per_seed, pictures = [], []
    for seed in range(config.seed, config.seed + config.seeds):
        train, fresh = draw_pixels(images, config, seed=seed)
        maps, seconds = fit_maps(spread(train, config, seed=seed), config, seed=seed)
        pictures.append({name: recolour(each, images) for name, each in maps.items()})
        metrics = measure(maps, pictures[-1], images, fresh)
        score = scored(maps["lrmf"], spread(fresh, config, seed=seed))
        per_seed.append(metrics | {"score": score, "seconds_of": seconds})
        report_seed(per_seed[-1], seed=seed)
    metrics = mean_over_seeds(per_seed) | {"std": std_over_seeds(per_seed)}
    metrics["score_of"] = {"lrmf": per_seed[0]["score"]}
    if config.score_others:
        metrics["score_of"] |= score_closed_form(images, config)
    if output is not None:
        figure = draw_recoloured(images, pictures[0])
        save_figure(figure, output / "recoloured.png", num_colors=128)
        save_figure(draw_measures(metrics), output / "measures.png")
    return metrics | {"per_seed": per_seed}


def draw_pixels(
    images: dict[str, Image], config: Config, *, seed: int
) -> tuple[lt.DomainPair, lt.DomainPair]:
    """Return pixels to train on and others, each in the middle of its 1/256 of [0, 1]."""
    rngs = np.random.default_rng(seed).spawn(2)
    first, second = config.num_samples, config.num_samples + config.num_fresh
    source, target = (
        colours_of(rng.permutation(images[name].reshape(-1, 3))[:second])
        for name, rng in zip(_DIRECTIONS, rngs, strict=True)
    )
    return (
        lt.DomainPair(source[:first], target[:first], name="pixels"),
        lt.DomainPair(source[first:], target[first:], name="fresh pixels"),
    )


def colours_of(levels: Image) -> Array:
    """Return levels from 0 to 255 as colours inside (0, 1)."""
    return ((levels + 0.5) / 256.0).astype(np.float32)


def spread(pair: lt.DomainPair, config: Config, *, seed: int) -> lt.DomainPair:
    """Return the pixels with uniform noise.

    A photograph has few colours, and many pixels on the faces of the cube: without noise these
    have no densities, and likelihoods no bound.
    """
    rng = np.random.default_rng([seed, len(pair.source), len(pair.target)])
    source, target = (
        pixels + rng.uniform(-config.noise, config.noise, pixels.shape).astype(np.float32)
        for pixels in (pair.source, pair.target)
    )
    return lt.DomainPair(source, target, name=pair.name)


def fit_maps(
    train: lt.DomainPair, config: Config, *, seed: int
) -> tuple[dict[str, Any], dict[str, float]]:
    """Return each method's map of colours, and the processor's seconds that it took."""
    maps: dict[str, Any] = {}
    seconds: dict[str, float] = {}
    for name in TITLES:
        began = time.process_time()
        if name in _CLOSED_FORM:
            maps[name] = FlowMap(_CLOSED_FORM[name](train.source, train.target))
        elif name == "emd":
            maps[name] = TransportMap(train.source, train.target)
        else:
            aligner = lt.Aligner(config.flow, config=fit_config(config), num_restarts=1, seed=seed)
            maps[name] = LogitMap(aligner, margin=config.margin).fit(train)
        seconds[name] = time.process_time() - began
    return maps, seconds


def fit_config(config: Config) -> lt.FitConfig:
    """Return the settings of every fit."""
    return lt.FitConfig(num_steps=config.num_steps, jit_compile=config.jit_compile)


def score_closed_form(images: dict[str, Image], config: Config) -> dict[str, dict[str, Any]]:
    """Return the scores of the maps that need no training, and of none, in RGB, one seed."""
    train, fresh = (
        spread(pair, config, seed=config.seed)
        for pair in draw_pixels(images, config, seed=config.seed)
    )
    found = {}
    for name, flow in {"none": "identity", **{name: name for name in _CLOSED_FORM}}.items():
        aligner = lt.Aligner(flow, config=fit_config(config), seed=config.seed)
        found[name] = scored(aligner.fit(train.source, train.target), fresh)
        report(f"colour_transfer: {name}: score {found[name]['value']:.3f} nats")
    return found


def scored(aligner: Any, fresh: lt.DomainPair) -> dict[str, Any]:
    """Return the score on fresh pixels."""
    return dict(aligner.score(fresh.source, fresh.target)._asdict())


def recolour(each: Any, images: dict[str, Image]) -> dict[str, Image]:
    """Return both photographs recoloured: the first by a map, the second by its inverse."""
    moved = {}
    for name, move in zip(_DIRECTIONS, (each.transform, each.inverse_transform), strict=True):
        levels = np.floor(256.0 * move(colours_of(images[name].reshape(-1, 3))))
        moved[name] = np.clip(levels, 0, 255).astype(np.uint8).reshape(images[name].shape)
    return moved


def measure(
    maps: dict[str, Any],
    recoloured: dict[str, dict[str, Image]],
    images: dict[str, Image],
    fresh: lt.DomainPair,
) -> dict[str, Any]:
    """Return measure -> what is recoloured -> method -> number."""
    names = ("energy_distance", "sliced_wasserstein", "out_of_gamut", "roughness", "round_trip")
    found: dict[str, Any] = {name: {way: {} for way in _DIRECTIONS} for name in names}
    for way, pair in zip(_DIRECTIONS, (fresh, fresh.swap()), strict=True):
        for method in ("none", *maps):
            moved = there = back = pair.source
            if method != "none":
                each = maps[method]
                moves = [each.transform, each.inverse_transform]
                forward, inverse = moves if way == "china" else moves[::-1]
                moved = forward(pair.source)
                there = np.clip(moved, 0.0, 1.0).astype(np.float32)
                back = inverse(there)
                picture = recoloured[method][way]
                found["roughness"][way][method] = roughness(picture) / roughness(images[way])
                found["round_trip"][way][method] = float(np.abs(back - pair.source).mean())
            outside = (moved < 0.0) | (moved > 1.0)
            found["out_of_gamut"][way][method] = float(outside.mean())
            for name in ("energy_distance", "sliced_wasserstein"):
                distance = getattr(lt.divergences, name)(there, pair.target)
                found[name][way][method] = float(distance)
    return found


def roughness(image: Image) -> float:
    """Return the mean length of the gradient, in standard deviations of the colours.

    More contrast alone does not make a picture rougher.
    """
    values = image.astype(np.float64)
    rows, columns = np.gradient(values, axis=(0, 1))
    lengths = np.sqrt(np.sum(rows**2 + columns**2, axis=2))
    spread = np.sqrt(values.reshape(-1, 3).var(axis=0).sum())
    return float(lengths.mean() / spread)


def report_seed(metrics: dict[str, Any], *, seed: int) -> None:
    """Say on standard error how a seed went."""
    for way, found in metrics["energy_distance"].items():
        told = ", ".join(f"{name} {value:.4f}" for name, value in found.items())
        report(f"colour_transfer: seed {seed}, {way}, energy distance: {told}")
    report(f"colour_transfer: seed {seed}: score {metrics['score']['value']:.3f} nats")


def main() -> int:
    """Run from the command line."""
    return run_experiment("colour_transfer", Config, run)


if __name__ == "__main__":
    sys.exit(main())
