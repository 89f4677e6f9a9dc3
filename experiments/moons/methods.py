"""The methods: points that are moved, and flows that are trained, by many objectives."""

from __future__ import annotations

import dataclasses
import time
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

import lrmf_tfp as lt
from experiments.common.runner import report
from experiments.moons.config import OBJECTIVE_TITLES, Config
from experiments.moons.record import Recorder, Track, accuracy

__all__ = ["run_methods"]

Array = NDArray[np.floating[Any]]

# The paper does not say its kernel. This bandwidth gives the first value of its loss curve, 0.063.
MMD_BANDWIDTH = 0.3
_MMD_RATE = 0.3  # times the number of points, as each point's gradient is its share of the mean
_EMD_PATH = 4.5  # no point has to go farther; the cosine halves it
_STEPS_A_FRAME = 20  # of the seed that is drawn: the flow does most in its first hundred steps
_FLOW_TITLES = {"ffjord": "FFJORD", "real_nvp": "RealNVP", "spline": "Spline"}
# Label accuracy falls as the two densities leave their common start.
_SLOW: dict[str, Any] = {"optimizer": lt.training.Adam(1e-4)}
_LOSSES = {
    "adversarial": "energy",
    "back_to_back": "NLL",
    "emd": "EMD",
    "energy": "energy",
    "gram": "energy",
    "lrmf": "L, nats",
    "mmd": "MMD²",
    "sinkhorn": "Sinkhorn",
    "sliced_wasserstein": "sliced W",
}
_STAGES = {
    "adversarial": "game",
    "back_to_back": "densities",
    "gram": "generator",
    "lrmf": "joint",
}


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
            seed=seed,
        )
        if objective != "lrmf":
            aligner.set_params(num_restarts=1)  # the others have no bound that asks for more
            if not config.score_others:
                aligner.set_params(objective__bound=None)
        if objective == "back_to_back" and config.slow_back_to_back:
            aligner.set_params(
                config=dataclasses.replace(settings, **_SLOW, batch_size=len(pair.source))
            )
        title = f"{kind} {OBJECTIVE_TITLES[objective]}"
        tracks[name] = train_flow(pair, aligner, objective, title=title, record=record)
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


def move_positions(
    pair: lt.DomainPair, name: str, *, num_steps: int, jit_compile: bool, record_every: int
) -> Track:
    """Move the source's points by gradient descent on MMD or EMD to the target, without a map."""
    rows = max(len(pair.source), len(pair.target))
    if name == "mmd":
        kernel = lt.kernels.GaussianKernel(MMD_BANDWIDTH)
        divergence: Any = partial(lt.divergences.mmd_squared, kernel=kernel)
        schedule: Any = lt.training.ConstantSchedule()
        rate = _MMD_RATE
    else:
        divergence, schedule = lt.divergences.emd, lt.training.CosineSchedule(warmup=0.0)
        rate = _EMD_PATH / num_steps
    objective = lt.objectives.PositionsObjective(
        pair.source, divergence, jit_compatible=name != "emd"
    )
    config = lt.FitConfig(
        num_steps=num_steps,
        batch_size=rows,
        optimizer=lt.training.SGD(rate * len(pair.source), schedule=schedule),
        clip_norm=1e6,
        average_decay=0.0,
        steps_per_call=record_every,
        jit_compile=jit_compile,
    )
    label = {"mmd": "MMD², biased", "emd": "EMD"}[name]
    recorder = Recorder(pair, "fit", lambda: objective.positions.numpy(), label, "loss")
    began = time.monotonic()
    result = lt.fit(objective, (pair.target,), config, callbacks=[recorder])
    seconds = time.monotonic() - began
    title = {"mmd": "points on MMD", "emd": "points on EMD"}[name]
    return Track(title, objective.positions.numpy(), recorder, result.best_step, seconds)


def train_flow(
    pair: lt.DomainPair,
    aligner: lt.Aligner,
    objective: str,
    *,
    title: str,
    record: bool,
) -> Track:
    """Fit an aligner; record every compiled call of its main stage if asked to."""
    stage = _STAGES.get(objective, "flow")
    label = f"held-out {_LOSSES[objective]}"
    recorder = Recorder(pair, stage, lambda: aligner.transform(pair.source), label)
    began = time.monotonic()
    aligner.fit(pair.source, pair.target, callbacks=[recorder] if record else [])
    seconds = time.monotonic() - began
    if record:
        recorder = recorder.of_restart(aligner.restart_)
        # With the constants that later stages made final.
        recorder.losses[1:] = aligner.history["validation_loss"].tolist()
    moved = np.asarray(aligner.transform(pair.source))
    kept = aligner.results_[stage].best_step
    return Track(title, moved, recorder, kept, seconds, aligner)


def report_track(name: str, track: Track, pair: lt.DomainPair, *, seed: int) -> None:
    """Say on standard error how a method went."""
    reached = accuracy(track.moved, pair)
    report(f"moons: seed {seed}, {name}: accuracy {reached:.3f} in {track.seconds:.0f} s")
