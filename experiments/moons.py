"""Two moons turned by 50 degrees, aligned by a flow: the paper's figure 4.

Label accuracy is that of a 1-nearest-neighbour classifier fitted on the target's arms and scored
on the moved source's arms; labels are used for nothing else. The score is taken on fresh samples.
"""

from __future__ import annotations

import dataclasses
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import lrmf_tfp as lt
from experiments._runner import report, run_experiment, save_figure

__all__ = ["Config", "main", "run"]

Array = NDArray[np.floating[Any]]
_MAX_FRAMES = 48
_STEPS_A_FRAME = 20  # of the seed that is drawn: the flow does most in its first hundred steps
_NUM_STEPS_DRAWN = 5


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    flow: str = field(default="real_nvp", metadata={"help": "name of the flow"})
    rotation: float = field(default=-50.0, metadata={"help": "degrees, negative is clockwise"})
    num_samples: int = field(default=1000, metadata={"help": "training samples a domain"})
    num_fresh: int = field(default=5000, metadata={"help": "fresh samples a domain, for scores"})
    raw: bool = field(default=False, metadata={"help": "do not standardise the coordinates"})
    num_steps: int = field(default=4000, metadata={"help": "largest number of steps a stage"})
    score_before: bool = field(default=True, metadata={"help": "score doing nothing, too"})
    jit_compile: bool = field(default=True, metadata={"help": "compile with XLA"})
    seeds: int = field(default=1, metadata={"help": "number of seeds to run, from --seed on"})
    seed: int = field(default=0, metadata={"help": "first seed of data, start and batches"})

    def __post_init__(self) -> None:
        """Check what the library does not."""
        for name in ("num_samples", "num_fresh", "num_steps", "seeds"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be at least 1; got {getattr(self, name)}.")

    @classmethod
    def quick(cls) -> Config:
        """Return settings that end in under a minute."""
        return cls(
            num_samples=500, num_fresh=1000, num_steps=800, score_before=False, jit_compile=False
        )


class Recorder:
    """Callback that keeps the moved source and its label accuracy while the flow is trained."""

    def __init__(self, aligner: lt.Aligner, pair: lt.DomainPair) -> None:
        self._aligner = aligner
        self._pair = pair
        self.steps = [0]
        self.frames = [pair.source]
        self.accuracies = [accuracy(pair.source, pair)]

    def __call__(self, event: lt.training.TrainingEvent) -> None:
        """Record one step of the joint stage."""
        if event.stage == "joint":
            moved = np.asarray(self._aligner.transform(self._pair.source))
            self.steps.append(event.step)
            self.frames.append(moved)
            self.accuracies.append(accuracy(moved, self._pair))


class Trial(NamedTuple):
    """What one seed gave."""

    seed: int
    pair: lt.DomainPair
    aligner: lt.Aligner
    recorder: Recorder
    moved: Array
    metrics: dict[str, Any]


def run(config: Config, *, output: Path | None = None) -> dict[str, Any]:
    """Return the metrics; draw the pictures of the first seed into `output` if it is given."""
    per_seed = []
    for seed in range(config.seed, config.seed + config.seeds):
        drawn = output is not None and seed == config.seed
        trial = run_seed(config, seed, record=drawn)
        per_seed.append(trial.metrics)
        if drawn:
            draw(trial, config, output)
    metrics = {name: mean_of(per_seed, name) for name in per_seed[0] if name != "seed"}
    metrics["std"] = {
        name: spread_of([each["label_accuracy"][name] for each in per_seed])
        for name in per_seed[0]["label_accuracy"]
    } | {"score": spread_of([each["score"]["value"] for each in per_seed])}
    metrics["worst"] = {
        "label_accuracy": min(each["label_accuracy"]["lrmf"] for each in per_seed),
        "score": max(each["score"]["value"] for each in per_seed),
        "score_held_out": max(each["score_held_out"]["value"] for each in per_seed),
        "fit_seconds": max(each["fit"]["seconds"] for each in per_seed),
    }
    return metrics | {"per_seed": per_seed}


def run_seed(config: Config, seed: int, *, record: bool) -> Trial:
    """Align one draw and measure it, on the training source and on fresh samples."""
    pair, fresh = draw_pairs(config, seed)
    settings = lt.FitConfig(num_steps=config.num_steps, jit_compile=config.jit_compile)
    if record:
        settings = dataclasses.replace(settings, steps_per_call=_STEPS_A_FRAME)
    aligner = lt.Aligner(flow=config.flow, config=settings, seed=seed)
    recorder = Recorder(aligner, pair)
    began = time.monotonic()
    aligner.fit(pair.source, pair.target, callbacks=[recorder] if record else [])
    seconds = time.monotonic() - began
    moved = np.asarray(aligner.transform(pair.source))
    moved_fresh = np.asarray(aligner.transform(fresh.source))
    metrics: dict[str, Any] = {
        "seed": seed,
        "label_accuracy": {"none": accuracy(pair.source, pair), "lrmf": accuracy(moved, pair)},
        "label_accuracy_fresh": {
            "none": accuracy(fresh.source, fresh, fitted=pair),
            "lrmf": accuracy(moved_fresh, fresh, fitted=pair),
        },
        "score": dict(aligner.score(fresh.source, fresh.target)._asdict()),
        "score_held_out": dict(aligner.score(pair.source, pair.target)._asdict()),
        "fit": {"seconds": seconds, "kept_step": aligner.results_["joint"].best_step},
    }
    if config.score_before:
        before = lt.Aligner(flow="identity", config=settings, seed=seed)
        before.fit(pair.source, pair.target)
        metrics["score_before"] = dict(before.score(fresh.source, fresh.target)._asdict())
    after = metrics["label_accuracy"]["lrmf"]
    report(f"moons: seed {seed}, accuracy {after:.3f}, L = {metrics['score']['value']:.3f} nats")
    return Trial(seed, pair, aligner, recorder, moved, metrics)


def draw_pairs(config: Config, seed: int) -> tuple[lt.DomainPair, lt.DomainPair]:
    """Return the pair to train on and a fresh pair, in the same coordinates."""
    total = config.num_samples + config.num_fresh
    everything = lt.datasets.moons(
        total, rotation=config.rotation, standardize=not config.raw, seed=seed
    )
    return everything.split(config.num_fresh / total, seed=seed)


def accuracy(moved: Array, pair: lt.DomainPair, *, fitted: lt.DomainPair | None = None) -> float:
    """Return the 1-NN label accuracy of moved source samples of `pair`."""
    known = pair if fitted is None else fitted
    return float(
        lt.metrics.label_accuracy(moved, pair.source_labels, known.target, known.target_labels)
    )


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


def local_coordinate(pair: lt.DomainPair, *, rotation: float) -> Array:
    """Return a number in [0, 1] a source sample `[N]`: the place along its arm, arm after arm."""
    angle = np.deg2rad(-rotation)
    back = pair.source @ np.array(
        [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
    )
    place = np.empty(len(back))
    for arm in (0, 1):
        x = back[pair.source_labels == arm, 0]
        low, high = np.quantile(x, [0.01, 0.99])
        cosine = np.clip(2.0 * (x - low) / (high - low) - 1.0, -1.0, 1.0)
        place[pair.source_labels == arm] = 0.55 * arm + 0.45 * np.arccos(-cosine) / np.pi
    return place


def draw(trial: Trial, config: Config, output: Path) -> None:
    """Write the pictures and the animation of one seed."""
    pair, moved = trial.pair, trial.moved
    colors = local_coordinate(pair, rotation=config.rotation)
    columns = comparison_columns(trial, colors, flow=config.flow)
    figure = lt.plotting.plot_comparison(columns, pair.target)
    save_figure(figure, output / "moons.png")
    figure = lt.plotting.plot_displacement(
        pair.source, moved, pair.target, transform=trial.aligner.transform
    )
    save_figure(figure, output / "displacement.png")
    shares = np.linspace(0.0, 1.0, _NUM_STEPS_DRAWN)
    path = [pair.source + share * (moved - pair.source) for share in shares]
    titles = ["source", *(f"{share:.0%} of the way" for share in shares[1:-1]), "moved source"]
    figure = lt.plotting.plot_flow_steps(path, pair.target, colors=colors, titles=titles)
    save_figure(figure, output / "steps.png")
    figure = lt.plotting.plot_history(trial.aligner.history)
    save_figure(figure, output / "loss.png")
    animate(trial, colors, output / "moons.gif")


def comparison_columns(
    trial: Trial, colors: Array, *, flow: str
) -> list[lt.plotting.ComparisonColumn]:
    """Return the columns "before" and LRMF; the score before is the height it starts from."""
    recorder, metrics = trial.recorder, trial.metrics
    title = {"real_nvp": "RealNVP LRMF", "affine": "affine LRMF"}.get(flow, f"{flow} LRMF")
    before = lt.plotting.ComparisonColumn(
        title="before",
        moved=trial.pair.source,
        colors=colors,
        labels=trial.pair.source_labels,
        accuracy_steps=[0],
        accuracy=[metrics["label_accuracy"]["none"]],
        loss_steps=[0],
        loss=[metrics.get("score_before", {}).get("value", np.nan)],
        loss_label="held-out L, nats",
    )
    after = lt.plotting.ComparisonColumn(
        title=title,
        moved=trial.moved,
        colors=colors,
        labels=trial.pair.source_labels,
        accuracy_steps=recorder.steps,
        accuracy=recorder.accuracies,
        loss_steps=recorder.steps,
        loss=losses(trial),
        loss_label="held-out L, nats",
        kept_step=trial.aligner.results_["joint"].best_step,
    )
    return [before, after]


def losses(trial: Trial) -> list[float]:
    """Return the held-out loss at each recorded step, with the final constant; NaN at first."""
    return [float("nan"), *trial.aligner.history["validation_loss"].tolist()]


def animate(trial: Trial, colors: Array, path: Path) -> None:
    """Write the moved source over training, up to the step whose weights were kept.

    Early steps, where most happens, come denser.
    """
    recorder = trial.recorder
    last = recorder.steps.index(trial.aligner.results_["joint"].best_step)
    chosen = np.unique(np.round(last * np.linspace(0.0, 1.0, _MAX_FRAMES) ** 2.5).astype(int))
    held_out = losses(trial)
    titles = []
    for k in chosen:
        loss = "  ---" if np.isnan(held_out[k]) else f"{held_out[k]:5.2f}"
        titles.append(
            f"step {recorder.steps[k]:4d}  L ={loss}  accuracy {recorder.accuracies[k]:.3f}"
        )
    frames = [recorder.frames[k] for k in chosen]
    lt.plotting.animate_alignment(frames, trial.pair.target, path, colors=colors, titles=titles)


def main() -> int:
    """Run from the command line."""
    return run_experiment("moons", Config, run)


if __name__ == "__main__":
    sys.exit(main())
