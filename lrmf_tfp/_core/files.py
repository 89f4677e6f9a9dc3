"""Files and folders that are there whole, the old or the new, whenever a process ends.

What is new is written beside its place, brought to the disk and put there by a rename. A folder
takes two renames, so what a process that died between them has left is put right by the next
one that looks: `recover`. Staging folders are named after host and process, so that those of dead
ones are known.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

__all__ = [
    "commit",
    "held_signals",
    "is_committed",
    "leftovers",
    "others_in",
    "recover",
    "recover_commits",
    "remove_staging",
    "replace_folder",
    "staging_folder",
    "swap_in",
    "sync_tree",
    "write_whole",
]

_MARK = ".lrmf-tfp-"
_PLAN, _RETIRED = ".commit.json", ".retired"
_HELD = ("SIGINT", "SIGTERM", "SIGHUP")


def replace_folder(
    path: str | Path, write: Callable[[Path], None], *, mark: Path, kind: str
) -> None:
    """Write a folder beside its place first, then swap it in; the old one goes last.

    Args:
        path: A new or empty folder, or an earlier one of the kind; links are followed.
        write: Function that writes the model into the new folder that it is given.
        mark: The file, inside a folder, by which one of the kind is known.
        kind: What the folder holds, for messages.

    Raises:
        ValueError: If `path` holds something else or cannot be written; what was there stays.
    """
    place = Path(path).resolve()
    with _writing(path):
        recover(place)
    empty = place.is_dir() and not any(place.iterdir())
    if place.exists() and not empty and not (place / mark).exists():
        raise ValueError(
            f"`path` must be new, empty or an earlier {kind}; "
            f"got {path}, which holds something else."
        )
    inside = Path.cwd() == place
    with _writing(path):
        place.parent.mkdir(parents=True, exist_ok=True)
        staging = staging_folder(place.parent, place.name)
        try:
            write(staging / "new")
            sync_tree(staging / "new")
            swap_in(staging, place)
        finally:
            remove_staging(staging, place)
            if inside and place.exists():
                os.chdir(place)  # the folder of that name is another one now


@contextmanager
def _writing(path: str | Path) -> Iterator[None]:
    """Say in one line that nothing can be written there."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ValueError(f"`path` must be a place to write to; got {path}: {reason}.") from error


def staging_folder(parent: Path, name: str = "") -> Path:
    """Make a hidden folder in `parent` whose name says who works in it: host and process."""
    folder = parent / f"{_prefix(name)}{_owner()}"
    folder.mkdir()
    return folder


def leftovers(parent: Path, name: str = "") -> list[Path]:
    """Return the staging folders of processes of this machine that are gone."""
    found = parent.iterdir() if parent.is_dir() else ()
    start = _prefix(name)
    return sorted(each for each in found if each.name.startswith(start) and _is_orphan(each))


