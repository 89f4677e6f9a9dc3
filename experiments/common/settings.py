"""The settings of an experiment: a frozen dataclass, its command line, and checks of its fields.

`Config` has plain values (numbers, texts, truth values, tuples of these), one of them `seed`, each
with a default and perhaps `metadata={"help": ...}`, and a class method `quick()`. Each field is an
option: `num_steps` is `--num-steps`, `raw` is `--raw` or `--no-raw`. `__post_init__` checks what
the library does not, by `check_at_least` and `check_among`.
"""

from __future__ import annotations

import argparse
import dataclasses
import types
from collections.abc import Collection
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar, Union, get_args, get_origin, get_type_hints

__all__ = [
    "ExperimentConfig",
    "build_parser",
    "check_among",
    "check_at_least",
    "config_from_args",
]

C = TypeVar("C", bound="ExperimentConfig")


class ExperimentConfig(Protocol):
    """A frozen dataclass of plain values, one of them `seed`."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @classmethod
    def quick(cls: type[C]) -> C:
        """Return settings that end in under a minute."""


def build_parser(
    name: str, config_type: type[C], *, description: str | None = None
) -> argparse.ArgumentParser:
    """Return the command line of a configuration: one option a field.

    Only what the user types enters the namespace, so that `--quick` can supply the rest.
    """
    first = (description or "").strip().splitlines()
    parser = argparse.ArgumentParser(
        prog=f"python -m experiments.{name}",
        description=first[0] if first else None,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    parser.add_argument("--quick", action="store_true", default=False, help="under a minute")
    parser.add_argument("--output", default=str(Path("results") / name), help="folder to write")
    hints = get_type_hints(config_type)
    for field in dataclasses.fields(config_type):
        option = "--" + field.name.replace("_", "-")
        told = field.metadata.get("help", field.name.replace("_", " "))
        text = f"{told} (default: {field.default})".replace("%", "%%")
        parser.add_argument(option, help=text, **_reading(hints[field.name]))
    return parser


def config_from_args(config_type: type[C], args: argparse.Namespace) -> C:
    """Return the configuration: what was typed, over `quick()` or over the defaults."""
    base: C = config_type.quick() if args.quick else config_type()
    names = {field.name for field in dataclasses.fields(base)}
    typed = {key: value for key, value in vars(args).items() if key in names}
    typed = {k: tuple(v) if isinstance(v, list) else v for k, v in typed.items()}
    return dataclasses.replace(base, **typed)


def check_at_least(config: ExperimentConfig, least: int, *names: str) -> None:
    """Raise ValueError if a field is below the least that it may be."""
    for name in names:
        value = getattr(config, name)
        if value < least:
            raise ValueError(f"`{name}` must be at least {least}; got {value}.")


def check_among(config: ExperimentConfig, known: Collection[str], *names: str) -> None:
    """Raise ValueError if a field, or an entry of one that holds several, is not known."""
    for name in names:
        given = getattr(config, name)
        for value in given if isinstance(given, tuple) else (given,):
            if value not in known:
                raise ValueError(f"`{name}` must be among {list(known)}; got {value!r}.")


def _reading(hint: Any) -> dict[str, Any]:
    """Return the argparse keywords that read a field of this type."""
    if hint is bool:
        return {"action": argparse.BooleanOptionalAction}
    if get_origin(hint) in (Union, types.UnionType):
        return _reading(next(kind for kind in get_args(hint) if kind is not type(None)))
    if get_origin(hint) is tuple:
        return {"type": get_args(hint)[0], "nargs": "+"}
    return {"type": hint}
