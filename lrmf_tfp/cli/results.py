"""Results as text: `key: value` lines, JSON and CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["flattened", "to_json_line", "to_lines", "write_history", "write_json"]


def flattened(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return a report of `align` for reading: one level, and each number once."""
    flat = {name: value for name, value in report.items() if not isinstance(value, Mapping)}
    flat["before_value"] = report["before"]["value"]
    for when, accuracy in report.get("label_accuracy", {}).items():
        flat[f"label_accuracy_{when}"] = accuracy
    return flat


def to_lines(report: Mapping[str, Any]) -> str:
    """Return one `key: value` line for each entry, the verdict first."""
    names = sorted(report, key=lambda name: name != "verdict")
    return "".join(f"{name}: {_text(report[name])}\n" for name in names)


def to_json_line(report: Mapping[str, Any]) -> str:
    """Return the report as one line of JSON."""
    return json.dumps(report, default=_plain) + "\n"


def write_json(path: Path, report: Mapping[str, Any]) -> None:
    """Write the report as JSON for people and programs."""
    path.write_text(json.dumps(report, default=_plain, indent=2) + "\n", "utf-8")


def write_history(path: Path, history: Mapping[str, ArrayLike]) -> None:
    """Write one row for each recorded step, below the names of the columns."""
    columns = [np.asarray(column).tolist() for column in history.values()]
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(history)
        writer.writerows(zip(*columns, strict=True))


def _text(value: object) -> str:
    if isinstance(value, (float, np.floating)):
        return f"{float(value):.6g}"
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    return " ".join(str(value).split())


def _plain(value: object) -> Any:
    """Return a NumPy scalar or array as what JSON knows."""
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    raise TypeError(f"`report` must hold plain values; got {type(value).__name__}.")
