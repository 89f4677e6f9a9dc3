"""The Python blocks of README.md and docs/ run, page by page, from top to bottom.

A page's blocks share one namespace and one empty folder, as a reader's session would. Blocks in
another fence (`console`, `text`) are not run. Most pages train, so that running what a reader
meets first belongs to the slow lane and the rest to the long one.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"<!-- ci:(\w+) -->\n+```console\n(.*?)\n```", re.DOTALL)


def pages():
    built = ROOT / "docs" / "_build"
    found = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [path for path in found if built not in path.parents]


def blocks_of(path):
    """Yields (line number, code) of each python block."""
    text = path.read_text(encoding="utf-8")
    for match in BLOCK.finditer(text):
        yield text.count("\n", 0, match.start(1)) + 1, match.group(1)


SLOW = {
    "README.md",
    "docs/quickstart.md",
    "docs/guide/architecture.md",
    "docs/guide/choosing-a-flow.md",
    "docs/guide/measuring-divergence.md",
    "docs/guide/theory.md",
}


def cases():
    for path in pages():
        name = path.relative_to(ROOT).as_posix()
        if any(blocks_of(path)):
            yield pytest.param(
                path, id=name, marks=pytest.mark.slow if name in SLOW else pytest.mark.long
            )


def test_pages_of_the_slow_lane_have_blocks():
    assert {case.id for case in cases()} >= SLOW


@pytest.mark.parametrize("path", list(cases()))
def test_blocks_run(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "__docs__"}
    for line, code in blocks_of(path):
        padded = "\n" * (line - 1) + code
        exec(compile(padded, str(path), "exec", dont_inherit=True), namespace)  # noqa: S102


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_fences_are_closed_and_name_their_language(path):
    fences = re.findall(r"^(`{3,}|~{3,})(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(fences) % 2 == 0
    assert [opening for opening in fences[::2] if not opening[1]] == []


def test_readme_gives_one_command_to_run_and_one_to_test():
    commands = dict(COMMAND.findall((ROOT / "README.md").read_text(encoding="utf-8")))
    assert set(commands) == {"run", "test"}
    assert all("\n" not in command for command in commands.values())
    assert "-m experiments.moons" in commands["run"]
    assert "-m pytest" in commands["test"]


def test_links_to_files_lead_somewhere():
    broken = []
    for path in pages():
        for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text(encoding="utf-8")):
            if "://" not in link and not (path.parent / link).exists():
                broken.append(f"{path.relative_to(ROOT)}: {link}")
    assert broken == []
