"""One side in a process of its own: one core, one thread, questions on standard input.

A question is a line of JSON, `{"values", "setting", "action", "repeats"}`; the answer is a line
too: seconds of one step, facts, or what went wrong.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks._workload import Side, Task

__all__ = ["SideError", "Worker"]

_ROOT = Path(__file__).resolve().parents[1]
_ONE_THREAD = {
    "CUDA_VISIBLE_DEVICES": "",
    "JAX_PLATFORMS": "cpu",
    "MKL_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
}


class SideError(RuntimeError):
    """A side is not installed or failed; the message is one line."""


class Worker:
    """One side, started when made; leave the `with` block to end it.

    Attributes:
        versions: Of the side's packages.

    Raises:
        SideError: If the side cannot be imported.
    """

    def __init__(self, side: Side, *, python: str, core: int | None) -> None:
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed with the process)
        arguments = [side.make, "-" if core is None else str(core), *side.packages]
        self._process = subprocess.Popen(
            [python, "-m", "benchmarks._worker", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=_ROOT,
            env=os.environ | _ONE_THREAD,
            text=True,
        )
        try:
            self.versions: dict[str, str] = self._answer()["versions"]
        except SideError:
            self.close()
            raise

    def time(self, values: Mapping[str, Any], setting: Any, *, repeats: int = 1) -> list[float]:
        """Return seconds: a step by the clock, a step of the processor, all by the clock."""
        return self._ask(values, setting, action="run", repeats=repeats)["seconds"]

    def check(self, values: Mapping[str, Any], setting: Any) -> dict[str, float]:
        """Return the facts of a problem."""
        return self._ask(values, setting, action="check", repeats=1)["facts"]

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin
        assert self._process.stdout
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
        self._errors.close()

    def _ask(self, values: Mapping[str, Any], setting: Any, **question: Any) -> dict[str, Any]:
        assert self._process.stdin
        try:
            self._process.stdin.write(
                json.dumps({"values": values, "setting": setting, **question}) + "\n"
            )
            self._process.stdin.flush()
        except BrokenPipeError:
            raise SideError(self._last_words()) from None
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise SideError(self._last_words())
        answer = json.loads(line)
        if "error" in answer:
            raise SideError(answer["error"])
        return answer

    def _last_words(self) -> str:
        self._process.wait()
        self._errors.seek(0)
        lines = self._errors.read().strip().splitlines()
        return f"ended with {self._process.returncode}: {lines[-1] if lines else 'no message'}"

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _timed(task: Task, setting: Any, repeats: int) -> list[float]:
    began, began_processor = time.perf_counter(), time.process_time()
    for _ in range(repeats):
        task.run(setting)
    processor, clock = time.process_time() - began_processor, time.perf_counter() - began
    steps = repeats * task.steps
    return [clock / steps, processor / steps, clock]


def _serve(make: Any, answers: Any) -> None:
    values, task = None, None
    for line in sys.stdin:
        question = json.loads(line)
        try:
            if task is None or question["values"] != values:
                task = None  # the old one's memory goes first
                values, task = question["values"], make(**question["values"])
            if question["action"] == "check":
                answer = {"facts": dict(task.check(question["setting"]))}
            else:
                answer = {"seconds": _timed(task, question["setting"], question["repeats"])}
        except Exception as error:  # whatever a peer raises is its row of the table
            answer = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
        print(json.dumps(answer), file=answers, flush=True)


def main() -> None:
    """Serve the side that the command line names."""
    make, core, *packages = sys.argv[1:]
    if core != "-":
        os.sched_setaffinity(0, {int(core)})
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not stand between the answers
    module, function = make.split(":")
    try:
        found = getattr(importlib.import_module(module), function)
        versions = {name: importlib.metadata.version(name) for name in packages}
    except (ImportError, importlib.metadata.PackageNotFoundError) as error:
        missing = getattr(error, "name", None) or str(error)
        print(json.dumps({"error": f"not installed: {missing}"}), file=answers, flush=True)
        return
    print(json.dumps({"versions": versions}), file=answers, flush=True)
    _serve(found, answers)


if __name__ == "__main__":
    main()
