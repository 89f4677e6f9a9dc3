"""A training step of a RealNVP density: negative log-likelihood, its gradient, Adam.

Every side has the same number of affine couplings, conditioners of the same widths with ReLU
(the peers' default), the same batch, float32 and Adam at the same rate. What is a side's own is
its library's choice: which half a coupling moves, how the scale is bounded, what permutes the axes
between couplings. Ours also clips gradients, averages the weights and watches for what is not
finite, as it does in every fit.
"""

from __future__ import annotations

from typing import Any

from benchmarks._workload import OURS, Problem, Side, Target, Workload

__all__ = ["WORKLOAD", "conditioner_flops"]


def conditioner_flops(
    size: int, *, batch_size: int, num_layers: int, hidden_units: list[int]
) -> float:
    """Return the operations of the conditioners' matrix products, forward and backward.

    A product forward costs two backward, one for the kernel and one for the inputs; the first
    coupling's inputs are the data and need none.
    """
    widths = [size // 2, *hidden_units, 2 * (size - size // 2)]
    products = [2.0 * batch_size * n * m for n, m in zip(widths[:-1], widths[1:], strict=True)]
    return 3.0 * num_layers * sum(products) - products[0]


def _problem(name: str, *, size: int = 2, batch_size: int = 256, **others: Any) -> Problem:
    values: dict[str, Any] = {
        "size": size,
        "batch_size": batch_size,
        "num_layers": others.pop("num_layers", 8),
        "hidden_units": others.pop("hidden_units", [64, 64]),
        "steps": others.pop("steps", 50),
    }
    return Problem(name, values, **others)


def _growth(axis: str, amounts: tuple[int, ...], **others: Any) -> list[Problem]:
    argument = {"batch": "batch_size", "D": "size", "couplings": "num_layers"}[axis]
    return [
        _problem(
            f"{axis} {amount}",
            sides=(OURS, "flowjax"),
            growth=(axis, amount),
            **{argument: amount, "steps": 20} | others,
        )
        for amount in amounts
    ]


_SIDES = (
    Side(OURS, "benchmarks.real_nvp.tensorflow:ours", ("lrmf-tfp", "tensorflow")),
    Side(
        "ours, mixing lu", "benchmarks.real_nvp.tensorflow:ours_mixed", ("lrmf-tfp", "tensorflow")
    ),
    Side(
        "TFP, tf.function", "benchmarks.real_nvp.tensorflow:idiomatic", ("tensorflow-probability",)
    ),
    Side("TFP, XLA", "benchmarks.real_nvp.tensorflow:idiomatic_xla", ("tensorflow-probability",)),
    Side("flowjax", "benchmarks.real_nvp.jax:flowjax_steps", ("flowjax", "jax"), peer=True),
    Side(
        "flowjax, lax.scan", "benchmarks.real_nvp.jax:flowjax_scan", ("flowjax", "jax"), peer=True
    ),
    Side("JAX by hand", "benchmarks.real_nvp.jax:by_hand", ("jax",), peer=True),
    Side("zuko", "benchmarks.real_nvp.torch:zuko_steps", ("zuko", "torch"), peer=True),
    Side(
        "normflows", "benchmarks.real_nvp.torch:normflows_steps", ("normflows", "torch"), peer=True
    ),
    Side("sgemm, TensorFlow", "benchmarks.sgemm:as_tensorflow", ("tensorflow",)),
    Side("sgemm, PyTorch", "benchmarks.sgemm:as_torch", ("torch",), peer=True),
    Side("sgemm, NumPy", "benchmarks.sgemm:as_numpy", ("numpy",)),
)
_SGEMM = tuple(side.name for side in _SIDES if side.name.startswith("sgemm"))
_PLAIN = tuple(side.name for side in _SIDES if side.name not in _SGEMM)
_SMALL = tuple(name for name in _PLAIN if name != "ours, mixing lu")

WORKLOAD = Workload(
    name="real_nvp",
    title="RealNVP training step",
    unit="training step",
    sides=_SIDES,
    problems=(
        _problem(
            "D 2, batch 256, 8 x (64, 64)",
            sides=_SMALL,
            targets=(Target(0.6, "flowjax"), Target(0.6, "flowjax, lax.scan")),
        ),
        _problem(
            "D 32, batch 512, 8 x (256, 256)",
            size=32,
            batch_size=512,
            hidden_units=[256, 256],
            steps=10,
            targets=(
                Target(0.85, "flowjax"),
                Target(0.85, "flowjax, lax.scan"),
                Target(round(1 / 0.85, 3), _SGEMM[0]),  # the fastest of them
            ),
        ),
        *_growth("batch", (64, 256, 1024, 4096)),
        *_growth("D", (2, 8, 32, 128)),
        *_growth("couplings", (2, 4, 8, 16, 32)),
    ),
    quick=(_problem("D 2, batch 64, 2 x (16,)", batch_size=64, num_layers=2, hidden_units=[16]),),
)
