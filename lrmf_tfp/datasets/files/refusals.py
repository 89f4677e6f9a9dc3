"""Refusals of files: one line each, whatever the bytes made a parser raise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = [
    "Refusal",
    "check_expansion",
    "most_expanded",
    "one_line",
    "option",
    "reason_of",
    "refusing",
    "shown",
]

_FREE = 64 * 2**20  # bytes that a compressed file may always expand to
_MOST_RATIO = 100  # of numbers; deflate itself reaches 1032


class Refusal(ValueError):
    """A file that is not read, in one line that names the argument."""


def one_line(text: object, *, most: int = 200) -> str:
    """Return a text on one line and of bounded length, with escapes for what cannot be printed."""
    line = str(text)[: 4 * most]
    line = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in line)
    return line if len(line) <= most else f"{line[: most - 3]}..."


def reason_of(error: Exception) -> str:
    """Return what an error says on one line, or its class where it says nothing."""
    return one_line(error) or type(error).__name__


def shown(cell: str) -> str:
    """Return a cell in quotes, cut where it is long."""
    return one_line(repr(cell[:60]) if len(cell) <= 60 else f"{cell[:60]!r}...")


def option(name: str, *, value: object) -> str:
    """Return how a choice is made in Python and on the command line."""
    if isinstance(value, bool):
        return f"{name}={value} or --{'' if value else 'no-'}{name}"
    return f"{name}={value!r} or --{name} {'tab' if value == chr(9) else repr(value)}"


@contextmanager
def refusing(
    name: str, rule: str, file: Path, *, errors: tuple[type[Exception], ...] = (Exception,)
) -> Iterator[None]:
    """Turn what foreign bytes make the standard library and NumPy raise into a `Refusal`.

    Args:
        name: what the caller calls the file.
        rule: what the message says the file must do.
        file: the file.
        errors: what may be raised. Damaged headers and archives make nearly every class of error
            there is (`struct.error`, `RecursionError`, `NotImplementedError`, `TokenError`, ...),
            so that for them no list is complete.
    """
    try:
        yield
    except Refusal:
        raise
    except errors as error:
        if isinstance(error, OSError) and error.errno is not None:
            rule = "be readable"
        raise Refusal(f"`{name}` must {rule}; got {str(file)!r}: {reason_of(error)}.") from error


def most_expanded(compressed: int) -> int:
    """Return how many bytes so many compressed ones may become before they count as a bomb."""
    return max(_FREE, _MOST_RATIO * compressed)


def check_expansion(expanded: int, compressed: int, *, name: str, file: Path) -> None:
    """Raise `Refusal` if compressed bytes would become implausibly many."""
    if expanded > most_expanded(compressed):
        raise Refusal(
            f"`{name}` must expand to at most {_MOST_RATIO} times its size; "
            f"got {str(file)!r}, in which {compressed} bytes become {expanded} or more."
        )
