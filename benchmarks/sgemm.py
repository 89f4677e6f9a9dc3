"""The rate at which one core multiplies matrices in float32: the limit of every dense network.

Three libraries multiply two square matrices; as a side of another workload the time is that of
the workload's operations at this rate.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks._workload import Problem, Side, Task, Workload
from benchmarks.real_nvp import conditioner_flops

__all__ = ["WORKLOAD", "as_numpy", "as_tensorflow", "as_torch"]

_SIZE = 2048


def as_numpy(**values: Any) -> Task:
    """Return NumPy's product, by its BLAS."""
    x, y = _factors(values)
    return _product(partial(np.matmul, x, y, out=np.empty_like(x)), values)


def as_tensorflow(**values: Any) -> Task:
    """Return TensorFlow's product, by Eigen or oneDNN."""
    import tensorflow as tf

    x, y = (tf.constant(factor) for factor in _factors(values))
    return _product(lambda: tf.matmul(x, y).numpy(), values)


def as_torch(**values: Any) -> Task:
    """Return PyTorch's product, by its BLAS."""
    import torch

    torch.set_num_threads(1)
    x, y = (torch.from_numpy(factor) for factor in _factors(values))
    return _product(lambda: torch.mm(x, y), values)


def _factors(values: dict[str, Any]) -> Any:
    size = values.get("rows", _SIZE)
    return np.random.default_rng(0).normal(size=(2, size, size)).astype(np.float32)


def _product(multiply: Callable[[], Any], values: dict[str, Any]) -> Task:
    """Return one product a run; a problem with conditioners divides it into its own steps."""
    flops = 2.0 * values.get("rows", _SIZE) ** 3
    if "rows" in values:
        return Task(lambda _: multiply(), steps=flops / 1e9)
    sizes = {name: values[name] for name in ("batch_size", "num_layers", "hidden_units")}
    return Task(lambda _: multiply(), steps=flops / conditioner_flops(values["size"], **sizes))


WORKLOAD = Workload(
    name="sgemm",
    title="Matrix product, float32",
    unit="billion operations",
    base="TensorFlow",
    sides=(
        Side("TensorFlow", "benchmarks.sgemm:as_tensorflow", ("tensorflow",)),
        Side("NumPy", "benchmarks.sgemm:as_numpy", ("numpy",)),
        Side("PyTorch", "benchmarks.sgemm:as_torch", ("torch",), peer=True),
    ),
    problems=(Problem("2048 x 2048", {"rows": _SIZE}),),
    quick=(Problem("256 x 256", {"rows": 256}),),
)
