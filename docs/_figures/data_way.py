"""Draws `docs/_static/data_way.png`: the way of the data through the package.

Run `python docs/_figures/data_way.py` from the root.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

OUTPUT = Path(__file__).resolve().parents[1] / "_static" / "data_way.png"

# Okabe and Ito's colours, which remain apart for colour-blind readers; fills are tints of them.
ASKED, DATA, TRAINED, FITTED = "#D55E00", "#0072B2", "#009E73", "#CC79A7"
INK = "#222222"
WIDTH, HEIGHT, STEP = 2.06, 1.2, 2.5
TOP, BOTTOM = 3.55, 1.05
MIDDLE = (TOP + BOTTOM) / 2
UNDER = 0.02  # where the held-out rows pass under the rest


class Box(NamedTuple):
    """One station: what it is, what it holds, where it lives."""

    column: int
    y: float
    title: str
    text: str
    room: str
    color: str

    @property
    def x(self) -> float:
        """Its centre."""
        return STEP * self.column


ASKED_FOR = [
    Box(0, TOP, "names", '"real_nvp", "lrmf":\none table', "names.py", ASKED),
    Box(1, TOP, "spec", "RealNVP(), LRMF():\nfrozen settings,\nnothing built", "*/spec.py", ASKED),
    Box(
        2,
        TOP,
        "flow, density",
        "built for one shape;\nall variables exist",
        "flows/ densities/",
        ASKED,
    ),
    Box(3, TOP, "objective", "batches to terms;\nvariable groups", "objectives/", ASKED),
    Box(4, TOP, "plan", "stages in order, and\nwhat is kept of each", "objectives/lrmf/", ASKED),
]
GOES_IN = [
    Box(0, BOTTOM, "yours", "arrays, frames,\nmemory maps,\ntensors, tf.data", "datasets/", DATA),
    Box(
        1,
        BOTTOM,
        "Sample",
        "values, weights,\nconditions;\nchecked once",
        "samples/sample.py",
        DATA,
    ),
    Box(
        2,
        BOTTOM,
        "domains",
        "name: Sample;\ncolumns compared\nby name",
        "samples/domains.py",
        DATA,
    ),
    Box(
        3,
        BOTTOM,
        "split, moments",
        "rows set aside;\nzero mean, unit scale",
        "samples/split.py",
        DATA,
    ),
    Box(
        4,
        BOTTOM,
        "Source",
        "batches of rows,\nby step and seed",
        "samples/sources.py",
        DATA,
    ),
]
MEETS = Box(
    5,
    MIDDLE,
    "lt.fit",
    "compiled steps on\na Distribution, told\nto callbacks",
    "training/",
    TRAINED,
)
COMES_OUT = Box(
    6,
    MIDDLE,
    "Alignment",
    "a Saved: transform,\nscore, save;\nframes in and out",
    "alignment/",
    FITTED,
)


def draw_box(axes: Axes, box: Box) -> None:
    """Draw a rounded box with its title, text and room."""
    corner = (box.x - WIDTH / 2, box.y - HEIGHT / 2)
    style = "round,pad=0,rounding_size=0.14"
    for face, alpha, edge in ((box.color, 0.13, "none"), ("none", None, box.color)):
        patch = FancyBboxPatch(
            corner, WIDTH, HEIGHT, boxstyle=style, facecolor=face, alpha=alpha, edgecolor=edge
        )
        patch.set_linewidth(1.4)
        axes.add_patch(patch)
    top = box.y + HEIGHT / 2
    axes.text(
        box.x, top - 0.12, box.title, ha="center", va="top", size=11, weight="bold", color=INK
    )
    axes.text(
        box.x, top - 0.44, box.text, ha="center", va="top", size=8.6, color=INK, linespacing=1.3
    )
    below = box.y - HEIGHT / 2 - 0.08
    axes.text(
        box.x, below, box.room, ha="center", va="top", size=8, family="monospace", color=box.color
    )


def draw_arrow(
    axes: Axes, start: tuple[float, float], end: tuple[float, float], *, way: str = "arc3"
) -> None:
    """Draw an arrow from one point to another, straight or round a corner."""
    arrow = FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=13, connectionstyle=way)
    arrow.set(linewidth=1.3, color=INK)
    axes.add_patch(arrow)


def draw_row(axes: Axes, row: list[Box], title: str) -> None:
    """Draw boxes from left to right with what they have in common above them."""
    for box in row:
        draw_box(axes, box)
    for first, second in zip(row[:-1], row[1:], strict=True):
        start, end = first.x + WIDTH / 2 + 0.02, second.x - WIDTH / 2 - 0.02
        draw_arrow(axes, (start, first.y), (end, second.y))
    x, y = row[0].x - WIDTH / 2, row[0].y + HEIGHT / 2 + 0.14
    axes.text(x, y, title, size=10, style="italic", color=row[0].color)


def draw_meeting(axes: Axes) -> None:
    """Draw where the two rows meet, and what leaves."""
    plan, source, meets, leaves = ASKED_FOR[-1], GOES_IN[-1], MEETS, COMES_OUT
    edge, half = plan.x + WIDTH / 2 + 0.02, HEIGHT / 2 + 0.03
    corner = "angle,angleA=0,angleB=90,rad=9"
    draw_arrow(axes, (edge, plan.y), (meets.x, meets.y + half), way=corner)
    draw_arrow(axes, (edge, source.y), (meets.x, meets.y - half - 0.27), way=corner)
    draw_arrow(
        axes, (meets.x + WIDTH / 2 + 0.02, meets.y), (leaves.x - WIDTH / 2 - 0.02, leaves.y)
    )


def draw_sides(axes: Axes) -> None:
    """Draw what passes beside the rows: the shape of events, and the rows held out."""
    domains, split = GOES_IN[2], GOES_IN[3]
    top, bottom = domains.y + HEIGHT / 2 + 0.03, TOP - HEIGHT / 2 - 0.32
    draw_arrow(axes, (domains.x, top), (domains.x, bottom))
    axes.text(domains.x + 0.1, (top + bottom) / 2, "shape, conditions", size=8.6, va="center")
    x, low = split.x + 0.88, split.y - HEIGHT / 2
    axes.plot([x, x, COMES_OUT.x], [low, UNDER, UNDER], color=INK, linewidth=1.2, linestyle="--")
    draw_arrow(axes, (COMES_OUT.x, UNDER), (COMES_OUT.x, COMES_OUT.y - HEIGHT / 2 - 0.3))
    axes.text(x + 0.12, UNDER + 0.06, "held-out rows: when to stop, and the score", size=8.6)


def main() -> None:
    """Draw the stations and the arrows between them."""
    figure = Figure(figsize=(12.6, 3.9))
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_xlim(-1.2, STEP * 6 + 1.2)
    axes.set_ylim(-0.2, 4.6)
    axes.set_axis_off()
    draw_row(axes, ASKED_FOR, "what is asked for")
    draw_row(axes, GOES_IN, "what goes in")
    draw_box(axes, MEETS)
    draw_box(axes, COMES_OUT)
    draw_meeting(axes)
    draw_sides(axes)
    figure.savefig(OUTPUT, dpi=120, facecolor="white")


if __name__ == "__main__":
    main()
