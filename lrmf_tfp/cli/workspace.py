"""The output folder of `align`: all of a result appears there, or nothing.

Results are first written to a hidden folder inside, then moved into place; what a run that was
killed meanwhile has left is put in place by the next one. The checkpoints of a stopped run stay,
together with what they belong to. Two runs do not share a folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from lrmf_tfp._core.files import (
    commit,
    is_committed,
    others_in,
    recover_commits,
    staging_folder,
)
from lrmf_tfp.cli.inputs import AlignInputs

__all__ = ["Workspace"]

_ALIGNED = ("aligned.npy", "aligned.npz", "aligned.csv")
"""One of them holds the moved rows; those of an earlier run may have another form."""


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
        self._is_alone = False  # as long as it is not known, what lies here may be another run's
        self._keep_checkpoints = True  # those of a run before, until this one begins its own
        self.checkpoints = inputs.output / "checkpoints"
        self.staging = inputs.output

    def __enter__(self) -> Workspace:
        """Make the folders.

        Raises:
            ValueError: if `--output` cannot be written to, or `--resume` finds no checkpoint or
                one of other settings.
        """
        if self._resume:
            if not others_in(self._output, self.staging):
                self._restore_earlier()
            self._check_resumable()
        try:
            self._created = _first_missing(self._output)
            self._output.mkdir(parents=True, exist_ok=True)
            self.staging = staging_folder(self._output)
            self._check_alone()
            recover_commits(self._output)
            self._restore_earlier()
            if not self._resume:
                if self.has_checkpoint:
                    os.replace(self.checkpoints, self._earlier)
                shutil.rmtree(self.checkpoints, ignore_errors=True)
                self.checkpoints.mkdir()
                self._settings_file.write_text(json.dumps(self._settings), "utf-8")
                self._keep_checkpoints = False
        except OSError as error:
            self._remove()
            raise self._unwritable(error) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: object
    ) -> None:
        """Keep the checkpoints of a stopped run; remove all else that is unfinished.

        Raises:
            ValueError: in place of an `OSError`: the disk is full, or the folder read-only by now.
        """
        if kind is not None and issubclass(kind, (KeyboardInterrupt, OSError)):
            self._keep_checkpoints = self.has_checkpoint
        self._remove()
        if isinstance(error, OSError):
            raise self._unwritable(error) from error

    @property
    def has_checkpoint(self) -> bool:
        """Whether there is anything to resume from."""
        return self.checkpoints.is_dir() and any(
            path.is_file() and path != self._settings_file for path in self.checkpoints.rglob("*")
        )

    def commit(self) -> None:
        """Move the results into place, over earlier ones, and drop the checkpoints."""
        self._created = None
        try:
            commit(self.staging, self._output, retire=_ALIGNED)
        except OSError as error:
            kept = (
                f" The results are in {self.staging.name!r} inside, and the next run into the "
                "folder puts them in place first."
            )
            raise ValueError(
                f"{self._unwritable(error)}{kept * is_committed(self.staging)}"
            ) from error
        self._keep_checkpoints = False
        shutil.rmtree(self._earlier, ignore_errors=True)

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

    @property
    def _earlier(self) -> Path:
        """Where the checkpoints of a stopped run wait for the first of this one, or its end."""
        return self._output / "checkpoints.before"

    def _restore_earlier(self) -> None:
        """Give the checkpoints of the run before their place back, unless there are newer ones."""
        if not self._earlier.is_dir():
            return
        if self.has_checkpoint:
            shutil.rmtree(self._earlier, ignore_errors=True)
            return
        shutil.rmtree(self.checkpoints, ignore_errors=True)
        os.replace(self._earlier, self.checkpoints)

    def _unwritable(self, error: OSError) -> ValueError:
        reason = error.strerror or str(error)
        return ValueError(
            f"`--output` must be a writable folder; got {str(self._output)!r}: {reason}."
        )

    def _check_alone(self) -> None:
        others = others_in(self._output, self.staging)
        if others:
            self._remove()
            raise ValueError(
                f"`--output` must be a folder that no other run writes to; got "
                f"{str(self._output)!r}, where one works in {others[0].name!r}."
            )
        self._is_alone = True

    def _remove(self) -> None:
        if self.staging != self._output and not is_committed(self.staging):
            shutil.rmtree(self.staging, ignore_errors=True)
        if not self._keep_checkpoints:
            shutil.rmtree(self.checkpoints, ignore_errors=True)
        if self._is_alone:
            self._restore_earlier()
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
