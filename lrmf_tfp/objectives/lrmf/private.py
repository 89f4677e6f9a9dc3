"""Private fits: what a domain's own density makes of it, the constant of the bound."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from lrmf_tfp._core.conditions import given
from lrmf_tfp._core.typing import Array, Tensor
from lrmf_tfp.densities import moment_start
from lrmf_tfp.objectives.base import Objective, Stage, copy_variables, variable_values
from lrmf_tfp.samples.batch import Batch
from lrmf_tfp.samples.sources import Source

__all__ = ["PrivateFit", "PrivateFits", "by_blocks", "held_out_nll"]

_ROWS_AT_ONCE = 16384


class PrivateFit(tf.Module):
    """The best density of one domain so far, and its held-out negative log-likelihood.

    Attributes:
        nll: Variable, held-out NLL, nats.
    """

    def __init__(
        self,
        own: tfd.Distribution,
        pullback: tfd.Distribution | None = None,
        *,
        dtype: tf.DType,
        name: str = "private",
    ) -> None:
        """Keep room for the fits.

        Args:
            own: Density of the family, for fits in the domain's own coordinates.
            pullback: Density of the family seen through a map, for fits by way of it.
            dtype: Type of the NLL.
            name: Name of the module.
        """
        super().__init__(name=name)
        self.own = own
        self.pullback = pullback
        self.nll = tf.Variable(0.0, trainable=False, dtype=dtype, name="nll")
        self._through_map = False

    @property
    def density(self) -> tfd.Distribution:
        """The density that counts."""
        return self.pullback if self._through_map else self.own

    def begin(self, density: tfd.Distribution, held_out: Batch) -> None:
        """Keep a copy of the first fit."""
        copy_variables(density, self.own)
        self._through_map = False
        self.nll.assign(held_out_nll(self.own, held_out))

    def offer(self, density: tfd.Distribution, held_out: Batch) -> None:
        """Keep a copy of another fit of the same kind if it is better on held-out rows."""
        nll = held_out_nll(density, held_out)
        if nll < self.nll:
            copy_variables(density, self.own)
            self._through_map = False
            self.nll.assign(nll)

    def offer_pullback(self, held_out: Batch) -> None:
        """Let the fit by way of the map count if it is better on held-out rows."""
        nll = held_out_nll(self.pullback, held_out)
        if nll < self.nll:
            self._through_map = True
            self.nll.assign(nll)


class PrivateFits:
    """The stages that fit one density module to each domain in turn and keep what it learned.

    They make the constant of the bound, `c = -sum_d min NLL_d`.
    """

    def __init__(
        self, fit: Objective, density: tfd.Distribution, private: Sequence[PrivateFit]
    ) -> None:
        """Join what is trained and where the results go.

        Args:
            fit: The maximum-likelihood objective of the density.
            density: The module that is trained, for one domain after the other.
            private: One `PrivateFit` for each domain.
        """
        self._fit = fit
        self._density = density
        self._private = tuple(private)

    def stages(self, source: Source, held_out: tuple[Batch, ...]) -> Iterator[Stage]:
        """Yield one fit for each domain; the density is left with that of the last."""
        start = variable_values(self._density.variables)
        for domain, private in enumerate(self._private):
            copy_variables(start, self._density)
            moment_start(self._density, source.training()[domain])
            yield Stage(f"private_{private.name}", self._fit, (domain,))
            private.begin(self._density, held_out[domain])


def held_out_nll(density: tfd.Distribution, rows: Batch) -> float:
    """Return the weighted mean of `-log p` over rows, nats, block by block."""
    log_prob = by_blocks(lambda x, conditions: given(density, conditions).log_prob(x), rows)
    return -float(np.average(log_prob, weights=rows.weights))


def by_blocks(function: Callable[[Tensor, Tensor | None], Tensor], rows: Batch) -> Array:
    """Return `function(values, conditions)` `[N]` of rows, block by block."""
    parts = []
    for start in range(0, len(rows.values), _ROWS_AT_ONCE):
        block = slice(start, start + _ROWS_AT_ONCE)
        conditions = None if rows.conditions is None else rows.conditions[block]
        parts.append(np.asarray(function(rows.values[block], conditions)))
    return np.concatenate(parts)
