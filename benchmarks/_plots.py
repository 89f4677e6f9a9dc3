"""The pictures: how long each side takes beside ours, and how the time grows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from benchmarks._report import curves, digits, slope
from benchmarks._workload import OURS

__all__ = ["draw_growth", "draw_ratios"]

_OURS, _PEER, _GRAY = "#0072B2", "#E69F00", "#888888"  # distinct to every kind of eye
_LIMIT = "sgemm"  # sides so named are no peers but the machine's limit


def draw_ratios(results: Mapping[str, Any]) -> Figure | None:
    """Draw each side's time in units of ours, a panel a workload; None without such workloads."""
    panels = {name: _groups(result) for name, result in results.items()}
    panels = {name: groups for name, groups in panels.items() if groups}
    if not panels:
        return None
    heights = [sum(len(bars) + 1.3 for bars in groups.values()) for groups in panels.values()]
    figure = Figure(
        figsize=(8.0, 0.21 * sum(heights) + 0.55 * len(heights) + 0.3),
        dpi=130,
        layout="constrained",
    )
    shape = {"height_ratios": heights, "squeeze": False, "sharex": True}
    axes = figure.subplots(len(panels), 1, **shape)[:, 0]
    for each, (name, groups) in zip(axes, panels.items(), strict=True):
        _draw_panel(each, groups)
        each.set_title(results[name]["title"], loc="left", fontsize=10, weight="bold")
    every = [b[1] for groups in panels.values() for bars in groups.values() for b in bars]
    axes[-1].set_xlim(min(0.8, 0.3 * min(every)), 2.5 * max(every))
    axes[-1].set_xlabel(
        "time in units of ours, log scale: right of the line, ours is faster\n"
        "blue: ours, orange: peers, gray: the rate of matrix products",
        fontsize=9,
    )
    return figure


def _groups(result: Mapping[str, Any]) -> dict[str, list[tuple[str, float, float]]]:
    """Return problem to (side, times as long as ours, milliseconds)."""
    groups: dict[str, list[tuple[str, float, float]]] = {}
    for row in result["rows"]:
        if row["growth"] or not row["drawn"] or "ms" not in row:
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
            axes.barh(place, times - 1.0, left=1.0, height=0.75, color=_color(side))
            if side == OURS:
                axes.plot(1.0, place, "s", color=_OURS, markersize=6)
            right = times >= 1.0
            axes.annotate(
                f"{digits(times)} ({digits(milliseconds)} ms)",
                (times, place),
                (6 if right else -6, 0),
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
    axes.set_ylim(place - 0.3, -0.8)
    axes.set_yticks(places, names, fontsize=8)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelbottom=True, labelsize=8)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.grid(axis="x", color="#E4E4E4", linewidth=0.6)
    axes.set_axisbelow(True)


def _color(side: str) -> str:
    if side.startswith(_LIMIT):
        return _GRAY
    return _OURS if side.startswith(OURS) else _PEER


_HEADING: dict[str, Any] = {
    "fontsize": 8,
    "va": "center",
    "color": "#555555",
    "style": "italic",
    "bbox": {"color": "white", "pad": 1.5},  # the line does not cross the words
}


def draw_growth(results: Mapping[str, Any]) -> Figure | None:
    """Draw time against what grows, a log-log panel each; None without such problems."""
    panels = [
        (result["title"], axis, sides)
        for result in results.values()
        for axis, sides in curves(result).items()
    ]
    if not panels:
        return None
    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(4.0 * columns, 3.0 * rows), dpi=130, layout="constrained")
    every = figure.subplots(rows, columns, squeeze=False).ravel()
    for spare in every[len(panels) :]:
        spare.remove()
    for axes, (title, axis, sides) in zip(every, panels, strict=False):
        for side in sorted(sides, key=lambda name: name != OURS):
            _draw_curve(axes, side, sides[side])
        _label_growth(axes, axis, [amount for amount, _ in next(iter(sides.values()))])
        axes.set_title(title.split(",")[0], fontsize=9)
    return figure


def _label_growth(axes: Axes, axis: str, amounts: list[float]) -> None:
    axes.set_xlabel(f"{axis} (log scale)")
    axes.set_ylabel("ms a step (log scale)")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(amounts)
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    for each in (axes.xaxis, axes.yaxis):
        each.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        each.set_minor_formatter(NullFormatter())
    axes.grid(color="#E4E4E4", linewidth=0.6)
    axes.legend(frameon=False, fontsize=8)


def _draw_curve(axes: Axes, side: str, points: list[tuple[float, float]]) -> None:
    amounts, times = zip(*points, strict=True)
    color, marker = (_OURS, "o-") if side == OURS else (_PEER, "s--")
    label = f"{side}, slope {slope(points):.2f}" if len(points) > 2 else side
    axes.plot(amounts, times, marker, color=color, markersize=4, linewidth=1.4, label=label)