def write_whole(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file beside its place first; at each moment the old one or the new is there.

    Raises:
        OSError: If it cannot be written; the old file stays.
    """
    beside = path.parent / f"{_prefix(path.name)}{_owner()}"
    try:
        with beside.open("xb") as stream:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    _sync(path.parent)


def swap_in(staging: Path, place: Path) -> None:
    """Put the folder `staging/new` in its place; what was there goes to `staging/old`.

    Signals wait until it is done. If the second rename fails the old folder goes back; should
    that fail too it stays in `staging`, where `recover` finds it.

    Raises:
        OSError: If a rename fails.
    """
    had_one = place.exists()
    with held_signals():
        if had_one:
            os.rename(place, staging / "old")
        try:
            os.rename(staging / "new", place)
        except OSError:
            if had_one:
                os.rename(staging / "old", place)
            raise
        _sync(place.parent)


def recover(place: Path) -> None:
    """Finish what a process that died while it swapped a folder in has left; remove the rest.

    Where the old folder has been taken away, the new one was whole: it takes the place.

    Raises:
        OSError: If the place cannot be written to.
    """
    for staging in leftovers(place.parent, place.name):
        if not place.exists() and (staging / "old").exists():
            whole = staging / ("new" if (staging / "new").exists() else "old")
            os.rename(whole, place)
            _sync(place.parent)
        remove_staging(staging, place)


def commit(staging: Path, place: Path, *, retire: Iterable[str]) -> None:
    """Put all that a staging folder holds into a folder, as one change, and remove the first.

    What is to be done is written down before it begins. A process that dies in between leaves
    the rest to `recover_commits`.

    Args:
        staging: A staging folder inside `place`.
        place: The folder; what has the same names there is replaced, all else stays.
        retire: Names in `place` that the new ones make out of date; they go.

    Raises:
        OSError: If something cannot be moved; `staging` keeps what has not been.
    """
    sync_tree(staging)
    new = sorted(each.name for each in staging.iterdir())
    plan = json.dumps({"new": new, "retire": sorted(set(retire) - set(new))})
    write_whole(staging / _PLAN, lambda stream: stream.write(plan.encode()))
    _finish_commit(staging, place)


def recover_commits(place: Path) -> None:
    """Finish the commits into a folder that dead processes began; remove what others left.

    Raises:
        OSError: If something cannot be moved.
    """
    for staging in leftovers(place):
        if is_committed(staging):
            _finish_commit(staging, place)
        else:
            shutil.rmtree(staging, ignore_errors=True)


def is_committed(staging: Path) -> bool:
    """Whether a staging folder holds results that are final."""
    return (staging / _PLAN).exists()


def others_in(place: Path, own: Path) -> list[Path]:
    """Return the staging folders in a folder of other processes that may be alive."""
    gone = {own, *leftovers(place)}
    return sorted(each for each in place.glob(f"{_MARK}*") if each.is_dir() and each not in gone)


def _finish_commit(staging: Path, place: Path) -> None:
    plan = json.loads((staging / _PLAN).read_text("utf-8"))
    retired = staging / _RETIRED
    with held_signals():
        retired.mkdir(exist_ok=True)
        for name in plan["retire"]:
            if (place / name).exists():
                os.replace(place / name, retired / name)
        for name in filter(lambda name: (staging / name).exists(), plan["new"]):
            if (place / name).is_dir():
                os.replace(place / name, retired / name)
            os.replace(staging / name, place / name)
        _sync(place)
    shutil.rmtree(staging, ignore_errors=True)


def remove_staging(staging: Path, place: Path) -> None:
    """Remove a staging folder, unless it holds the only copy of what belongs in the place."""
    if place.exists() or not (staging / "old").exists():
        shutil.rmtree(staging, ignore_errors=True)


def sync_tree(folder: Path) -> None:
    """Bring all files and folders below one to the disk, and itself."""
    for parent, _, names in os.walk(folder):
        for name in names:
            _sync(Path(parent, name))
        _sync(Path(parent))


@contextmanager
def held_signals() -> Iterator[None]:
    """Let Ctrl-C and the signals of batch systems wait until the end of the block."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    held = {getattr(signal, name) for name in _HELD}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, held)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _is_orphan(folder: Path) -> bool:
    host, _, process = folder.name.partition(_MARK)[2].rpartition("-")[0].rpartition("-")
    if host != _host() or not process.isdigit():
        return False  # another machine's, or no name of ours
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        pass  # somebody else's, or no number of a process
    return False


def _prefix(name: str) -> str:
    return f".{name}{_MARK}" if name else _MARK


def _owner() -> str:
    return f"{_host()}-{os.getpid()}-{secrets.token_hex(4)}"


def _host() -> str:
    return socket.gethostname().replace("/", "_")


def _sync(path: Path) -> None:
    """Bring a file or a folder to the disk; elsewhere than on POSIX neither is opened so."""
    if os.name != "posix":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
