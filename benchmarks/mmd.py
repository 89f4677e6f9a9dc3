"""Time the squared MMD, value and gradient in both samples: this library against geomloss.

Gaussian kernel of bandwidth 1, biased, equal weights; geomloss returns half of it. Both sides take
turns in two processes of one thread each; geomloss may live in an environment of its own. With
`--memory` the library's side alone is run once and its peak memory reported. Writes JSON on
standard output.

    taskset -c 1 python -m benchmarks.mmd --peer-python <python with torch and geomloss>
    python -m benchmarks.mmd --memory 100000
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from functools import partial
from typing import Any

import numpy as np

from benchmarks._sides import Evaluate, Worker, serve

BANDWIDTH = 1.0


def clouds(rows: int, size: int) -> tuple[Any, Any]:
    """Return two Gaussian clouds `[rows, size]`, the same in both processes."""
    source, target = np.random.default_rng(0).normal(size=(2, rows, size))
    return source.astype(np.float32), (target + 0.5).astype(np.float32)


def peer(rows: int, size: int) -> Evaluate:
    """Return geomloss's value, doubled, as a function of the bandwidth."""
    import geomloss
    import torch

    torch.set_num_threads(1)
    source, target = (torch.tensor(x, requires_grad=True) for x in clouds(rows, size))

    def evaluate(bandwidth: float) -> float:
        loss = geomloss.SamplesLoss("gaussian", blur=bandwidth, backend="tensorized")
        value = loss(source, target)
        torch.autograd.grad(value, [source, target])
        return 2.0 * value.item()

    return evaluate


def library(rows: int, size: int, *, graph: bool = False) -> Evaluate:
    """Return ours as a function of the bandwidth, called outside or inside a `tf.function`."""
    import tensorflow as tf

    from lrmf_tfp.divergences import mmd_squared
    from lrmf_tfp.kernels import GaussianKernel

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    source, target = (tf.constant(x) for x in clouds(rows, size))

    def value_and_gradients(source: Any, target: Any, kernel: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch([source, target])
            value = mmd_squared(source, target, kernel=kernel)
        return value, tape.gradient(value, [source, target])

    call = tf.function(value_and_gradients, autograph=False) if graph else value_and_gradients

    def evaluate(bandwidth: float) -> float:
        value, gradients = call(source, target, GaussianKernel(bandwidth))
        for gradient in gradients:
            gradient.numpy()
        return float(value)

    return evaluate


_SIDES = {
    "geomloss": peer,
    "library": library,
    "library_graph": partial(library, graph=True),
}


def compare(sides: dict[str, Worker], problem: list[int], *, repeats: int) -> dict[str, float]:
    """Return values, median times in milliseconds and the median ratio of one turn."""
    values = {side: worker.ask(problem, BANDWIDTH)[1] for side, worker in sides.items()}
    times: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(repeats):
        for side, worker in sides.items():
            times[side].append(1e3 * worker.ask(problem, BANDWIDTH)[0])
    report = {f"{side}_ms": float(np.median(taken)) for side, taken in times.items()}
    for side in ("library", "library_graph"):
        ratios = np.divide(times[side], times["geomloss"])  # of one turn, so of one load
        report[f"{side}_over_geomloss"] = float(np.median(ratios))
        report[f"{side}_highest"] = float(np.max(ratios))
        report[f"{side}_difference"] = abs(values[side] - values["geomloss"])
    return report


def peak_memory(rows: int, size: int) -> dict[str, float]:
    """Return the peak resident memory of one value and gradient, and of TensorFlow before it."""
    evaluate = library(rows, size)
    mebibytes = 2**20 if sys.platform == "darwin" else 2**10
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / mebibytes
    began = time.perf_counter()
    value = evaluate(BANDWIDTH)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / mebibytes
    return {"before_mib": before, "peak_mib": peak, "seconds": seconds, "value": value}


def main() -> None:
    """Compare over rows and widths, or measure memory, and print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[1000, 5000], help="of each sample")
    parser.add_argument("--sizes", type=int, nargs="+", default=[2, 32], help="numbers of axes")
    parser.add_argument("--repeats", type=int, default=9, help="turns of each side (default: 9)")
    parser.add_argument("--peer-python", default=sys.executable, help="has torch and geomloss")
    parser.add_argument("--memory", type=int, metavar="ROWS", help="measure memory instead")
    parser.add_argument("--serve", choices=sorted(_SIDES), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        serve(_SIDES[args.serve])
        return
    if args.memory:
        print(json.dumps({"rows": args.memory, "size": 2} | peak_memory(args.memory, 2), indent=2))
        return
    with (
        Worker(args.peer_python, "mmd", "geomloss") as theirs,
        Worker(sys.executable, "mmd", "library") as ours,
        Worker(sys.executable, "mmd", "library_graph") as ours_in_a_graph,
    ):
        sides = {"geomloss": theirs, "library": ours, "library_graph": ours_in_a_graph}
        report = [
            {"rows": rows, "size": size} | compare(sides, [rows, size], repeats=args.repeats)
            for rows in args.rows
            for size in args.sizes
        ]
    print(json.dumps({"results": report, "threads": 1, "unit": "ms"}, indent=2))


if __name__ == "__main__":
    main()
