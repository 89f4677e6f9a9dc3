"""Which experiments there are: every module and package beside `common` with a public name.

Nothing lists them elsewhere, so that a new one is found by being there. Their docstrings are read
without importing them, which would take seconds each.
"""

from __future__ import annotations

import ast
import pkgutil
from pathlib import Path

__all__ = ["experiments", "sources_of"]

ROOT = Path(__file__).resolve().parents[1]


def experiments(root: Path = ROOT) -> dict[str, str]:
    """Return the first line of the docstring of each experiment by its name, sorted."""
    names = (found.name for found in pkgutil.iter_modules([str(root)]))
    chosen = sorted(name for name in names if name != "common" and not name.startswith("_"))
    return {name: _title(sources_of(name, root)[0]) for name in chosen}


def sources_of(name: str, root: Path = ROOT) -> list[Path]:
    """Return the files of an experiment, first the one whose docstring tells what it is."""
    alone = root / f"{name}.py"
    if alone.exists():
        return [alone]
    first = root / name / "__init__.py"
    return [first, *sorted(path for path in first.parent.rglob("*.py") if path != first)]


def _title(path: Path) -> str:
    told = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return told.partition("\n")[0]
