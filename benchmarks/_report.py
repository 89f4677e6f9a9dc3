"""Results as JSON and as a Markdown table."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._workload import OURS

__all__ = ["curves", "digits", "merge", "slope", "to_markdown"]

Results = Mapping[str, Mapping[str, Any]]
"""Name of a workload to its title, unit, conditions and rows."""

_HEADER = ("problem", "side", "setting", "ms", "from – to", "ours / side", "from – to", "target")


def merge(path: Path, fresh: Results) -> dict[str, Any]:
    """Write results beside those of workloads that were not run, and return all of them."""
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    merged = {name: fresh.get(name, known.get(name)) for name in sorted({*known, *fresh})}
    path.write_text(json.dumps(merged, indent=1) + "\n", encoding="utf-8")
    return merged


def to_markdown(results: Results) -> str:
    """Return the tables of all workloads, what was missed first."""
    parts = ["# Benchmarks", "<!-- tables -->", _verdict(results)]
    for result in results.values():
        parts += [f"## {result['title']}", _conditions(result), _table(result)]
    growth = list(_growth_lines(results))
    if growth:
        heads = ("| growth | side | ms at each size | slope |", "|---|---|---|---|")
        parts += ["## Growth", "\n".join([*heads, *growth])]
    return "\n\n".join(parts) + "\n"


def curves(result: Mapping[str, Any]) -> dict[str, dict[str, list[tuple[float, float]]]]:
    """Return what grows to side to (amount, milliseconds), from the rows of one workload."""
    found: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for row in result["rows"]:
        if row["growth"] and "ms" in row:
            axis, amount = row["growth"]
            found.setdefault(axis, {}).setdefault(row["side"], []).append(
                (amount, row["ms"]["median"])
            )
    return found


def digits(value: float) -> str:
    """Return three digits of a value, or all before the point, never a power of ten."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def slope(points: list[tuple[float, float]]) -> float:
    """Return the power with which the time grows over the last three amounts."""
    amounts, times = np.log(np.asarray(points[-3:])).T
    return float(np.polyfit(amounts, times, 1)[0])


def _verdict(results: Results) -> str:
    judged = [
        (f"{result['title']}, {row['problem']}, {row['side']}: {_target(target)}", target["met"])
        for result in results.values()
        for row in result["rows"]
        for target in row["targets"]
    ]
    met = sum(each is True for _, each in judged)
    unknown = sum(each is None for _, each in judged)
    lines = [f"{met} of {len(judged)} targets met, {unknown} not measured."]
    lines += [f"- {what}" for what, each in judged if each is False]
    return "\n".join([lines[0], "", *lines[1:]]) if lines[1:] else lines[0]


def _conditions(result: Mapping[str, Any]) -> str:
    on = result["conditions"]
    versions = {name: v for row in result["rows"] for name, v in row["versions"].items()}
    told = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
    load = f", load {on['load'][0]}" if on["load"] else ""
    return (
        f"Milliseconds a {result['unit']}, median of {result['turns']} turns, one core of "
        f"{on['cores']} ({on['processor']}), one thread, Python {on['python']}; "
        f"{on['date']}{load}.\n{told}."
    )


def _table(result: Mapping[str, Any]) -> str:
    lines = ["| " + " | ".join(_HEADER) + " |", "|---" * len(_HEADER) + "|"]
    for row in result["rows"]:
        if not row["growth"]:
            lines.append("| " + " | ".join(_cells(row)) + " |")
    return "\n".join(lines)


def _cells(row: Mapping[str, Any]) -> list[str]:
    setting = "" if row["setting"] is None else f"{row['setting']:g}"
    targets = "; ".join(_target(target) for target in row["targets"])
    start = [row["problem"], row["side"], setting]
    if row["failure"]:
        return [*start, row["failure"], "", "", "", targets]
    ratio = row.get("ours_over")
    return [*start, *_figures(row.get("ms")), *_figures(ratio), targets]


def _figures(spread: Mapping[str, float] | None) -> list[str]:
    if spread is None:
        return ["", ""]
    return [digits(spread["median"]), f"{digits(spread['min'])} – {digits(spread['max'])}"]


def _target(target: Mapping[str, Any]) -> str:
    word = {True: "met", False: "**missed**", None: "not measured"}[target["met"]]
    value = "" if target["value"] is None else f" at {target['value']:.3g}"
    return f"{target['what']} {word}{value if target['fact'] or not target['met'] else ''}"


def _growth_lines(results: Results) -> Iterator[str]:
    for result in results.values():
        for axis, sides in curves(result).items():
            for side in sorted(sides, key=lambda name: name != OURS):
                points = sides[side]
                times = ", ".join(f"{amount:g}: {ms:.3g}" for amount, ms in points)
                power = f"{slope(points):.2f}" if len(points) > 2 else ""
                yield f"| {result['title']}, {axis} | {side} | {times} | {power} |"
