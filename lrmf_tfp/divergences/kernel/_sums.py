"""Weighted sums over a kernel matrix that is never held whole.

`kernel_sums` walks over strips of rows, each small enough for the cache, and takes from one pass
over a strip all that value and gradient of an MMD need. Time grows with N M, memory with N + M.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from lrmf_tfp._core.typing import Tensor
from lrmf_tfp.kernels import RadialKernel
from lrmf_tfp.kernels.radial import squared_distances

__all__ = ["KernelSums", "kernel_sums"]

_STRIP_ENTRIES = 2**20
_WHOLE_ENTRIES = 2**21  # up to here one strip, without a loop, is as fast and compiles anywhere


class KernelSums(NamedTuple):
    """Sums over the kernel matrix of points `x` `[N, D]` and `y` `[M, D]` with weights `b`, `a`.

    With `decay` that of `RadialKernel.value_and_decay`, at `u = |x - y|^2`.
    """

    values: Tensor
    """`sum_j b_j k(x_i, y_j)` `[N]`."""
    pulls: Tensor
    """`sum_j b_j decay_ij (x_i - y_j)` `[N, D]`."""
    back_pulls: Tensor | None
    """`sum_i a_i decay_ij (y_j - x_i)` `[M, D]`; None without weights of `x`."""


def kernel_sums(
    x: Tensor, y: Tensor, kernel: RadialKernel, *, y_weights: Tensor, x_weights: Tensor | None
) -> KernelSums:
    """Return the sums for points in units of the kernel's scale, which lie around the origin."""
    columns = _payload(y, y_weights)
    rows = None if x_weights is None else _payload(x, x_weights)
    walk = _strip if _is_small(x, y) else _strips
    values, row_sums, column_sums = walk(x, rows, y, columns, kernel)
    back_pulls = None if rows is None else _pulls(column_sums, y)
    return KernelSums(values, _pulls(row_sums, x), back_pulls)


def _payload(points: Tensor, weights: Tensor) -> Tensor:
    return weights[:, None] * tf.concat([tf.ones_like(points[:, :1]), points], axis=1)


def _pulls(sums: Tensor, points: Tensor) -> Tensor:
    return sums[:, :1] * points - sums[:, 1:]


def _is_small(x: Tensor, y: Tensor) -> bool:
    sizes = (x.shape[0], y.shape[0])
    return None not in sizes and sizes[0] * sizes[1] <= _WHOLE_ENTRIES


def _strip(
    x: Tensor, rows: Tensor | None, y: Tensor, columns: Tensor, kernel: RadialKernel
) -> tuple[Tensor, Tensor, Tensor]:
    """Return `k b` `[N]`, `decay columns` `[N, 1 + D]` and `decay' rows` `[M, 1 + D]`."""
    value, decay = kernel.value_and_decay(squared_distances(x, y))
    row_sums = tf.matmul(decay, columns)
    values = row_sums[:, 0] if value is decay else tf.linalg.matvec(value, columns[:, 0])
    if rows is None:
        return values, row_sums, tf.zeros_like(columns)
    return values, row_sums, tf.matmul(decay, rows, transpose_a=True)


def _strips(
    x: Tensor, rows: Tensor | None, y: Tensor, columns: Tensor, kernel: RadialKernel
) -> tuple[Tensor, Tensor, Tensor]:
    num_rows, width = tf.shape(x)[0], tf.shape(x)[1]
    height = tf.clip_by_value(_STRIP_ENTRIES // tf.shape(y)[0], 1, num_rows)
    num_strips = -(-num_rows // height)

    def cut(tensor: Tensor) -> Tensor:
        padded = tf.pad(tensor, [[0, num_strips * height - num_rows], [0, 0]])
        return tf.reshape(padded, [num_strips, height, tf.shape(tensor)[1]])

    x_strips = cut(x)
    row_strips = None if rows is None else cut(rows)

    def body(index: Tensor, values: Tensor, row_sums: Tensor, column_sums: Tensor) -> list[Any]:
        payload = None if row_strips is None else row_strips[index]
        value, row, column = _strip(x_strips[index], payload, y, columns, kernel)
        written = [values.write(index, value), row_sums.write(index, row)]
        return [index + 1, *written, column_sums + column]

    arrays = [tf.TensorArray(x.dtype, size=num_strips) for _ in range(2)]
    _, values, row_sums, column_sums = tf.while_loop(
        lambda index, *_: index < num_strips,
        body,
        [tf.constant(0), *arrays, tf.zeros_like(columns)],
        parallel_iterations=1,
    )
    values = tf.reshape(values.stack(), [-1])[:num_rows]
    return values, tf.reshape(row_sums.stack(), [-1, width + 1])[:num_rows], column_sums
