"""Time exact optimal transport: `emd` and its gradient against POT and SciPy.

POT's side is `ot.dist` and `ot.emd2`, which give the value alone; SciPy's is `cdist` and
`linear_sum_assignment`. All solve the same problem, equal weights and the Euclidean cost, and
take turns in one process on one thread; the ratio is what counts. The time is the processor's,
of all threads together, so that a busy machine disturbs less. Writes JSON on standard output.

    OMP_NUM_THREADS=1 taskset -c 0 python -m benchmarks.transport
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import ot
import tensorflow as tf
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from lrmf_tfp.divergences.transport import emd

MAX_ITERATIONS = 10_000_000  # POT's default is too low for 2000 rows in 32 dimensions


def library(source: Any, target: Any) -> float:
    """Return the value of `emd`, its gradient in the source computed too."""
    x, y = tf.constant(source), tf.constant(target)
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = emd(x, y)
    tape.gradient(value, x).numpy()
    return float(value)


def pot(source: Any, target: Any) -> float:
    """Return POT's value, without a gradient."""
    costs = ot.dist(source, target, metric="euclidean")
    return float(ot.emd2([], [], costs, numItermax=MAX_ITERATIONS))


def scipy(source: Any, target: Any) -> float:
    """Return the value of SciPy's assignment, without a gradient."""
    costs = cdist(source, target)
    return float(costs[linear_sum_assignment(costs)].mean())


SIDES: dict[str, Callable[[Any, Any], float]] = {"library": library, "pot": pot, "scipy": scipy}


def compare(num_rows: int, size: int, *, repeats: int) -> dict[str, Any]:
    """Return the times of one problem in milliseconds, and how far the values lie apart."""
    rng = np.random.default_rng(0)
    source, target = rng.normal(size=(num_rows, size)), rng.normal(size=(num_rows, size)) + 0.5
    times: dict[str, list[float]] = {name: [] for name in SIDES}
    values: dict[str, float] = {}
    for turn in range(repeats + 1):
        for name, run in SIDES.items():
            began = time.process_time()
            values[name] = run(source, target)
            if turn:  # the first turn compiles
                times[name].append(1e3 * (time.process_time() - began))
    report: dict[str, Any] = {
        name: dict(zip(("min", "median", "max"), np.quantile(t, [0, 0.5, 1]), strict=True))
        for name, t in times.items()
    }
    for name in ("pot", "scipy"):
        ratios = np.divide(times["library"], times[name])  # of one turn, so of one load
        report[f"library_over_{name}"] = float(np.median(ratios))
        report[f"difference_from_{name}"] = abs(values["library"] - values[name])
    return {"num_rows": num_rows, "event_size": size} | report


def main() -> None:
    """Time all problems and print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[1000, 2000], help="rows a side")
    parser.add_argument("--sizes", type=int, nargs="+", default=[2, 32], help="numbers of axes")
    parser.add_argument("--repeats", type=int, default=9, help="turns (default: 9)")
    args = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    problems = [
        compare(num_rows, size, repeats=args.repeats)
        for num_rows in args.rows
        for size in args.sizes
    ]
    print(json.dumps({"problems": problems, "threads": 1, "unit": "ms"}, indent=2))


if __name__ == "__main__":
    main()
