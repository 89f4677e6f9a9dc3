"""Ctrl-C that waits for a place where stopping leaves nothing half done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["Interrupts", "deferred_interrupts"]


class Interrupts:
    """Whether Ctrl-C was pressed since the block began.

    Attributes:
        pending: True from the first Ctrl-C on.
    """

    def __init__(self) -> None:
        self.pending = False

    def check(self) -> None:
        """Raise the KeyboardInterrupt that was held back, if there is one."""
        if self.pending:
            self.pending = False
            raise KeyboardInterrupt

    def _hold(self, number: int, frame: Any) -> None:
        if self.pending:
            signal.default_int_handler(number, frame)
        self.pending = True


_current: Interrupts | None = None


@contextmanager
def deferred_interrupts() -> Iterator[Interrupts]:
    """Hold Ctrl-C back until `check` is called or the block ends; a second one is not held back.

    An exception at any line would find variables half assigned and other libraries' objects half
    built. Blocks inside the block share its `Interrupts`. Outside the main thread, or where a
    handler other than Python's own is set, nothing is changed.

    Yields:
        The `Interrupts` to check.
    """
    global _current
    if not _in_main_thread():
        yield Interrupts()
        return
    if _current is not None or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield _current or Interrupts()
        return
    _current = Interrupts()
    signal.signal(signal.SIGINT, _current._hold)
    try:
        yield _current
        _current.check()
    finally:
        _current = None
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
