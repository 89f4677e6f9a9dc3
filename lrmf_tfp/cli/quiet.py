"""TensorFlow's chatter kept off the terminal, and shown after all if something fails."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["prepare_environment", "silenced_stderr"]

_STDERR = 2


def prepare_environment() -> None:
    """Set what TensorFlow reads when it is imported; what the user has set stays."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")


@contextmanager
def silenced_stderr() -> Iterator[None]:
    """Hold back what the process writes to stderr, native code included.

    Three lines of TensorFlow's start-up heed no setting, so the file descriptor itself is turned
    aside. If the block raises an error, what was held back is written out.
    """
    sys.stderr.flush()
    try:
        terminal = os.dup(_STDERR)
    except OSError:  # stderr is closed: there is nothing to hold back
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), _STDERR)
        failed = False
        try:
            yield
        except Exception:
            failed = True
            raise
        finally:
            sys.stderr.flush()
            os.dup2(terminal, _STDERR)
            os.close(terminal)
            if failed:
                held.seek(0)
                os.write(_STDERR, held.read())
