"""Time the Sinkhorn divergence, value and gradient: this library against geomloss.

geomloss stops after a fixed number of iterations, this library at a tolerance, so speed is
compared at equal accuracy: each setting of geomloss's `scaling` stands beside the loosest
tolerance of ours whose value is no further from the converged one. geomloss takes half the squared
distance as cost and `blur**2` as epsilon; ours is asked for twice that epsilon and its value
halved. Both sides take turns in two processes of one thread each; geomloss may live in an
environment of its own. Writes JSON on standard output.

    taskset -c 1 python -m benchmarks.sinkhorn --peer-python <python with torch and geomloss>
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

import numpy as np

from benchmarks._sides import Evaluate, Worker, serve

SCALINGS = (0.5, 0.9)
TOLERANCES = (3e-1, 1e-1, 3e-2, 1e-2, 1e-3, 1e-4, 1e-5)
BLURS = {2: (0.05, 0.2, 1.0), 32: (0.5, 1.0, 2.0)}
CONVERGED = 1e-8


def clouds(rows: int, size: int, dtype: str) -> tuple[Any, Any]:
    """Return two Gaussian clouds `[rows, size]`, the same in both processes."""
    rng = np.random.default_rng(0)
    source, target = rng.normal(size=(2, rows, size))
    return source.astype(dtype), (1.0 + np.linspace(0.5, 1.5, size) * target).astype(dtype)


def peer(rows: int, size: int, dtype: str, blur: float) -> Evaluate:
    """Return geomloss's divergence as a function of `scaling`."""
    import geomloss
    import torch

    torch.set_num_threads(1)
    source, target = (torch.tensor(x, requires_grad=True) for x in clouds(rows, size, dtype))

    def evaluate(scaling: float) -> float:
        loss = geomloss.SamplesLoss(
            "sinkhorn", p=2, blur=blur, scaling=scaling, backend="tensorized"
        )
        value = loss(source, target)
        torch.autograd.grad(value, [source, target])
        return value.item()

    return evaluate


def library(rows: int, size: int, dtype: str, blur: float) -> Evaluate:
    """Return ours as a function of `tolerance`."""
    import tensorflow as tf

    from lrmf_tfp.divergences.sinkhorn import sinkhorn_divergence

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    source, target = (tf.constant(x) for x in clouds(rows, size, dtype))

    def evaluate(tolerance: float) -> float:
        with tf.GradientTape() as tape:
            tape.watch([source, target])
            value = 0.5 * sinkhorn_divergence(
                source, target, epsilon=2.0 * blur**2, tolerance=tolerance, max_iterations=5000
            )
        for gradient in tape.gradient(value, [source, target]):
            gradient.numpy()
        return float(value)

    return evaluate


def compare(
    sides: dict[str, Worker], problem: list[Any], *, repeats: int
) -> list[dict[str, float]]:
    """Return a row for each scaling: errors, the tolerance that matches, times and their ratio."""
    exact = sides["library"].ask([problem[0], problem[1], "float64", problem[3]], CONVERGED)[1]

    def error(side: str, setting: float) -> float:
        return abs(sides[side].ask(problem, setting)[1] / exact - 1.0)

    rows = []
    errors = {tolerance: error("library", tolerance) for tolerance in TOLERANCES}
    for scaling in SCALINGS:
        allowed = error("geomloss", scaling)
        tolerance = next((t for t in TOLERANCES if errors[t] <= allowed), TOLERANCES[-1])
        times: dict[str, list[float]] = {"geomloss": [], "library": []}
        for _ in range(repeats):
            for side, setting in (("geomloss", scaling), ("library", tolerance)):
                times[side].append(1e3 * sides[side].ask(problem, setting)[0])
        medians = {side: float(np.median(values)) for side, values in times.items()}
        rows.append(
            {
                "scaling": scaling,
                "tolerance": tolerance,
                "geomloss_error": allowed,
                "library_error": errors[tolerance],
                "geomloss_ms": medians["geomloss"],
                "library_ms": medians["library"],
                "library_over_geomloss": medians["library"] / medians["geomloss"],
            }
        )
    return rows


def main() -> None:
    """Compare over widths, blurs and dtypes and print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=1000, help="of each sample (default: 1000)")
    parser.add_argument("--repeats", type=int, default=5, help="turns of each side (default: 5)")
    parser.add_argument("--peer-python", default=sys.executable, help="has torch and geomloss")
    parser.add_argument("--serve", choices=["geomloss", "library"], help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        serve(peer if args.serve == "geomloss" else library)
        return
    with (
        Worker(args.peer_python, "sinkhorn", "geomloss") as theirs,
        Worker(sys.executable, "sinkhorn", "library") as ours,
    ):
        sides = {"geomloss": theirs, "library": ours}
        report = [
            {"size": size, "blur": blur, "dtype": dtype} | row
            for dtype in ("float32", "float64")
            for size, blurs in BLURS.items()
            for blur in blurs
            for row in compare(sides, [args.rows, size, dtype, blur], repeats=args.repeats)
        ]
    print(json.dumps({"rows": args.rows, "results": report}, indent=2))


if __name__ == "__main__":
    main()
