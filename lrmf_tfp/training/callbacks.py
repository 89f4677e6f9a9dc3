"""What a fit tells while it runs: events, progress bar, CSV and TensorBoard logs.

A callback is any callable that takes a `TrainingEvent`; one with a `close()` method is closed
when the outermost fit ends, whichever way it ends.
"""

from __future__ import annotations

import csv
import functools
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol, TextIO, runtime_checkable

import tensorflow as tf
from tqdm import tqdm

__all__ = [
    "CSVLogger",
    "Callback",
    "ProgressBar",
    "TensorBoardLogger",
    "TrainingEvent",
    "closing",
    "of_restart",
]


class TrainingEvent(NamedTuple):
    """One record of a running fit.

    Attributes:
        stage: Name of the stage, such as `"private_source"`, `"joint"`.
        step: Steps taken so far.
        num_steps: Steps at most.
        terms: Means of the recorded quantities since the last event, nats where losses.
        best: Best held-out loss so far.
        restart: Which restart it belongs to, from 0 on.
    """

    stage: str
    step: int
    num_steps: int
    terms: dict[str, float]
    best: float
    restart: int = 0


Callback = Callable[[TrainingEvent], None]


@runtime_checkable
class Closeable(Protocol):
    """A callback that holds something open."""

    def close(self) -> None:
        """Let go of it."""


@contextmanager
def closing(callbacks: Sequence[Callback]) -> Iterator[None]:
    """Close every callback that can be closed, once, whichever way the block ends.

    For the outermost function that received them; what it calls gets them by `of_restart`.
    """
    try:
        yield
    finally:
        for callback in callbacks:
            if isinstance(callback, Closeable):
                callback.close()


def of_restart(callbacks: Sequence[Callback], restart: int) -> list[Callback]:
    """Return callbacks that pass events on with the number of a restart, and never close."""

    def relay(callback: Callback, event: TrainingEvent) -> None:
        callback(event._replace(restart=restart))

    return [functools.partial(relay, callback) for callback in callbacks]


class ProgressBar:
    """A tqdm bar a stage on standard error, with the loss and the best held-out loss."""

    def __init__(self, *, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._bar: tqdm | None = None
        self._title = ""

    def __call__(self, event: TrainingEvent) -> None:
        """Move the bar to the event's step."""
        title = f"{event.stage} (restart {event.restart})" if event.restart else event.stage
        if self._bar is None or title != self._title:
            self.close()
            self._title = title
            self._bar = tqdm(
                total=event.num_steps,
                desc=title,
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
    """Write every event as a row of a CSV file; events with other terms go to one of their own.

    The first event decides the columns of `path`; the first event with others those of `path`
    with its stage's name before the suffix. All restarts and stages of a kind share a file.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._files: dict[tuple[str, ...], TextIO] = {}
        self._paths: set[Path] = set()

    def __call__(self, event: TrainingEvent) -> None:
        """Write one row."""
        head = {"restart": event.restart, "stage": event.stage, "step": event.step}
        row = {**head, **event.terms, "best": event.best}
        columns = tuple(row)
        if columns not in self._files:
            self._files[columns] = self._open(event.stage, columns)
        csv.DictWriter(self._files[columns], columns).writerow(row)
        self._files[columns].flush()

    def close(self) -> None:
        """Close the files; another fit starts them anew."""
        for file in self._files.values():
            file.close()
        self._files.clear()
        self._paths.clear()

    def _open(self, stage: str, columns: tuple[str, ...]) -> TextIO:
        path = self._path
        if path in self._paths:
            path = path.with_stem(f"{path.stem}_{stage}")
        while path in self._paths:
            path = path.with_stem(f"{path.stem}_more")
        self._paths.add(path)
        file = path.open("w", newline="", encoding="utf-8")
        csv.DictWriter(file, columns).writeheader()
        return file


class TensorBoardLogger:
    """Write every term as a scalar summary `stage/term`; needs no TensorBoard to write.

    Restarts after the first write `restart_1/stage/term` and so on.
    """

    def __init__(self, log_dir: str | Path) -> None:
        plugin = tf.compat.v1.SummaryMetadata.PluginData(plugin_name="scalars")
        self._metadata = tf.compat.v1.SummaryMetadata(plugin_data=plugin)
        self._writer = tf.summary.create_file_writer(str(log_dir))

    def __call__(self, event: TrainingEvent) -> None:
        """Write one point of each curve."""
        prefix = f"restart_{event.restart}/" if event.restart else ""
        with self._writer.as_default(step=event.step):
            for name, value in event.terms.items():
                scalar, tag = tf.constant(value, tf.float32), f"{prefix}{event.stage}/{name}"
                tf.summary.write(tag, scalar, metadata=self._metadata)
        self._writer.flush()

    def close(self) -> None:
        """Flush and close the event file."""
        self._writer.close()
