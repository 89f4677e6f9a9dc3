"""The pictures: the sweep, the exact critics and the learned one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import beta

from experiments.common.style import AMBER, BLUE, DARK, GREEN, PINK, SKY, VERMILLION
from experiments.critics.learned import Fit

__all__ = ["draw_critics", "draw_learned", "draw_sweep"]

Array = NDArray[np.floating[Any]]
_P, _Q, _FIRST, _SECOND, _TRUTH = VERMILLION, BLUE, GREEN, PINK, DARK
_CURVES = {
    "w1": ("W1, units of x", GREEN, "-"),
    "mmd_squared": ("squared MMD", PINK, "--"),
    "total_variation": ("total variation", AMBER, "-."),
    "jensen_shannon": ("Jensen-Shannon, nats", SKY, (0, (1, 1))),
}
_SHIFTS = (0.0, 1.2, 2.4)
_GRID = np.linspace(-1.0, 3.5, 901)


def draw_sweep(curves: Mapping[str, Array]) -> Figure:
    """Draw the two densities at three shifts, the divergences over the shift and their slopes."""
    figure = Figure(figsize=(9.6, 5.6), dpi=130, layout="constrained")
    panels = figure.subplot_mosaic([["0", "1", "2"], ["values", "values", "slopes"]])
    figure.get_layout_engine().set(hspace=0.06)
    for key, shift in zip("012", _SHIFTS, strict=True):
        _draw_laws(panels[key], shift, seed=int(key), names=key == "0")
        panels[key].set_title(f"shift {shift:g}", fontsize=10)
        panels[key].set_xlabel("x")
    panels["0"].set_ylabel("density")
    shifts = curves["shift"]
    for name, (label, color, dashes) in _CURVES.items():
        slopes = np.gradient(curves[name], shifts)
        panels["values"].plot(shifts, curves[name], color=color, ls=dashes, lw=2.0, label=label)
        panels["slopes"].plot(shifts, slopes, color=color, ls=dashes, lw=2.0)
    for key in ("values", "slopes"):
        panels[key].set_xlabel("shift of q")
        panels[key].axvline(1.0, color=_TRUTH, lw=0.8, ls=":")
        _tidy(panels[key])
    panels["values"].set_ylabel("divergence")
    above = {"loc": "lower left", "bbox_to_anchor": (0.0, 1.0), "ncols": 4, "columnspacing": 0.9}
    panels["values"].legend(frameon=False, fontsize=8.5, handlelength=2.2, borderpad=0.0, **above)
    note = f"KL(p || q) is {curves['kl'][0]:.3f} nats at shift 0\nand infinite at any other"
    panels["values"].text(
        0.98, 0.04, note, ha="right", va="bottom", fontsize=9, transform=panels["values"].transAxes
    )
    panels["slopes"].set_ylabel("slope over the shift")
    panels["slopes"].set_xticks([0.0, 1.0, 2.0])
    place = {"transform": panels["slopes"].get_xaxis_transform(), "va": "top", "fontsize": 9}
    panels["slopes"].text(1.06, 0.98, "supports apart", color=_TRUTH, **place)
    return figure


def draw_critics(critic: Any, witness: Any, *, shift: float) -> Figure:
    """Draw the critic of W1 with its extensions, and the witness of the MMD."""
    figure = Figure(figsize=(7.2, 7.2), dpi=130, layout="constrained")
    top, middle, bottom = figure.subplots(3, 1, sharex=True, height_ratios=(2, 4, 4))
    points = [np.asarray(witness.numerator)[:, 0], np.asarray(witness.denominator)[:, 0]]
    _draw_laws(top, shift, rugs=points)
    top.set_ylabel("density")
    middle.fill_between(_GRID, critic.lower(_GRID), critic.upper(_GRID), color="#E4E4E4", lw=0)
    middle.plot(_GRID, critic.upper(_GRID), color=_FIRST, ls="--", lw=1.4, label="upper extension")
    middle.plot(
        _GRID, critic.lower(_GRID), color=_SECOND, ls="-.", lw=1.4, label="lower extension"
    )
    middle.plot(_GRID, critic(_GRID), color="black", lw=1.8, label="midpoint")
    for rows, color, marker in ((points[0], _P, "o"), (points[1], _Q, "s")):
        middle.plot(rows, critic(rows), marker, color=color, ms=4.5, mec="white", mew=0.5)
    middle.set_title(
        f"critic of W1 = {critic.distance:.4f}: slope -1 where p gives way to q", fontsize=10
    )
    middle.set_ylabel("critic, units of x")
    middle.legend(frameon=False, fontsize=9, loc="upper right")
    bottom.plot(
        _GRID,
        witness(_GRID[:, None]),
        color="black",
        lw=1.8,
        label="critic of unit norm, witness / MMD",
    )
    bottom.plot(
        _GRID, witness.witness(_GRID[:, None]), color=_FIRST, ls="--", lw=1.4, label="witness"
    )
    for rows, color, marker in ((points[0], _P, "o"), (points[1], _Q, "s")):
        bottom.plot(
            rows, witness(rows[:, None]), marker, color=color, ms=4.5, mec="white", mew=0.5
        )
    bottom.set_title(
        f"critic of the MMD = {witness.mmd:.4f}: flat where both are out of the kernel's reach",
        fontsize=10,
    )
    bottom.set_ylabel("critic")
    bottom.set_xlabel("x")
    bottom.legend(frameon=False, fontsize=9, loc="upper right")
    for axes in (middle, bottom):
        _tidy(axes)
    return figure


def draw_learned(together: Fit, early: Fit, apart: Fit) -> Figure:
    """Draw the learned critic of the KL: bound, T, ratio and gradients, with and without a gap."""
    figure = Figure(figsize=(9.6, 10.4), dpi=100, layout="constrained")
    panels = figure.subplots(4, 2)
    _draw_bounds(panels[0], together, apart)
    last = int(early.steps[-1])
    spans = (np.linspace(0.004, 0.996, 400), np.linspace(-0.25, early.shift + 1.25, 500))
    for column, (fit, x) in enumerate(zip((together, early), spans, strict=True)):
        truth = _true_log_ratio(x) if column == 0 else None
        _draw_functions(panels[1:, column], fit, x, truth)
        for axes in panels[1:, column]:
            axes.set_xlabel("x")
            if column == 1:
                axes.axvspan(1.0, fit.shift, color="#F1F1F1", lw=0, zorder=0)
    panels[1, 1].set_title(f"after {last} steps; no samples in the grey gap", fontsize=10)
    return figure


def _draw_bounds(panels: Array, together: Fit, apart: Fit) -> None:
    left, right = panels
    left.plot(together.steps, together.bounds, color="black", lw=1.6, label="held-out bound")
    truth = beta.expect(lambda x: _true_log_ratio(np.asarray(x)), args=(3, 5))
    left.axhline(truth, color=_TRUTH, lw=1.0, ls="--", label=f"KL(p || q) = {truth:.4f}")
    left.set_ylim(-0.5 * truth, 1.25 * truth)
    left.set_title("supports equal (shift 0)", fontsize=11, fontweight="bold")
    left.legend(frameon=False, fontsize=9, loc="lower right")
    right.plot(apart.steps, apart.bounds, color="black", lw=1.6, label="held-out bound, KL = +inf")
    right.set_title(f"supports apart (shift {apart.shift:g})", fontsize=11, fontweight="bold")
    right.legend(frameon=False, fontsize=9, loc="upper left")
    for axes in panels:
        axes.set_xlabel("training step")
        axes.set_ylabel("nats")
        _tidy(axes)


def _draw_functions(panels: Array, fit: Fit, x: Array, log_ratio: Array | None) -> None:
    """Draw T, the ratio and the gradients at points `[G]` on three panels."""
    critic, rows = fit.critic, x[:, None]
    learned = {"color": "black", "lw": 1.8}
    truth = {"color": _P, "lw": 1.3, "ls": "--"}
    panels[0].plot(x, critic.value(rows), label="T(x), learned", **learned)
    panels[1].plot(x, critic.ratio(rows), label="exp(T - 1), learned ratio", **learned)
    if log_ratio is not None:
        panels[0].plot(x, 1.0 + log_ratio, label="1 + log(p / q), true", **truth)
        panels[1].plot(x, np.exp(log_ratio), label="p / q, true", **truth)
    else:
        panels[1].set_yscale("log")
    gradients: tuple[tuple[str, Callable[[Array], Any], Any], ...] = (
        ("dT/dx", critic.gradient, {"color": "black", "lw": 3.2}),
        (
            "d log(ratio)/dx",
            critic.log_ratio_gradient,
            {"color": AMBER, "lw": 1.4, "ls": "--"},
        ),
        ("d ratio/dx", critic.ratio_gradient, {"color": _Q, "lw": 1.6, "ls": "-."}),
    )
    for label, function, look in gradients:
        panels[2].plot(x, np.asarray(function(rows))[:, 0], label=label, **look)
    if log_ratio is not None:
        panels[2].plot(x, 1.0 / x - 2.0 / (1.0 - x), label="d log(p / q)/dx, true", **truth)
    panels[2].axhline(0.0, color=_TRUTH, lw=0.8, ls=":")
    for axes, label in zip(panels, ("critic T", "density ratio", "gradients"), strict=True):
        axes.set_ylabel(label)
        axes.legend(frameon=False, fontsize=9)
        _tidy(axes)
    if log_ratio is None:
        panels[2].set_yscale("symlog", linthresh=1.0)
    else:
        panels[0].set_ylim(-4.0, 2.0)
        panels[2].set_ylim(-14.0, 14.0)


def _true_log_ratio(x: Array) -> Array:
    """Return `log(p / q)` of Beta(3, 5) and Beta(2, 3)."""
    return beta.logpdf(x, 3, 5) - beta.logpdf(x, 2, 3)


def _draw_laws(
    axes: Axes, shift: float, *, rugs: Any = None, seed: int = 0, names: bool = True
) -> None:
    """Draw both densities and 15 samples of each as ticks below."""
    rng = np.random.default_rng(seed)
    if rugs is None:
        rugs = (rng.beta(3, 5, 15), rng.beta(2, 3, 15) + shift)
    laws = ((3, 5, 0.0, _P, "p", "-"), (2, 3, shift, _Q, "q", "--"))
    for (a, b, move, color, name, dashes), rug in zip(laws, rugs, strict=True):
        density = beta.pdf(_GRID - move, a, b)
        axes.plot(_GRID, density, color=color, ls=dashes, lw=1.8, label=name if names else None)
        axes.fill_between(_GRID, density, color=color, alpha=0.12, lw=0)
        axes.plot(rug, np.full(len(rug), -0.18), "|", color=color, ms=9, mew=1.2)
    axes.set_ylim(-0.4, 2.6)
    axes.set_xlim(_GRID[0], _GRID[-1])
    if names:
        axes.legend(frameon=False, fontsize=9, loc="upper right")
    _tidy(axes)


def _tidy(axes: Axes) -> None:
    axes.grid(color="#E8E8E8", lw=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
