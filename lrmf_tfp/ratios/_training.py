"""What the two learned estimators, classifier and critic, do before they train."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import tensorflow as tf

from lrmf_tfp._core.typing import Array, Tensor
from lrmf_tfp.ratios._rows import Pair
from lrmf_tfp.samples import Sample, Standardizer
from lrmf_tfp.samples.split import hold_out
from lrmf_tfp.samples.standardize import common_moments

__all__ = ["Prepared", "Trainable", "check_network", "dtype_of", "prepared"]

_ROWS_TRIED = 32


@runtime_checkable
class Trainable(Protocol):
    """A network, such as a `tf.Module`, that can be called and has weights."""

    @property
    def trainable_variables(self) -> Sequence[tf.Variable]:
        """The weights."""

    def __call__(self, x: Tensor) -> Tensor:
        """Return the outputs at `x` `[B, D]`."""


class Prepared(NamedTuple):
    """Standardised samples of p and q, split."""

    train: tuple[Sample, ...]
    """Rows to train on."""
    held_out: tuple[Sample, ...]
    """Rows that choose the weights and that estimates are made from."""
    standardizer: Standardizer
    """The common moments of the training rows, each set one half."""


def prepared(pair: Pair, fraction: float, *, seed: int, dtype: Any) -> Prepared:
    """Split two samples and bring them to zero mean and unit scale, in the network's dtype."""
    parts = hold_out(tuple(pair), fraction, seed=seed)
    standardizer = Standardizer(*common_moments(parts.train))
    train, held_out = (
        tuple(replace(s, values=standardizer.apply(s.values, dtype)) for s in samples)
        for samples in parts
    )
    return Prepared(train, held_out, standardizer)


def dtype_of(network: Any, pair: Pair) -> np.dtype[Any]:
    """Return the dtype of the network's weights; that of the samples without any."""
    weights = list(network.trainable_variables) if isinstance(network, Trainable) else []
    return np.dtype(weights[0].dtype.as_numpy_dtype if weights else pair.dtype)


def check_network(network: Any, outputs: Callable[[Tensor], Tensor], x: Array) -> None:
    """Raise before training if a network does not take or give what it should.

    Args:
        network: The network.
        outputs: The objective's function that asks the network.
        x: Standardised samples `[N, D]`.

    Raises:
        TypeError: If the network cannot be called or trained.
        ValueError: If it does not take samples of that width and dtype, or answers otherwise
            than with one number a row.
    """
    if not isinstance(network, Trainable):
        raise TypeError(f"`network` must be a tf.Module that can be called; got {network!r}.")
    some = x[:_ROWS_TRIED]
    try:
        found = outputs(tf.convert_to_tensor(some))
    except tf.errors.InvalidArgumentError:
        raise ValueError(
            f"`network` must take samples [B, {x.shape[1]}] of {x.dtype}; it does not."
        ) from None
    if found.shape[0] != len(some):
        raise ValueError(
            f"`network` must return one output a row; got {found.shape[0]} for {len(some)} rows."
        )
    if not list(network.trainable_variables):
        raise ValueError("`network` must have trainable variables; got none.")
