"""Where batches come from: arrays in memory or a `tf.data` stream (level 4).

A domain is an array of rows, or a tuple of samples and their conditions. A sampler answers
`draw(step, num_steps)` with one array `[K, B, ...]` for each domain, or part of a domain: K
batches of B rows; a domain used whole comes as `[1, N, ...]`. Shapes stay the same from call to
call, so that the compiled loop is traced once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from lrmf_tfp._core.typing import Array
from lrmf_tfp._validation import check_finite

__all__ = ["ArraySampler", "DatasetSampler", "Sampler", "as_sampler"]


class Sampler(Protocol):
    """Source of batches."""

    def draw(self, step: int, num_steps: int) -> tuple[Array, ...]:
        """Return `num_steps` batches of each domain, starting at optimiser step `step`."""


class ArraySampler:
    """Rows of arrays, drawn uniformly with replacement by a stateless seed.

    The same `(seed, step)` gives the same batches, so that a resumed fit sees what the
    uninterrupted one would have seen.
    """

    def __init__(self, data: tuple[Array, ...], *, batch_size: int, seed: int) -> None:
        self._data = data
        self._batch_size = batch_size
        self._seed = seed

    def draw(self, step: int, num_steps: int) -> tuple[Array, ...]:
        """Return `[num_steps, B, ...]` rows of each domain, or `[1, N, ...]` if N <= B."""
        rng = np.random.default_rng([self._seed, step])
        return tuple(self._draw_domain(rows, rng, num_steps) for rows in self._data)

    def _draw_domain(self, domain: Any, rng: np.random.Generator, num_steps: int) -> Any:
        """Draw rows, the same of all parts of a domain that has several."""
        parts = domain if isinstance(domain, tuple) else (domain,)
        num_rows = len(parts[0])
        if num_rows <= self._batch_size:
            drawn = tuple(rows[None] for rows in parts)
        else:
            chosen = rng.integers(0, num_rows, size=(num_steps, self._batch_size))
            drawn = tuple(rows[chosen] for rows in parts)
        return drawn if isinstance(domain, tuple) else drawn[0]


class DatasetSampler:
    """Batches of a `tf.data.Dataset` whose elements hold one batch `[B, ...]` for each domain.

    The dataset is started again when it ends. All batches must have the same shape
    (`drop_remainder=True`). A resumed fit starts the stream anew.
    """

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset
        self._stream = self._forever()

    def draw(self, step: int, num_steps: int) -> tuple[Array, ...]:
        """Return the next `num_steps` batches, stacked."""
        del step
        batches = [next(self._stream) for _ in range(num_steps)]
        shapes = {tuple(part.shape for part in tf.nest.flatten(batch)) for batch in batches}
        if len(shapes) > 1:
            raise ValueError(
                "`data` must give batches of one shape (batch with drop_remainder=True); "
                f"got {sorted(shapes)}."
            )
        return tf.nest.map_structure(lambda *parts: np.stack(parts), *batches)

    def _forever(self) -> Iterator[tuple[Array, ...]]:
        while True:
            empty = True
            for element in self._dataset.as_numpy_iterator():
                empty = False
                yield element if isinstance(element, tuple) else (element,)
            if empty:
                raise ValueError("`data` must hold at least one batch; got an empty dataset.")


def as_sampler(data: Any, *, batch_size: int, seed: int) -> Sampler:
    """Return a sampler over a tuple of arrays or a `tf.data.Dataset` of batches.

    Raises:
        TypeError: If `data` is neither.
        ValueError: If a domain is empty or not finite.
    """
    if hasattr(data, "element_spec"):
        return DatasetSampler(data)
    if not isinstance(data, tuple):
        raise TypeError(
            "`data` must be a tuple of one array for each domain, or a tf.data.Dataset; "
            f"got {type(data).__name__}."
        )
    domains = tuple(_as_domain(domain, f"data[{index}]") for index, domain in enumerate(data))
    return ArraySampler(domains, batch_size=batch_size, seed=seed)


def _as_domain(domain: Any, name: str) -> Any:
    """Return an array of rows, or samples and their conditions."""
    if isinstance(domain, tuple):
        samples, condition = _as_domain(domain[0], f"{name}[0]"), np.asarray(domain[1])
        if len(domain) != 2 or condition.ndim < 1 or len(condition) != len(samples):
            raise ValueError(
                f"`{name}` must be samples and as many conditions; "
                f"got shapes {[list(np.shape(part)) for part in domain]}."
            )
        return samples, condition
    rows = np.asarray(domain)
    if rows.ndim < 2 or len(rows) == 0:
        raise ValueError(f"`{name}` must have shape [N, ...]; got {list(rows.shape)}.")
    if rows.dtype.kind == "f":
        check_finite(rows.reshape(len(rows), -1), name)
    return rows
