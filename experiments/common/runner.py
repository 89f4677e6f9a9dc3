"""Runs an experiment from the command line and writes what it found.

An experiment has a frozen dataclass `Config` (see `settings`) and a function
`run(config, output=None)` that returns the metrics and draws its pictures into `output` if that
is given. `run_experiment("NAME", Config, run)` is all that its `__main__` does. The first line of
the experiment's docstring is what `--help` and the list of experiments say of it.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import lrmf_tfp as lt
from experiments.common.files import claim, plain, write_json
from experiments.common.settings import C, build_parser, config_from_args

__all__ = ["report", "run_experiment"]

Run = Callable[..., dict[str, Any]]


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
    home = sys.modules[run.__module__.removesuffix(".run")]  # the package, if it is one
    args = build_parser(name, config_type, description=home.__doc__).parse_args(argv)
    output = Path(args.output)
    try:
        config = config_from_args(config_type, args)
        claim(output)
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


def report(text: str) -> None:
    """Tell the progress on standard error."""
    print(text, file=sys.stderr, flush=True)


def _refuse(name: str, error: BaseException) -> int:
    """Tell wrong input in one line; return the exit status."""
    report(f"experiments.{name}: error: {' '.join(str(error).split())}")
    return 2
