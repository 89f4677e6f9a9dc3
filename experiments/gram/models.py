"""The four models of the ring: how they are built, trained, watched and measured."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

import lrmf_tfp as lt

__all__ = ["Run", "Settings", "Watch", "measure", "train"]

Array = NDArray[np.floating[Any]]

_HIDDEN = (100, 100)
_CODE_STEPS = 5
_GRAM_RATE = 1e-3
_NUM_TESTED, _NUM_COMPARED = 4000, 2000
_NUM_DRAWN = 1000
_BANDWIDTH = 1.0  # of the MMD between samples and fresh data, as in the ring's own kernels
_TEST_SEED, _DRAWN_SEED = 5, 6
_TOLD = ("pearson", "mean_ratio")


@dataclass(frozen=True)
class Settings:
    """What one training needs beside the ring."""

    model: str
    noise_size: int
    width: int
    num_features: int
    num_steps: int
    batch_size: int
    rates: dict[str, float]
    jit_compile: bool
    seed: int


@dataclass(frozen=True)
class Run:
    """One trained model."""

    samples: Array
    """Samples of the kept weights, `[N, D]`."""
    metrics: dict[str, float]
    history: dict[str, Array]
    """Means over the steps between two records; `step` counts the generator's steps."""


@dataclass
class _Recorder:
    """Callback that keeps the terms of a fit, whatever becomes of it."""

    pace: int
    broken: bool = False
    records: list[dict[str, float]] = field(default_factory=list)

    def __call__(self, event: lt.training.TrainingEvent) -> None:
        """Keep the means of the last steps."""
        self.records.append({"step": event.step / self.pace, **event.terms})

    def history(self) -> dict[str, Array]:
        """Return one array for each name."""
        return {name: np.array([each[name] for each in self.records]) for name in self.records[0]}


@dataclass
class Watch:
    """Callback that keeps samples and their features at chosen steps of the generator."""

    steps: list[int]
    data: Array
    pace: int = 1
    sample: Callable[[], Array] = lambda: np.zeros((0, 2))
    features: Callable[[Array], Array] | None = None
    seen: list[int] = field(default_factory=list)
    frames: list[Array] = field(default_factory=list)
    projected: list[tuple[Array, Array]] = field(default_factory=list)

    def __call__(self, event: lt.training.TrainingEvent) -> None:
        """Keep one frame if this step was asked for."""
        self.look(event.step // self.pace)

    def look(self, step: int) -> None:
        """Keep one frame."""
        if step not in self.steps:
            return
        self.seen.append(step)
        self.frames.append(self.sample())
        if self.features is not None:
            self.projected.append((self.features(self.frames[-1]), self.features(self.data)))


def _gram(settings: Settings, generator: Any, num_dims: int) -> Any:
    projection = lt.objectives.projection_network(
        num_dims,
        num_features=settings.num_features,
        hidden_units=_HIDDEN,
        seed=1000 + settings.seed,
    )
    return lt.objectives.GRAMObjective(generator, projection)


def _mmd_gan(settings: Settings, generator: Any, num_dims: int) -> Any:
    size, seed = settings.num_features, 1000 + settings.seed
    encoder = lt.objectives.ClippedMLP(num_dims, size, hidden_units=_HIDDEN, seed=seed)
    decoder = _mlp(size, num_dims, seed=seed + 1000)
    return lt.objectives.MMDGANObjective(generator, encoder, decoder, code_steps=_CODE_STEPS)


def _gan(settings: Settings, generator: Any, num_dims: int) -> Any:
    critic = _mlp(num_dims, 1, seed=1000 + settings.seed)
    return lt.objectives.GANObjective(generator, critic)


def _mlp(inputs: int, outputs: int, *, seed: int) -> Any:
    return lt.networks.MLP(
        inputs, outputs, hidden_units=_HIDDEN, activation="relu", last_gain=1.0, seed=seed
    )


MODELS: dict[str, Callable[[Settings, Any, int], Any]] = {
    "gram": _gram,
    "mmd_net": lambda settings, generator, num_dims: lt.objectives.MMDNetObjective(generator),
    "mmd_gan": _mmd_gan,
    "gan": _gan,
}
"""Builders of the objectives by name."""


def train(settings: Settings, ring: Any, fresh: Any, *, watch: Watch | None = None) -> Run:
    """Train one model on a ring and measure it against fresh samples.

    Args:
        settings: Of the model.
        ring: What it trains on.
        fresh: What it is measured against.
        watch: What to keep on the way; nothing when None.
    """
    generator = lt.objectives.implicit_generator(
        ring.samples.shape[1],
        noise_size=settings.noise_size,
        hidden_units=(settings.width, settings.width),
        seed=settings.seed,
    )
    objective = MODELS[settings.model](settings, generator, ring.samples.shape[1])
    pace = max(group.every for group in objective.groups())
    callbacks = [] if watch is None else [_prepared(watch, objective, pace)]
    config = lt.FitConfig(
        num_steps=settings.num_steps * pace,
        batch_size=settings.batch_size,
        optimizer=_optimizer(settings),
        steps_per_call=pace * (10 if watch is not None else 100),
        jit_compile=settings.jit_compile,
    )
    recorder = _Recorder(pace)
    began = time.monotonic()
    try:
        told_to = [recorder, *callbacks]
        lt.fit(objective, (ring.samples,), config, callbacks=told_to, seed=settings.seed)
    except FloatingPointError:  # the last good weights are measured, and the end is told
        recorder.broken = True
    seconds = time.monotonic() - began
    samples = generator.sample(_NUM_TESTED, seed=_TEST_SEED).numpy()
    history = recorder.history()
    told = {name: float(history[name][-1]) for name in _TOLD if name in history}
    told |= {"broken": float(recorder.broken), "seconds": seconds}
    return Run(samples, measure(samples, fresh) | told, history)


def measure(samples: Array, fresh: Any) -> dict[str, float]:
    """Return how well samples cover the modes, and their biased squared MMD to fresh ones."""
    kernel = lt.kernels.GaussianKernel(_BANDWIDTH)
    coverage = fresh.coverage(samples)
    squared = lt.divergences.mmd_squared(
        samples[:_NUM_COMPARED], fresh.samples[:_NUM_COMPARED], kernel=kernel
    )
    return {**coverage._asdict(), "mmd_squared": float(squared)}


def _optimizer(settings: Settings) -> Any:
    """Return what moves the groups, None for what the objective proposes."""
    rate = settings.rates.get(settings.model)
    if rate is None:
        return None
    if settings.model == "gram":  # whose generator moves as it proposes
        return {"generator": _adam(_GRAM_RATE), "projection": _adam(rate)}
    return _adam(rate)


def _adam(rate: float) -> Any:
    return lt.training.Adam(rate, beta_1=0.5, schedule=lt.training.ConstantSchedule())


def _prepared(watch: Watch, objective: Any, pace: int) -> Watch:
    """Let a watch look at an objective, and take its first look."""
    generator = objective.generator
    projection = getattr(objective, "projection", getattr(objective, "encoder", None))
    watch.pace = pace
    watch.sample = lambda: generator.sample(_NUM_DRAWN, seed=_DRAWN_SEED).numpy()
    if projection is not None:
        watch.features = lambda x: projection(x).numpy()
    watch.look(0)
    return watch
