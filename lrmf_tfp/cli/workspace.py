"""The output folder of `align`: all of a result appears there, or nothing.

Results are first written to a hidden folder inside, then moved into place. The checkpoints of a
stopped run stay, together with what they belong to.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from lrmf_tfp.cli.inputs import AlignInputs

__all__ = ["Workspace"]


class Workspace:
    """The output folder while `align` runs; use as a context.

    On leaving, the hidden folder is removed and, unless checkpoints are kept, so is everything
    this run has made.

    Attributes:
        staging: the hidden folder to write results to.
        checkpoints: folder of the checkpoints.
    """

    def __init__(self, inputs: AlignInputs, *, resume: bool) -> None:
        self._output = inputs.output
        self._settings = _settings_of(inputs)
        self._resume = resume
        self._created: Path | None = None
        self._keep_checkpoints = resume
        self.checkpoints = inputs.output / "checkpoints"
        self.staging = inputs.output

    def __enter__(self) -> Workspace:
        """Make the folders.

        Raises:
            ValueError: if `--output` cannot be written to, or `--resume` finds no checkpoint or
                one of other settings.
        """
        if self._resume:
            self._check_resumable()
        try:
            self._created = _first_missing(self._output)
            self._output.mkdir(parents=True, exist_ok=True)
            self.staging = Path(tempfile.mkdtemp(prefix=".lrmf-tfp-", dir=self._output))
            if not self._resume:
                shutil.rmtree(self.checkpoints, ignore_errors=True)
                self.checkpoints.mkdir()
                self._settings_file.write_text(json.dumps(self._settings), "utf-8")
        except OSError as error:
            self._remove()
            raise ValueError(
                f"`--output` must be a writable folder; got {str(self._output)!r}: "
                f"{error.strerror}."
            ) from None
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Keep the checkpoints of a stopped run; remove all else that is unfinished."""
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            self._keep_checkpoints = self.has_checkpoint
        self._remove()

    @property
    def has_checkpoint(self) -> bool:
        """Whether there is anything to resume from."""
        return self.checkpoints.is_dir() and any(
            path.is_file() and path != self._settings_file for path in self.checkpoints.rglob("*")
        )

    def commit(self) -> None:
        """Move the results into place, over earlier ones, and drop the checkpoints."""
        retired = self.staging / ".retired"
        retired.mkdir()
        for name in ("aligned.npy", "aligned.npz", "aligned.csv", "model"):
            old = self._output / name
            if old.exists():
                os.replace(old, retired / old.name)
        for new in self.staging.iterdir():
            if new != retired:
                os.replace(new, self._output / new.name)
        self._created = None
        self._keep_checkpoints = False

    @property
    def _settings_file(self) -> Path:
        return self.checkpoints / "settings.json"

    def _check_resumable(self) -> None:
        where = str(self.checkpoints)
        if not self.has_checkpoint:
            raise ValueError(f"`--resume` must find a checkpoint; got none in {where!r}.")
        try:
            found = json.loads(self._settings_file.read_text("utf-8"))
        except (OSError, ValueError):
            found = {}
        changed = [name for name, value in self._settings.items() if found.get(name) != value]
        if changed:
            listed = ", ".join(changed)
            raise ValueError(
                f"`--resume` must be given with the arguments of the stopped run; "
                f"got another {listed}."
            )

    def _remove(self) -> None:
        if self.staging != self._output:
            shutil.rmtree(self.staging, ignore_errors=True)
        if not self._keep_checkpoints:
            shutil.rmtree(self.checkpoints, ignore_errors=True)
            _remove_empty(self._output, down_from=self._created)


def _settings_of(inputs: AlignInputs) -> Mapping[str, object]:
    """Return what must not change between a run and its resumption, by name of the argument."""
    return {
        "SOURCE": hashlib.sha256(inputs.source.values.tobytes()).hexdigest(),
        "TARGET": hashlib.sha256(inputs.target.values.tobytes()).hexdigest(),
        "--flow": inputs.flow,
        "--objective": inputs.objective,
        "--steps": inputs.steps,
        "--restarts": inputs.restarts,
        "--seed": inputs.seed,
    }


def _first_missing(folder: Path) -> Path | None:
    """Return the outermost of a folder and its parents that does not exist yet."""
    missing = None
    for path in (folder, *folder.parents):
        if path.exists():
            break
        missing = path
    return missing


def _remove_empty(folder: Path, *, down_from: Path | None) -> None:
    """Remove `folder` and its parents down from one, as far as they exist and are empty."""
    if down_from is None:
        return
    for path in (folder, *folder.parents):
        try:
            path.rmdir()
        except FileNotFoundError:
            pass
        except OSError:
            return
        if path == down_from:
            return
