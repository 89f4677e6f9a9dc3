"""What may be typed, and the help for it."""

from __future__ import annotations

import argparse
from typing import NoReturn

from lrmf_tfp import __version__
from lrmf_tfp.cli.files import add_form
from lrmf_tfp.names import FLOWS, OBJECTIVES

__all__ = ["PROGRAM", "build_parser"]

PROGRAM = "lrmf-tfp"

_FLOWS = ", ".join(name for name, each in FLOWS.items() if not each.images)
_FILE = "a .npy, .npz (one array, or file.npz:name) or .csv file"


class _OneLineParser(argparse.ArgumentParser):
    """A parser whose errors are one line on stderr and exit status 2, without the usage."""

    def error(self, message: str) -> NoReturn:
        line = " ".join(message.split())
        self.exit(2, f"{PROGRAM}: error: {line} (see {self.prog} --help)\n")


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; the one chosen is `command` of what it parses."""
    parser = _OneLineParser(
        prog=PROGRAM,
        description="Learn a map that makes one set of samples look like another, "
        "with a number that says how well it worked.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND", parser_class=_OneLineParser
    )
    _add_align(commands)
    _add_transform(commands)
    _add_score(commands)
    return parser


def _add_align(commands: argparse._SubParsersAction[_OneLineParser]) -> None:
    parser = commands.add_parser(
        "align",
        help="learn the map and write model, moved samples, score and pictures",
        description="Learn a map that moves SOURCE onto TARGET. Writes to DIR: model/ (a "
        "SavedModel), aligned.* (the moved SOURCE), score.json, history.csv, alignment.png "
        "and loss.png.",
        allow_abbrev=False,
    )
    _add_pair(parser)
    parser.add_argument(
        "--output", metavar="DIR", required=True, help="folder to write to, made if missing"
    )
    parser.add_argument(
        "--flow",
        metavar="NAME",
        default="real_nvp",
        help=f"kind of map: {_FLOWS} (default: %(default)s)",
    )
    parser.add_argument(
        "--objective",
        metavar="NAME",
        default="lrmf",
        help=f"what is minimised: {', '.join(OBJECTIVES)} (default: %(default)s)",
    )
    parser.add_argument(
        "--steps", metavar="N", help="largest number of steps of each fit (default: 4000)"
    )
    parser.add_argument(
        "--restarts",
        metavar="K",
        help="most attempts, of which the first that converges is the last (default: 3)",
    )
    parser.add_argument(
        "--labels-source", metavar="F", help="whole numbers, one a row of SOURCE: only to measure"
    )
    parser.add_argument(
        "--labels-target", metavar="F", help="whole numbers, one a row of TARGET: only to measure"
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on from the checkpoint of a stopped run"
    )
    _add_seed_and_json(parser)


def _add_transform(commands: argparse._SubParsersAction[_OneLineParser]) -> None:
    parser = commands.add_parser(
        "transform",
        help="move more samples with a learnt map",
        description="Move INPUT with the map in MODEL and write it to OUTPUT.",
        allow_abbrev=False,
    )
    parser.add_argument("model", metavar="MODEL", help="the model folder that align wrote")
    parser.add_argument("input", metavar="INPUT", help=f"samples to move: {_FILE}")
    parser.add_argument("output", metavar="OUTPUT", help="file to write: .npy, .npz or .csv")
    parser.add_argument(
        "--inverse", action="store_true", help="move from the target back to the source"
    )
    add_form(parser)


def _add_score(commands: argparse._SubParsersAction[_OneLineParser]) -> None:
    parser = commands.add_parser(
        "score",
        help="say how alike two sets of samples are, before or after a learnt map",
        description="Score SOURCE against TARGET as they are, or moved by MODEL. The value is "
        "in nats per sample: 0 is aligned, 1.386 is told apart with certainty.",
        allow_abbrev=False,
    )
    _add_pair(parser)
    parser.add_argument("--model", metavar="MODEL", help="the model folder that align wrote")
    _add_seed_and_json(parser)


def _add_pair(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="SOURCE", help=f"samples to move: {_FILE}")
    parser.add_argument("target", metavar="TARGET", help=f"samples to match: {_FILE}")
    add_form(parser)


def _add_seed_and_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", metavar="S", default="0", help="random seed (default: 0)")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")
