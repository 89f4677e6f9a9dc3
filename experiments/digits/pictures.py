"""The pictures: digits and what becomes of them, projections, accuracies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.decomposition import PCA

import lrmf_tfp as lt
from experiments.common.style import SOURCE, TARGET

__all__ = ["draw_accuracies", "draw_images", "draw_moved", "draw_projection"]

Array = NDArray[np.floating[Any]]

METHOD_TITLES = {
    "none": "not moved",
    "coral": "CORAL",
    "gaussian": "Gaussian OT",
    "emd": "exact EMD",
    "mmd": "MMD flow",
    "gram": "GRAM flow",
    "lrmf": "LRMF",
}
_COLUMNS = 20
_POINTS = 1000  # a panel of a projection
_DIGIT_COLORS = colormaps["tab10"]


def draw_images(autoencoder: Any, tests: Mapping[str, Any], *, seed: int) -> Figure:
    """Draw test images above their reconstructions, and draws of the prior."""
    sets = {}
    for name, test in tests.items():
        images = test.images[_of_each_digit(test.labels)]
        sets[f"{name}, test"] = images
        sets[f"{name}, reconstructed"] = autoencoder.reconstruct(images)
    sets["draws of the prior"] = autoencoder.sample(_COLUMNS, seed=seed)
    return lt.plotting.plot_images(sets, num_columns=_COLUMNS)


def draw_moved(
    maps: Mapping[str, Any], autoencoder: Any, source: Any, target: Any, *, names: Sequence[str]
) -> Figure:
    """Draw source images, their vectors decoded as they are and moved, and target images."""
    rows = _of_each_digit(source.labels)
    vectors = autoencoder.encode(source.images[rows])
    sets = {f"{names[0]}, the source": source.images[rows]}
    for name in maps:
        title = f"{METHOD_TITLES[name]}, decoded"
        sets[title] = autoencoder.decode(maps[name].move(vectors))
    sets[f"{names[1]}, the target"] = target.images[_of_each_digit(target.labels)]
    return lt.plotting.plot_images(sets, num_columns=_COLUMNS)


def _of_each_digit(labels: NDArray[np.integer[Any]]) -> NDArray[np.integer[Any]]:
    """Return the first rows of each digit, as many of each; labels only order the picture."""
    return np.concatenate([np.flatnonzero(labels == k)[: _COLUMNS // 10] for k in range(10)])


def draw_projection(
    maps: Mapping[str, Any], source: Any, target: Any, *, names: Sequence[str]
) -> Figure:
    """Draw both domains on two principal components of the target, before and after LRMF."""
    plane = PCA(2, random_state=0).fit(target.train_vectors)
    fixed = plane.transform(target.test_vectors[:_POINTS])
    clouds = {
        f"before: {names[0]} not moved": source.test_vectors[:_POINTS],
        "after LRMF": maps["lrmf"].move(source.test_vectors[:_POINTS]),
    }
    figure = Figure(figsize=(9.0, 8.4), dpi=110, layout="constrained")
    panels = figure.subplots(2, 2, sharex=True, sharey=True)
    for column, (title, vectors) in zip(panels.T, clouds.items(), strict=True):
        moved = plane.transform(vectors)
        _draw_domains(column[0], moved, fixed, names=names)
        column[0].set_title(title, fontsize=11)
        _draw_digits(column[1], moved, source.test.labels[:_POINTS])
        _draw_digits(column[1], fixed, target.test.labels[:_POINTS], marker="^", alpha=0.25)
        column[1].set_xlabel("first principal component of the target")
    panels[0, 0].set_ylabel("second component")
    panels[1, 0].set_ylabel("second component; numbers: means of each digit")
    return figure


def _draw_domains(axes: Axes, moved: Array, fixed: Array, *, names: Sequence[str]) -> None:
    axes.plot(*fixed.T, "^", ms=3, mew=0, alpha=0.45, color=TARGET, label=names[1])
    axes.plot(*moved.T, "o", ms=3, mew=0, alpha=0.45, color=SOURCE, label=names[0])
    axes.legend(fontsize=9, markerscale=2.5, framealpha=0.9, edgecolor="none")


def _draw_digits(
    axes: Axes, points: Array, labels: Any, *, marker: str = "o", alpha: float = 0.5
) -> None:
    colors = _DIGIT_COLORS(labels)
    axes.scatter(*points.T, c=colors, s=9, marker=marker, linewidths=0, alpha=alpha)
    for digit in range(10):
        if np.any(labels == digit):
            center = points[labels == digit].mean(axis=0)
            square = {"boxstyle": "circle,pad=0.15", "lw": 1.2, "fc": "white"}
            square["ec"] = SOURCE if marker == "o" else TARGET
            axes.text(*center, str(digit), fontsize=8, ha="center", va="center", bbox=square)


def draw_accuracies(
    entries: Sequence[Mapping[str, Any]], methods: Sequence[str], direction: str
) -> Figure:
    """Draw the accuracies of each seed, method by method, for both classifiers."""
    figure = Figure(figsize=(8.6, 3.9), dpi=130, layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    titles = {"1nn": "1-nearest-neighbour classifier", "logistic": "logistic classifier"}
    for axes, (kind, title) in zip(panels, titles.items(), strict=True):
        for index, name in enumerate(methods):
            values = [each[f"accuracy_{kind}"][name] for each in entries]
            color = SOURCE if name == "lrmf" else TARGET
            axes.plot([index] * len(values), values, "o", ms=5, mew=0, alpha=0.6, color=color)
            mean = float(np.mean(values))
            axes.plot([index - 0.3, index + 0.3], [mean, mean], color=color, lw=2.0)
            axes.annotate(
                f"{mean:.3f}", (index, max(values)), xytext=(0, 6), ha="center", fontsize=8,
                textcoords="offset points",
            )  # fmt: skip
        axes.set_xticks(
            range(len(methods)), [METHOD_TITLES[name] for name in methods], rotation=35,
            ha="right",
        )  # fmt: skip
        axes.set_title(title, fontsize=10)
        axes.grid(axis="y", alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        axes.margins(y=0.14)
    source, target = direction.upper().split("_TO_")
    panels[0].set_ylabel(f"accuracy on moved {source} test digits")
    figure.suptitle(f"classifiers fitted on {target}; points are seeds, bars means", fontsize=10)
    return figure
