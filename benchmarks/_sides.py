"""Two sides of a comparison, each in a process of its own with one thread.

A side is a function that takes a problem and returns `evaluate(setting) -> value`. A benchmark's
module answers `--serve SIDE` by `serve(side)`, so that the peer may live in another environment.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

__all__ = ["Evaluate", "Worker", "serve"]

Evaluate = Callable[[float], float]
"""From a setting to the value, its gradient computed too."""


def serve(make: Callable[..., Evaluate]) -> None:
    """Answer each line, a problem and a setting, with seconds and value."""
    problem, evaluate = None, None
    for line in sys.stdin:
        *asked, setting = json.loads(line)
        if asked != problem or evaluate is None:
            problem, evaluate = asked, make(*asked)
        began = time.perf_counter()
        value = evaluate(setting)
        print(json.dumps([time.perf_counter() - began, value]), flush=True)


class Worker:
    """One side, started when made; leave the `with` block to end it."""

    def __init__(self, python: str, module: str, side: str) -> None:
        threads = {"OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
        self._process = subprocess.Popen(
            [python, "-m", f"benchmarks.{module}", "--serve", side],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | threads,
            text=True,
        )

    def ask(self, problem: list[Any], setting: float) -> tuple[float, float]:
        """Return seconds and value."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps([*problem, setting]) + "\n")
        self._process.stdin.flush()
        seconds, value = json.loads(self._process.stdout.readline())
        return seconds, value

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()
