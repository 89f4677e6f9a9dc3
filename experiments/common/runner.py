"""What every experiment shares: its command line, its output folder and its two JSON files.

A script has a frozen dataclass `Config` with `quick()`, a function `run(config, output=None)`
that returns the metrics and draws its pictures into `output` if that is given, and a `main()`
that calls `run_experiment`.
"""

from __future__ import annotations

import argparse
import dataclasses
import io
import json
import math
import os
import sys
import tempfile
import time
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # keep TensorFlow's start-up chatter away

import lrmf_tfp as lt

__all__ = [
    "ExperimentConfig",
    "build_parser",
    "config_from_args",
    "plain",
    "report",
    "run_experiment",
    "save_figure",
    "write_json",
]

C = TypeVar("C", bound="ExperimentConfig")
Run = Callable[..., dict[str, Any]]


class ExperimentConfig(Protocol):
    """A frozen dataclass of plain values, one of them `seed`."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @classmethod
    def quick(cls: type[C]) -> C:
        """Return settings that end in under a minute."""


def run_experiment(
    name: str, config_type: type[C], run: Run, *, argv: Sequence[str] | None = None
) -> int:
    """Read the command line, run, and write `config.json`, `metrics.json` and the pictures.

    Args:
        name: name of the experiment, `python -m experiments.NAME`.
        config_type: its settings.
        run: called as `run(config, output=folder)`; returns the metrics.
        argv: the command line without the program; that of the process when None.

    Returns:
        The exit status: 0, or 2 after one line on standard error about wrong input.
    """
    parser = build_parser(name, config_type, description=sys.modules[run.__module__].__doc__)
    args = parser.parse_args(argv)
    output = Path(args.output)
    try:
        config = config_from_args(config_type, args)
        _claim(output)
    except (OSError, TypeError, ValueError) as error:
        return _refuse(name, error)
    began = time.monotonic()
    try:
        metrics = run(config, output=output)
    except (ImportError, OSError, ValueError) as error:  # missing data, damaged files, settings
        if not str(error).startswith("`"):
            raise  # not one of the library's own, which begin with the argument
        return _refuse(name, error)
    metrics["seconds"] = round(time.monotonic() - began, 1)
    settings = {"experiment": name, "version": lt.__version__, "quick": args.quick}
    write_json(output / "config.json", settings | dataclasses.asdict(config))
    write_json(output / "metrics.json", metrics)
    main_numbers = {key: value for key, value in metrics.items() if key != "per_seed"}
    print(json.dumps(plain(main_numbers), indent=2, allow_nan=False))
    report(f"{name}: {metrics['seconds']:.0f} s, written to {output}")
    return 0


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


def plain(value: Any) -> Any:
    """Return a value that strict JSON can hold; numbers that are not finite become null."""
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple, set, np.ndarray)):
        return [plain(entry) for entry in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def write_json(path: Path, value: Any) -> None:
    """Write strict JSON, all of it or nothing."""
    text = json.dumps(plain(value), indent=2, allow_nan=False) + "\n"
    _write(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def save_figure(figure: Figure, path: Path, *, num_colors: int | None = None) -> None:
    """Write a picture, all of it or nothing.

    Args:
        figure: the picture.
        path: the file to write.
        num_colors: write a PNG of so many colours at most, which photographs need to stay small.
    """
    if num_colors is None:
        _write(path, lambda temporary: figure.savefig(temporary, format=path.suffix[1:]))
        return
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    image = Image.open(buffer).convert("RGB").quantize(num_colors, dither=Image.Dither.NONE)
    _write(path, lambda temporary: image.save(temporary, format="PNG", optimize=True))


def report(text: str) -> None:
    """Tell the progress on standard error."""
    print(text, file=sys.stderr, flush=True)


def _reading(hint: Any) -> dict[str, Any]:
    """Return the argparse keywords that read a field of this type."""
    if hint is bool:
        return {"action": argparse.BooleanOptionalAction}
    if get_origin(hint) in (Union, types.UnionType):
        return _reading(next(kind for kind in get_args(hint) if kind is not type(None)))
    if get_origin(hint) is tuple:
        return {"type": get_args(hint)[0], "nargs": "+"}
    return {"type": hint}


def _claim(output: Path) -> None:
    """Check that the folder can be written, before hours are spent."""
    try:
        output.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=output):
            pass
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise OSError(
            f"`--output` must be a folder that can be written; {reason}: {output}"
        ) from None


def _write(path: Path, write: Callable[[Path], object]) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _refuse(name: str, error: BaseException) -> int:
    """Tell wrong input in one line; return the exit status."""
    print(f"experiments.{name}: error: {_one_line(error)}", file=sys.stderr)
    return 2


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
