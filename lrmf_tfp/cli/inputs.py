"""Level 8: what was typed, checked in full before TensorFlow is imported.

Every failure is a ValueError, TypeError or OSError whose message names the argument as typed.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrmf_tfp import _validation
from lrmf_tfp.datasets import DomainPair, SampleFile, read_samples
from lrmf_tfp.names import FLOW_NAMES, IMAGE_FLOW_NAMES, OBJECTIVE_NAMES, check_trainable

__all__ = [
    "AlignInputs",
    "ScoreInputs",
    "TransformInputs",
    "check_align",
    "check_score",
    "check_transform",
]

# A fifth of the rows is held out and a density is fitted to the rest.
_MIN_ROWS = 10
# TensorFlow counts steps and takes seeds in 32 bits.
_MAX_INT = 2**31 - 1
# Folders that `align` replaces, and the file by which it knows them as its own.
_MARKS = {"model": "assets.extra/alignment.json", "checkpoints": "settings.json"}


@dataclass(frozen=True, eq=False)
class AlignInputs:
    """What `align` works on."""

    pair: DomainPair
    source_file: SampleFile
    output: Path
    flow: str
    objective: str
    steps: int | None
    restarts: int | None
    seed: int


@dataclass(frozen=True, eq=False)
class TransformInputs:
    """What `transform` works on."""

    model: Path
    samples: NDArray[np.floating[Any]]
    input_file: SampleFile
    output: Path


@dataclass(frozen=True, eq=False)
class ScoreInputs:
    """What `score` works on."""

    pair: DomainPair
    model: Path | None
    seed: int


def check_align(args: argparse.Namespace) -> AlignInputs:
    """Return the checked arguments of `align`; nothing is written."""
    _validation.check_choice(args.flow, "--flow", FLOW_NAMES)
    if args.flow in IMAGE_FLOW_NAMES:
        raise ValueError(
            "`--flow` must be one for rows of numbers, which is what files hold; "
            f"got {args.flow!r}, which is for images: use it in Python, by `Aligner`."
        )
    _validation.check_choice(args.objective, "--objective", OBJECTIVE_NAMES)
    check_trainable(args.flow, args.objective, name="--objective")
    steps, restarts = (
        None if typed is None else _parse_int(typed, name, lowest=1)
        for typed, name in ((args.steps, "--steps"), (args.restarts, "--restarts"))
    )
    seed = _parse_int(args.seed, "--seed", lowest=0)
    pair, source_file = _read_pair(args)
    pair = _add_labels(pair, args)
    output = Path(args.output)
    _check_replaceable(output)
    return AlignInputs(pair, source_file, output, args.flow, args.objective, steps, restarts, seed)


def check_transform(args: argparse.Namespace) -> TransformInputs:
    """Return the checked arguments of `transform`; nothing is written."""
    event_size = _read_event_size(args.model, "MODEL")
    file = read_samples(args.input, name="INPUT")
    samples = _validation.as_samples(file.array, "INPUT")
    _check_width(samples, "INPUT", event_size=event_size, model="MODEL")
    output = Path(args.output)
    if output.suffix.lower() not in (".npy", ".npz", ".csv"):
        raise ValueError(f"`OUTPUT` must end in .npy, .npz or .csv; got {args.output!r}.")
    if output.is_dir():
        raise ValueError(f"`OUTPUT` must be a file; got the folder {args.output!r}.")
    _check_writable(output.parent, "OUTPUT")
    return TransformInputs(Path(args.model), samples, file, output)


def check_score(args: argparse.Namespace) -> ScoreInputs:
    """Return the checked arguments of `score`."""
    seed = _parse_int(args.seed, "--seed", lowest=0)
    event_size = None if args.model is None else _read_event_size(args.model, "--model")
    pair, _ = _read_pair(args)
    if event_size is not None:
        _check_width(pair.source, "SOURCE", event_size=event_size, model="--model")
    return ScoreInputs(pair, None if args.model is None else Path(args.model), seed)


def _parse_int(text: str, name: str, *, lowest: int) -> int:
    try:
        number = int(text)
    except ValueError:
        raise ValueError(f"`{name}` must be a whole number; got {text!r}.") from None
    if not lowest <= number <= _MAX_INT:
        raise ValueError(f"`{name}` must lie between {lowest} and {_MAX_INT}; got {number}.")
    return number


def _read_pair(args: argparse.Namespace) -> tuple[DomainPair, SampleFile]:
    source_file = read_samples(args.source, name="SOURCE")
    target_file = read_samples(args.target, name="TARGET")
    source, target = _validation.as_pair(
        source_file.array,
        target_file.array,
        min_rows=_MIN_ROWS,
        names=("SOURCE", "TARGET"),
    )
    _validation.check_varies(source, "SOURCE")
    _validation.check_varies(target, "TARGET")
    return DomainPair(source, target), source_file


def _add_labels(pair: DomainPair, args: argparse.Namespace) -> DomainPair:
    paths = {"--labels-source": args.labels_source, "--labels-target": args.labels_target}
    missing = [name for name, path in paths.items() if path is None]
    if len(missing) == 2:
        return pair
    if missing:
        (given,) = set(paths) - set(missing)
        raise ValueError(f"`{missing[0]}` must be given with `{given}`; got none.")
    source_labels, target_labels = (
        _validation.as_labels(read_samples(path, name=name).array, name, num_rows=len(samples))
        for (name, path), samples in zip(paths.items(), (pair.source, pair.target), strict=True)
    )
    return DomainPair(pair.source, pair.target, source_labels, target_labels)


def _read_event_size(path: str, name: str) -> int:
    """Return D of the map in a model folder."""
    folder = Path(path)
    if not folder.is_dir():
        found = "a file" if folder.exists() else "no such folder"
        raise ValueError(f"`{name}` must be a model folder; got {path!r}, {found}.")
    if not (folder / "saved_model.pb").is_file():
        inner = folder / "model"
        hint = f" (did you mean {str(inner)!r}?)" if (inner / "saved_model.pb").is_file() else ""
        raise ValueError(
            f"`{name}` must be a model folder; got {path!r} without saved_model.pb{hint}."
        )
    try:
        facts = json.loads((folder / "assets.extra" / "alignment.json").read_text("utf-8"))
        return _validation.check_positive_int(facts["event_size"], "event_size")
    except (OSError, ValueError, TypeError, KeyError):
        raise ValueError(
            f"`{name}` must be a model folder that align wrote; got {path!r} without a readable "
            "assets.extra/alignment.json."
        ) from None


def _check_width(
    samples: NDArray[np.floating[Any]], name: str, *, event_size: int, model: str
) -> None:
    if samples.shape[1] != event_size:
        raise ValueError(
            f"`{name}` must have shape [N, {event_size}] to match `{model}`; "
            f"got {list(samples.shape)}."
        )


def _check_replaceable(output: Path) -> None:
    """Raise ValueError if writing to the folder would replace what `align` has not written."""
    if output.exists() and not output.is_dir():
        raise ValueError(f"`--output` must be a folder; got the file {str(output)!r}.")
    for name, mark in _MARKS.items():
        folder = output / name
        ours = (folder / mark).is_file() or (folder.is_dir() and not any(folder.iterdir()))
        if folder.exists() and not ours:
            raise ValueError(
                f"`--output` must be a folder of align's own; got {str(output)!r}, "
                f"in which {name!r} is something else."
            )


def _check_writable(folder: Path, name: str) -> None:
    """Raise ValueError if no file can be made in `folder`; permissions alone do not tell."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ValueError(
            f"`{name}` must be in a writable folder; got {str(folder)!r}: {error.strerror}."
        ) from None
