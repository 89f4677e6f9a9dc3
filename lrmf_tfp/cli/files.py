"""Files of samples as they are typed: how they are written, and what is said of reading them."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from lrmf_tfp import _validation
from lrmf_tfp.datasets import SampleFile, read_samples

__all__ = ["add_form", "notes_on_success", "read_file"]

# By the character, which shells want in quotes, or by name.
_DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}
_DECIMALS = {"point": ".", "comma": ","}


def add_form(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how `.csv` files are written."""
    parser.add_argument(
        "--header",
        action=argparse.BooleanOptionalAction,
        help="take the first row of .csv files as names, or as data (default: by its look)",
    )
    parser.add_argument(
        "--delimiter",
        metavar="C",
        help="what parts the columns of .csv files: ',', ';', '|' or tab (default: found out)",
    )
    parser.add_argument(
        "--decimal", metavar="C", help="their decimal mark: '.' or ',' (default: found out)"
    )


def read_file(path: str, args: argparse.Namespace, *, name: str) -> SampleFile:
    """Return what a file holds, read as the options of `add_form` say."""
    delimiter = _mark(args.delimiter, "--delimiter", _DELIMITERS)
    decimal = _mark(args.decimal, "--decimal", _DECIMALS)
    if decimal is not None and decimal == delimiter:
        raise ValueError(f"`--decimal` must differ from `--delimiter`; got {decimal!r} twice.")
    return read_samples(path, name=name, header=args.header, delimiter=delimiter, decimal=decimal)


@contextmanager
def notes_on_success() -> Iterator[None]:
    """Hold back what the library notes, and write it to stderr unless the block fails.

    What fails is answered in one line.
    """
    logger, held = logging.getLogger("lrmf_tfp"), _Held()
    level, propagate = logger.level, logger.propagate
    logger.addHandler(held)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(held)
        logger.setLevel(level)
        logger.propagate = propagate
    sys.stderr.writelines(f"{line}\n" for line in held.lines)


class _Held(logging.Handler):
    """Keeps messages as lines."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(" ".join(record.getMessage().split()))


def _mark(typed: str | None, name: str, names: dict[str, str]) -> str | None:
    if typed is None or typed in names.values():
        return typed
    if typed == "\\t":
        typed = "tab"
    _validation.check_choice(typed, name, names)
    return names[typed]
