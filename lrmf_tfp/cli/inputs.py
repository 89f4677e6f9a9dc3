"""What was typed, checked in full before TensorFlow is imported.

Every failure is a ValueError, TypeError or OSError whose message names the argument as typed.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrmf_tfp import _validation
from lrmf_tfp.cli.files import read_file
from lrmf_tfp.datasets import SampleFile, read_samples
from lrmf_tfp.datasets.files.sample_file import has_known_suffix
from lrmf_tfp.names import FLOWS, OBJECTIVES, check_trainable
from lrmf_tfp.samples.domains import as_domains, check_domains_vary, in_order_of
from lrmf_tfp.samples.sample import Sample

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
    """What `align` works on; `target` has its columns in the order of `source`."""

    source: Sample
    target: Sample
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
    samples: Sample
    input_file: SampleFile
    output: Path


@dataclass(frozen=True, eq=False)
class ScoreInputs:
    """What `score` works on; `target` has its columns in the order of `source`."""

    source: Sample
    target: Sample
    model: Path | None
    seed: int


def check_align(args: argparse.Namespace) -> AlignInputs:
    """Return the checked arguments of `align`; nothing is written."""
    _validation.check_choice(args.flow, "--flow", FLOWS)
    if FLOWS[args.flow].images:
        raise ValueError(
            "`--flow` must be one for rows of numbers, which is what files hold; "
            f"got {args.flow!r}, which is for images: use it in Python, by `Aligner`."
        )
    _validation.check_choice(args.objective, "--objective", OBJECTIVES)
    check_trainable(args.flow, args.objective, name="--objective")
    steps, restarts = (
        None if typed is None else _parse_int(typed, name, lowest=1)
        for typed, name in ((args.steps, "--steps"), (args.restarts, "--restarts"))
    )
    seed = _parse_int(args.seed, "--seed", lowest=0)
    source, target, source_file = _read_pair(args)
    source, target = _add_labels(source, target, args)
    output = Path(args.output)
    _check_replaceable(output)
    settings = (output, args.flow, args.objective, steps, restarts, seed)
    return AlignInputs(source, target, source_file, *settings)


def check_transform(args: argparse.Namespace) -> TransformInputs:
    """Return the checked arguments of `transform`; nothing is written."""
    facts = _read_facts(args.model, "MODEL")
    file = read_file(args.input, args, name="INPUT")
    samples = _as_fitted(_sample(file, "INPUT"), "INPUT", facts=facts, model="MODEL")
    file = dataclasses.replace(file, header=samples.feature_names)
    output = Path(args.output)
    if not has_known_suffix(output):
        raise ValueError(f"`OUTPUT` must end in .npy, .npz or .csv; got {args.output!r}.")
    if output.is_dir():
        raise ValueError(f"`OUTPUT` must be a file; got the folder {args.output!r}.")
    _check_writable(output.parent, "OUTPUT")
    return TransformInputs(Path(args.model), samples, file, output)


def check_score(args: argparse.Namespace) -> ScoreInputs:
    """Return the checked arguments of `score`."""
    seed = _parse_int(args.seed, "--seed", lowest=0)
    facts = None if args.model is None else _read_facts(args.model, "--model")
    source, target, _ = _read_pair(args)
    if facts is not None:
        source = _as_fitted(source, "SOURCE", facts=facts, model="--model")
        target = _as_fitted(target, "TARGET", facts=facts, model="--model")
    return ScoreInputs(source, target, None if args.model is None else Path(args.model), seed)


def _parse_int(text: str, name: str, *, lowest: int) -> int:
    try:
        number = int(text)
    except ValueError:
        raise ValueError(f"`{name}` must be a whole number; got {text!r}.") from None
    if not lowest <= number <= _MAX_INT:
        raise ValueError(f"`{name}` must lie between {lowest} and {_MAX_INT}; got {number}.")
    return number


def _sample(file: SampleFile, name: str, *, min_rows: int = 1) -> Sample:
    """Return what a file held as rows whose columns have the names of its header."""
    rows = _validation.as_samples(file.array, name, min_rows=min_rows)
    return Sample(rows, feature_names=file.header)


def _read_pair(args: argparse.Namespace) -> tuple[Sample, Sample, SampleFile]:
    source_file = read_file(args.source, args, name="SOURCE")
    target_file = read_file(args.target, args, name="TARGET")
    domains = {"SOURCE": source_file, "TARGET": target_file}
    samples = as_domains(
        {name: _sample(file, name, min_rows=_MIN_ROWS) for name, file in domains.items()},
        min_rows=_MIN_ROWS,
    )
    check_domains_vary(samples)
    return samples["SOURCE"], samples["TARGET"], source_file


def _add_labels(source: Sample, target: Sample, args: argparse.Namespace) -> tuple[Sample, Sample]:
    paths = {"--labels-source": args.labels_source, "--labels-target": args.labels_target}
    missing = [name for name, path in paths.items() if path is None]
    if len(missing) == 2:
        return source, target
    if missing:
        (given,) = set(paths) - set(missing)
        raise ValueError(f"`{missing[0]}` must be given with `{given}`; got none.")
    first, second = (
        dataclasses.replace(sample, labels=_read_labels(path, name, num_rows=len(sample)))
        for (name, path), sample in zip(paths.items(), (source, target), strict=True)
    )
    return first, second


def _read_labels(path: str, name: str, *, num_rows: int) -> NDArray[np.int64] | None:
    return _validation.as_labels(read_samples(path, name=name).array, name, num_rows=num_rows)


def _read_facts(path: str, name: str) -> dict[str, Any]:
    """Return what a model folder says of its map: D, and the names of the columns."""
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
        _validation.check_positive_int(facts["event_size"], "event_size")
    except (OSError, ValueError, TypeError, KeyError):
        raise ValueError(
            f"`{name}` must be a model folder that align wrote; got {path!r} without a readable "
            "assets.extra/alignment.json."
        ) from None
    if facts.get("condition_size"):
        raise ValueError(
            f"`{name}` must be a model without conditions, which files do not hold; "
            f"got {path!r} with {facts['condition_size']}."
        )
    return facts


def _as_fitted(sample: Sample, name: str, *, facts: dict[str, Any], model: str) -> Sample:
    """Return a sample with the columns that the model was fitted to, in its order."""
    size = facts["event_size"]
    if sample.rows.shape[1] != size:
        raise ValueError(
            f"`{name}` must have shape [N, {size}] to match `{model}`; "
            f"got {list(sample.values.shape)}."
        )
    names = facts.get("feature_names")
    return in_order_of(sample, None if names is None else tuple(names), name=name)


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
