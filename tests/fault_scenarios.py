"""`python -m tests.fault_scenarios NAME FOLDER`: what is left after each fault, as JSON.

`losses` are points at which no whole result was left or the next run did not work, `unclear`
those whose error was not one line that names an argument.
"""

from __future__ import annotations

import itertools
import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

from lrmf_tfp._core import files
from lrmf_tfp.cli.workspace import Workspace
from tests.fault_injection import CRASHED, attempts

MARK = Path("extra", "kind.json")
_numbers = itertools.count()


def fill(folder: Path, text: str) -> None:
    for name in ("data", MARK, "deep/er/part"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def workspace(output: Path) -> Workspace:
    """The workspace of a run of `align` on no data at all."""
    none = SimpleNamespace(values=SimpleNamespace(tobytes=lambda: b""))
    settings = {"flow": "", "objective": "", "steps": 1, "restarts": 1, "seed": 0}
    inputs = SimpleNamespace(output=output, source=none, target=none, **settings)
    return Workspace(inputs, resume=False)


def state_of(folder: Path, names: tuple) -> str:
    """Which result a folder holds: "old", "new", or what is wrong with it."""
    found = {(folder / name).read_text() for name in names if (folder / name).exists()}
    whole = len(found) == 1 and all((folder / name).exists() for name in names)
    return found.pop() if whole else f"mixed {sorted(found)}"


class Save:
    """`save` over an earlier model."""

    def prepare(self, root: Path) -> Path:
        place = root / f"run{next(_numbers)}" / "model"
        fill(place, "old")
        return place

    def act(self, place: Path, text: str = "new") -> None:
        files.replace_folder(place, lambda new: fill(new, text), mark=MARK, kind="model")

    def seen(self, place: Path) -> str:
        files.recover(place)  # as `load` does where nothing is in the place
        return state_of(place, ("data", MARK, "deep/er/part"))

    def left_over(self, place: Path) -> list:
        return [each for each in place.parent.iterdir() if each != place]


class Commit:
    """`align` into the folder of an earlier result, in which a file of the user's lies."""

    def prepare(self, root: Path) -> Path:
        place = root / f"run{next(_numbers)}"
        fill(place / "model", "old")
        for name in ("aligned.csv", "report.json"):
            (place / name).write_text("old")
        (place / "notes.txt").write_text("mine")
        return place

    def act(self, place: Path, text: str = "new") -> None:
        with workspace(place) as run:
            fill(run.staging / "model", text)
            for name in ("aligned.npy", "report.json"):
                (run.staging / name).write_text(text)
            run.commit()

    def seen(self, place: Path) -> str:
        files.recover_commits(place)
        moved = "aligned.npy" if (place / "aligned.npy").exists() else "aligned.csv"
        both = (place / "aligned.npy").exists() and (place / "aligned.csv").exists()
        names = (moved, "report.json", "model/data", "model/deep/er/part")
        mine = (place / "notes.txt").read_text() == "mine"
        return state_of(place, names) if mine and not both else "mixed"

    def left_over(self, place: Path) -> list:
        known = {"notes.txt", "model", "report.json", "aligned.npy"}
        return [each for each in place.iterdir() if each.name not in known]


class OneFile:
    """One file over an earlier one."""

    def prepare(self, root: Path) -> Path:
        place = root / f"run{next(_numbers)}" / "table.csv"
        place.parent.mkdir()
        place.write_text("old")
        return place

    def act(self, place: Path, text: str = "new") -> None:
        try:
            files.write_whole(place, lambda stream: stream.write(text.encode()))
        except OSError as error:
            raise ValueError(f"`path`: {error.strerror}") from error  # as its callers do

    def seen(self, place: Path) -> str:
        return place.read_text()

    def left_over(self, place: Path) -> list:
        return []


def main(name: str, root: Path) -> dict:
    scenario = {"save": Save, "commit": Commit, "one_file": OneFile}[name]()
    told: dict = {"points": 0, "losses": [], "unclear": [], "seen": {}}
    for place, point, status in attempts(lambda: scenario.prepare(root), scenario.act):
        told["points"] += 1
        if status == CRASHED:
            told["unclear"].append(point)
        seen = scenario.seen(place)
        told["seen"][seen] = told["seen"].get(seen, 0) + 1
        scenario.act(place, "new")
        again, left = scenario.seen(place), scenario.left_over(place)
        if seen not in ("old", "new") or again != "new" or left:
            told["losses"].append([point, seen, again, [each.name for each in left]])
        shutil.rmtree(place.parent if place.parent != root else place)
    return told


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], Path(sys.argv[2]))))  # noqa: T201
