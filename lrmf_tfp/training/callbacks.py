"""What a fit tells while it runs: events, progress bar, CSV and TensorBoard logs (level 4).

A callback is any callable that takes a `TrainingEvent`; one with a `close()` method is closed
when the fit ends, whichever way it ends.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import tensorflow as tf
from tqdm import tqdm

__all__ = [
    "CSVLogger",
    "Callback",
    "ProgressBar",
    "TensorBoardLogger",
    "TrainingEvent",
    "closing",
]


class TrainingEvent(NamedTuple):
    """One record of a running fit.

    Attributes:
        stage: Name of the stage, `"joint"` for the main one.
        step: Steps taken so far.
        num_steps: Steps at most.
        terms: Means of the recorded quantities since the last event, nats where losses.
        best: Best held-out loss so far.
    """

    stage: str
    step: int
    num_steps: int
    terms: dict[str, float]
    best: float


Callback = Callable[[TrainingEvent], None]


@contextmanager
def closing(callbacks: Sequence[Callback]) -> Iterator[None]:
    """Close every callback that can be closed, whichever way the block ends."""
    try:
        yield
    finally:
        for callback in callbacks:
            if hasattr(callback, "close"):
                callback.close()


class ProgressBar:
    """A tqdm bar a stage on standard error, with the loss and the best held-out loss."""

    def __init__(self, *, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._bar: Any = None
        self._stage = ""

    def __call__(self, event: TrainingEvent) -> None:
        """Move the bar to the event's step."""
        if self._bar is None or event.stage != self._stage:
            self.close()
            self._stage = event.stage
            self._bar = tqdm(
                total=event.num_steps,
                desc=event.stage,
                unit="step",
                file=self._stream or sys.stderr,
                dynamic_ncols=True,
            )
        self._bar.update(event.step - self._bar.n)
        self._bar.set_postfix(loss=f"{event.terms['loss']:.4f}", best=f"{event.best:.4f}")

    def close(self) -> None:
        """Finish the bar."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class CSVLogger:
    """Append every event to a CSV file; a stage with other terms starts a file of its own.

    The first stage writes `path`, a later one with other columns `path` with the stage's name
    before the suffix.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._file: TextIO | None = None
        self._columns: list[str] = []

    def __call__(self, event: TrainingEvent) -> None:
        """Write one row."""
        row = {"stage": event.stage, "step": event.step, **event.terms, "best": event.best}
        if self._file is None or list(row) != self._columns:
            self._file = self._open(event.stage, list(row))
        csv.DictWriter(self._file, self._columns).writerow(row)
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self, stage: str, columns: list[str]) -> TextIO:
        first = not self._columns
        self.close()
        path = self._path if first else self._path.with_stem(f"{self._path.stem}_{stage}")
        file = path.open("w", newline="", encoding="utf-8")
        self._columns = columns
        csv.DictWriter(file, columns).writeheader()
        return file


class TensorBoardLogger:
    """Write every term as a scalar summary `stage/term`; needs no TensorBoard to write."""

    def __init__(self, log_dir: str | Path) -> None:
        plugin = tf.compat.v1.SummaryMetadata.PluginData(plugin_name="scalars")
        self._metadata = tf.compat.v1.SummaryMetadata(plugin_data=plugin)
        self._writer = tf.summary.create_file_writer(str(log_dir))

    def __call__(self, event: TrainingEvent) -> None:
        """Write one point of each curve."""
        with self._writer.as_default(step=event.step):
            for name, value in event.terms.items():
                scalar = tf.constant(value, tf.float32)
                tf.summary.write(f"{event.stage}/{name}", scalar, metadata=self._metadata)
        self._writer.flush()

    def close(self) -> None:
        """Flush and close the event file."""
        self._writer.close()
