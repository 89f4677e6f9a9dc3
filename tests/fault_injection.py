"""File-system calls that fail, or that the process does not survive, one by one.

`attempts` runs an action in forked children: in the n-th, the n-th call that changes the disk
raises `OSError` or ends the process at once, and what it leaves is for the caller to look at. It
needs a process without threads, so that the tests run this module by itself.
"""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path

CALLS = ("mkdir", "rename", "replace", "open", "fsync", "unlink", "rmdir")
"""Functions of `os` that are counted; `open` of files for writing is counted too."""
KILLED, REFUSED, CRASHED = 77, 1, 3


class Faults:
    """Counts calls; the one whose turn it is fails or kills."""

    def __init__(self, turn: int, *, kill: bool) -> None:
        self.turn, self.kill, self.count = turn, kill, 0
        for name in CALLS:
            setattr(os, name, self._counted(getattr(os, name)))
        io.open = self._counted(io.open)  # what `pathlib` calls

    def _counted(self, function: Callable) -> Callable:
        def call(*args, **options):
            self.count += 1
            if self.count == self.turn:
                if self.kill:
                    os._exit(KILLED)
                raise OSError(errno.ENOSPC, "No space left on device")
            return function(*args, **options)

        return call


def calls_of(action: Callable[[], object]) -> int:
    """Return how many calls an action makes, from a child."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        faults = Faults(0, kill=False)
        action()
        os.write(writer, str(faults.count).encode())
        os._exit(0)
    os.wait()
    return int(os.read(reader, 20))


def attempts(prepare: Callable[[], Path], act: Callable[[Path], object]) -> Iterator[tuple]:
    """Yield the place, kind and exit status of the action with each of its calls at fault."""
    first = prepare()
    number = calls_of(lambda: act(first))
    for turn in range(1, number + 1):
        for kill in (False, True):
            place = prepare()
            child = os.fork()
            if child == 0:
                _attempt(act, place, turn, kill=kill)
            yield place, (turn, kill), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _attempt(act: Callable[[Path], object], place: Path, turn: int, *, kill: bool) -> None:
    Faults(turn, kill=kill)
    try:
        act(place)
    except ValueError as error:
        os._exit(REFUSED if "\n" not in str(error) and str(error).startswith("`") else CRASHED)
    except BaseException:  # noqa: BLE001 (whatever it is, the parent is to know)
        os._exit(CRASHED)
    os._exit(0)
