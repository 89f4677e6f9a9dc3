"""The pictures: how long each side takes beside ours, and how the time grows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter, ScalarFormatter

from benchmarks._report import curves, slope
from benchmarks._workload import OURS

__all__ = ["draw_growth", "draw_ratios"]

_OURS, _PEER, _GRAY = "#0072B2", "#E69F00", "#666666"  # distinct to every kind of eye


def draw_ratios(results: Mapping[str, Any]) -> Figure:
    """Draw each side's time in units of ours, a panel a workload, on a log axis."""
    panels = {name: _groups(result) for name, result in results.items()}
    panels = {name: groups for name, groups in panels.items() if groups}
    heights = [sum(len(bars) + 1.3 for bars in groups.values()) for groups in panels.values()]
    figure = Figure(
        figsize=(8.0, 0.21 * sum(heights) + 0.55 * len(heights) + 0.3),
        dpi=130,
        layout="constrained",
    )
    axes = figure.subplots(len(panels), 1, height_ratios=heights, squeeze=False)[:, 0]
    for each, (name, groups) in zip(axes, panels.items(), strict=True):
        _draw_panel(each, groups)
        each.set_title(results[name]["title"], loc="left", fontsize=10, weight="bold")
    axes[-1].set_xlabel("time in units of ours (log scale): right of the line, ours is faster")
    return figure


def _groups(result: Mapping[str, Any]) -> dict[str, list[tuple[str, float, float]]]:
    """Return problem to (side, times as long as ours, milliseconds)."""
    groups: dict[str, list[tuple[str, float, float]]] = {}
    for row in result["rows"]:
        if row["growth"] or "ms" not in row:
            continue
        over = row.get("ours_over")
        if row["side"] == OURS or (over and result["base"] == OURS):
            times = 1.0 / over["median"] if over else 1.0
            groups.setdefault(row["problem"], []).append((row["side"], times, row["ms"]["median"]))
    return groups


def _draw_panel(axes: Axes, groups: Mapping[str, list[tuple[str, float, float]]]) -> None:
    place, places, names = 0.0, [], []
    for problem, bars in groups.items():
        axes.text(0.0, place, f" {problem}", transform=axes.get_yaxis_transform(), **_HEADING)
        for side, times, milliseconds in bars:
            place += 1.0
            own = side.startswith(OURS)
            axes.barh(place, times - 1.0, left=1.0, height=0.75, color=_OURS if own else _PEER)
            right = times >= 1.0
            axes.annotate(
                f"{times:.3g} ({milliseconds:.3g} ms)",
                (times, place),
                (4 if right else -4, 0),
                textcoords="offset points",
                ha="left" if right else "right",
                va="center",
                fontsize=7.5,
            )
            places.append(place)
            names.append(side)
        place += 1.3
    axes.axvline(1.0, color=_OURS, linewidth=1.2)
    axes.set_xscale("log")
    every = [times for bars in groups.values() for _, times, _ in bars]
    axes.set_xlim(min(0.8, 0.55 * min(every)), 2.2 * max(every))
    axes.set_ylim(place - 0.3, -0.8)
    axes.set_yticks(places, names, fontsize=8)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.grid(axis="x", color="#E4E4E4", linewidth=0.6)
    axes.set_axisbelow(True)


_HEADING: dict[str, Any] = {"fontsize": 8, "va": "center", "color": _GRAY, "style": "italic"}


def draw_growth(results: Mapping[str, Any]) -> Figure | None:
    """Draw time against what grows, a log-log panel each; None without such problems."""
    panels = [
        (result["title"], axis, sides)
        for result in results.values()
        for axis, sides in curves(result).items()
    ]
    if not panels:
        return None
    figure = Figure(figsize=(3.0 * len(panels), 3.2), dpi=130, layout="constrained")
    for axes, (title, axis, sides) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True
    ):
        for side in sorted(sides, key=lambda name: name != OURS):
            _draw_curve(axes, side, sides[side])
        axes.set_title(title.split(",")[0], fontsize=9)
        axes.set_xlabel(axis)
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.set_xticks([amount for amount, _ in next(iter(sides.values()))])
        axes.xaxis.set_major_formatter(ScalarFormatter())
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.grid(color="#E4E4E4", linewidth=0.6)
        axes.legend(frameon=False, fontsize=8)
    figure.axes[0].set_ylabel("milliseconds a step")
    return figure


def _draw_curve(axes: Axes, side: str, points: list[tuple[float, float]]) -> None:
    amounts, times = zip(*points, strict=True)
    color, marker = (_OURS, "o-") if side == OURS else (_PEER, "s--")
    label = f"{side}, slope {slope(points):.2f}" if len(points) > 2 else side
    axes.plot(amounts, times, marker, color=color, markersize=4, linewidth=1.4, label=label)
