"""From what was typed to an exit status.

0 is done, 1 a failure while running, 2 bad input, 130 stopped by Ctrl-C or SIGTERM.
"""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from lrmf_tfp.cli.commands import run_align, run_score, run_transform
from lrmf_tfp.cli.files import notes_on_success
from lrmf_tfp.cli.inputs import check_align, check_score, check_transform
from lrmf_tfp.cli.parser import PROGRAM, build_parser
from lrmf_tfp.cli.workspace import Workspace

__all__ = ["main"]

_FAILED, _BAD_INPUT, _STOPPED = 1, 2, 130

# Errors that are answered in one line; any other is a fault of ours and keeps its traceback.
_EXPECTED: dict[int, tuple[type[Exception], ...]] = {
    _BAD_INPUT: (ValueError, TypeError, OSError),
    _FAILED: (ArithmeticError, ValueError, OSError),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status.

    Args:
        argv: what was typed after the program's name; that of this process when None.

    Returns:
        0 if done, 1 if it failed while running, 2 if the input is bad, 130 if Ctrl-C stopped it.

    Raises:
        SystemExit: if `argv` does not parse (status 2), or asks for help or version (status 0).
    """
    words = sys.argv[1:] if argv is None else list(argv)
    args = build_parser().parse_args(words)
    status = _BAD_INPUT
    try:
        with ExitStack() as stack:
            stack.enter_context(_terminated_as_interrupted())
            run = _prepare(args, stack)
            status = _FAILED
            result = run()
    except KeyboardInterrupt:
        return _say_stopped(args, words)
    except Exception as error:
        if not isinstance(error, _EXPECTED[status]):
            raise
        return _say(f"error: {error}", status)
    sys.stdout.write(result)
    return 0


@notes_on_success()
def _prepare(args: argparse.Namespace, stack: ExitStack) -> Callable[[], str]:
    """Check everything and return what is left to do."""
    if args.command == "transform":
        transform_inputs = check_transform(args)
        return lambda: run_transform(transform_inputs, inverse=args.inverse)
    if args.command == "score":
        score_inputs = check_score(args)
        return lambda: run_score(score_inputs, as_json=args.json)
    inputs = check_align(args)
    workspace = stack.enter_context(Workspace(inputs, resume=args.resume))
    return lambda: run_align(inputs, workspace, resume=args.resume, as_json=args.json)


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Treat SIGTERM, which batch systems send, as Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers
        return
    before = signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _say(message: str, status: int) -> int:
    sys.stderr.write(f"{PROGRAM}: {' '.join(message.split())}\n")
    return status


def _say_stopped(args: argparse.Namespace, words: list[str]) -> int:
    if args.command != "align":
        return _say("stopped; nothing was written", _STOPPED)
    if not (Path(args.output) / "checkpoints").is_dir():
        return _say("stopped before the first checkpoint; nothing was written", _STOPPED)
    again = shlex.join([PROGRAM, *(word for word in words if word != "--resume"), "--resume"])
    return _say(f"stopped; the last checkpoint is kept, go on with: {again}", _STOPPED)
