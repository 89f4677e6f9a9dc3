"""The pictures: methods side by side, what a flow does, and how stable training is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

import lrmf_tfp as lt
from experiments.common.files import save_figure
from experiments.moons.record import Track

__all__ = ["draw_comparison", "draw_flow", "draw_grids"]

Array = NDArray[np.floating[Any]]
_MAX_FRAMES = 48
_NUM_STEPS_DRAWN = 5


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


def draw_comparison(
    tracks: Sequence[Track], pair: lt.DomainPair, *, rotation: float, path: Path
) -> None:
    """Write the panel of several methods, and the same as an animation beside it."""
    colors = local_coordinate(pair, rotation=rotation)
    columns = [_column(track, pair, colors=colors) for track in tracks]
    save_figure(lt.plotting.plot_comparison(columns, pair.target), path)
    chosen = [_frames(track) for track in tracks]
    lt.plotting.animate_comparison(
        [[track.recorder.frames[k] for k in ks] for track, ks in zip(tracks, chosen, strict=True)],
        pair.target,
        path.with_suffix(".gif"),
        names=[track.title for track in tracks],
        colors=colors,
        titles=[_captions(track, ks) for track, ks in zip(tracks, chosen, strict=True)],
    )


def draw_flow(track: Track, pair: lt.DomainPair, *, rotation: float, output: Path) -> None:
    """Write what the flow of one method does: field, steps, loss and animation."""
    colors = local_coordinate(pair, rotation=rotation)
    source, moved, aligner = pair.source, track.moved, track.aligner
    figure = lt.plotting.plot_displacement(source, moved, pair.target, transform=aligner.transform)
    save_figure(figure, output / "displacement.png")
    shares = np.linspace(0.0, 1.0, _NUM_STEPS_DRAWN)
    path = [source + share * (moved - source) for share in shares]
    titles = ["source", *(f"{share:.0%} of the way" for share in shares[1:-1]), "moved source"]
    figure = lt.plotting.plot_flow_steps(path, pair.target, colors=colors, titles=titles)
    save_figure(figure, output / "steps.png")
    save_figure(lt.plotting.plot_history(aligner.history), output / "loss.png")
    chosen = _frames(track)
    lt.plotting.animate_alignment(
        [track.recorder.frames[k] for k in chosen],
        pair.target,
        output / "moons.gif",
        colors=colors,
        titles=[caption.replace("\n", "  ") for caption in _captions(track, chosen)],
    )


def draw_grids(
    grids: Mapping[str, Array], *, rows: Sequence[str], columns: Sequence[str]
) -> Figure:
    """Draw label accuracies `[R, C, K]` of K seeds as one coloured table a method.

    A cell shows the mean as its colour and number, and below it the lowest and the highest.
    """
    figure = Figure(figsize=(3.6 * len(grids) + 0.6, 0.62 * len(rows) + 1.3), dpi=150)
    figure.set_layout_engine("constrained")
    panels = figure.subplots(1, len(grids), squeeze=False, sharey=True)[0]
    image = None
    for axes, (name, values) in zip(panels, grids.items(), strict=True):
        means = values.mean(axis=2)
        image = axes.imshow(means, cmap="viridis", vmin=0.5, vmax=1.0, aspect="auto")
        for (row, column), mean in np.ndenumerate(means):
            low, high = values[row, column].min(), values[row, column].max()
            color = "black" if mean > 0.75 else "white"
            text = f"{mean:.2f}\n{low:.2f} to {high:.2f}"
            axes.text(column, row, text, ha="center", va="center", fontsize=8, color=color)
        axes.set_title(name, fontsize=11, fontweight="bold")
        axes.set_xticks(range(len(columns)), columns)
        axes.set_yticks(range(len(rows)), rows)
        axes.set_xlabel("batch size")
    panels[0].set_ylabel("learning rate")
    bar = figure.colorbar(image, ax=list(panels), shrink=0.9)
    bar.set_label("label accuracy, mean over seeds")
    return figure


def _column(track: Track, pair: lt.DomainPair, *, colors: Array) -> lt.plotting.ComparisonColumn:
    recorder = track.recorder
    return lt.plotting.ComparisonColumn(
        title=track.title,
        moved=track.moved,
        colors=colors,
        labels=pair.source_labels,
        accuracy_steps=recorder.steps,
        accuracy=recorder.accuracies,
        loss_steps=recorder.steps,
        loss=recorder.losses,
        loss_label=recorder.loss_label,
        loss_bound=None if "NLL" in recorder.loss_label else 0.0,
        kept_step=track.kept_step,
    )


def _frames(track: Track) -> list[int]:
    """Return the records to show, up to the kept one; early ones, where most happens, denser."""
    last = int(np.searchsorted(track.recorder.steps, track.kept_step))
    places = last * np.linspace(0.0, 1.0, _MAX_FRAMES) ** 2.5
    return np.round(places).astype(int).tolist()


def _captions(track: Track, chosen: Sequence[int]) -> list[str]:
    recorder = track.recorder
    captions = []
    for k in chosen:
        loss = "   ---" if np.isnan(recorder.losses[k]) else f"{recorder.losses[k]:6.3f}"
        captions.append(
            f"step {recorder.steps[k]:4d}  loss{loss}\naccuracy {recorder.accuracies[k]:.3f}"
        )
    return captions
