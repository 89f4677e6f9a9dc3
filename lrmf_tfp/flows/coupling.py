"""What all coupling flows share: halves, conditioners and how they are stacked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import tensorflow as tf

from lrmf_tfp._core.typing import Tensor
from lrmf_tfp._validation import (
    check_choice,
    check_positive,
    check_positive_int,
    check_positive_ints,
)
from lrmf_tfp.flows.affine import AffineLayer
from lrmf_tfp.flows.base import Flow
from lrmf_tfp.flows.conditional import build_flow, check_condition_size
from lrmf_tfp.flows.layers import FlowLayer, InverseLayer
from lrmf_tfp.networks import MLP, Constants

__all__ = ["Coupling", "CouplingStack", "MIXINGS", "Network", "bounded"]

Network = Callable[[Tensor], Tensor]
"""Conditioner: from the half `a` of an event to the parameters of the other half's map."""

MIXINGS = ("auto", "alternate", "lu", "inverse_lu")
"""How dimensions meet: the halves swap roles, or a learned LU map also stands between."""


class Coupling(tf.Module):
    """One half of the event is moved by a map whose parameters the other half decides.

    The network runs once for value and log-det together. It sees `r tanh(a / r)` with
    `r = max_input`, so that far from the data the coupling does not extrapolate. A subclass
    says in `move` what the parameters do.

    Attributes:
        network: The conditioner, an `MLP` from the sizes of `a` and of the condition to the
            number of parameters; `Constants` where there is neither, a `ConvNet` for images.
        condition_size: Number K of covariates that decide, too.
    """

    def __init__(
        self,
        event_size: int,
        *,
        swap: bool,
        network: Network,
        max_input: float,
        condition_size: int = 0,
        name: str,
    ) -> None:
        super().__init__(name=name)
        self.condition_size = condition_size
        first = event_size // 2
        self._sizes = [first, event_size - first]
        self._swap = swap
        self._max_input = max_input
        self.network = network

    def move(self, b: Tensor, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """Return `b'` `[B, d]` and `log|det db'/db|` `[B]` for parameters `[B, P]`."""
        raise NotImplementedError

    def move_back(self, b: Tensor, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """Return what `move` sends to `b`, and the log-det of that inverse."""
        raise NotImplementedError

    def forward_and_log_det(
        self, x: Tensor, condition: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return `y` and `log|det dy/dx|` `[B]`; `condition` is `[B, K]`, if any is needed."""
        return self._with(self.move, x, condition)

    def inverse_and_log_det(
        self, y: Tensor, condition: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return `x` and `log|det dx/dy|` `[B]`; `condition` is `[B, K]`, if any is needed."""
        return self._with(self.move_back, y, condition)

    def _with(
        self, move: Callable[..., tuple[Tensor, Tensor]], x: Tensor, condition: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        first, second = tf.split(x, self._sizes, axis=-1)
        a, b = (second, first) if self._swap else (first, second)
        inputs = a if condition is None else _joined(a, condition)
        b, log_det = move(b, self.network(bounded(inputs, self._max_input)))
        return tf.concat([b, a] if self._swap else [a, b], axis=-1), log_det


@dataclass(frozen=True)
class CouplingStack:
    """The architecture that coupling flows have in common; see `real_nvp_flow`."""

    event_size: int
    num_layers: int
    hidden_units: Sequence[int]
    activation: str
    mixing: str
    max_input: float
    condition_size: int
    dtype: tf.DType
    seed: int

    def __post_init__(self) -> None:
        """Raise ValueError if a size is below 1, the bound not positive or a name unknown."""
        check_positive_int(self.event_size, "event_size")
        check_positive_int(self.num_layers, "num_layers")
        check_positive_ints(self.hidden_units, "hidden_units")
        check_choice(self.mixing, "mixing", MIXINGS)
        check_positive(self.max_input, "max_input")
        check_condition_size(self.condition_size)

    def flow(self, couple: Callable[..., Coupling], *, num_parameters: int, name: str) -> Flow:
        """Return the flow of the layers, one with conditions if it has any."""
        layers = self.layers(couple, num_parameters=num_parameters)
        return build_flow(
            layers,
            condition_size=self.condition_size,
            event_shape=[self.event_size],
            dtype=self.dtype,
            name=name,
        )

    def layers(self, couple: Callable[..., Coupling], *, num_parameters: int) -> list[FlowLayer]:
        """Return couplings, made by `couple`, with what mixes dimensions between them.

        Args:
            couple: Called with `event_size`, `swap=`, `network=`, `max_input=` and
                `condition_size=`.
            num_parameters: Parameters that each moved dimension needs.
        """
        layers: list[FlowLayer] = []
        for index in range(self.num_layers):
            swap = index % 2 == 1 and self.event_size > 1
            if self.mixing in ("lu", "inverse_lu") and not swap:
                mix = AffineLayer(self.event_size, kind="full", dtype=self.dtype, name="mixing")
                layers.append(mix if self.mixing == "lu" else InverseLayer(mix))
            network = self._network(index, swap=swap, num_parameters=num_parameters)
            layers.append(
                couple(
                    self.event_size,
                    swap=swap,
                    network=network,
                    max_input=self.max_input,
                    condition_size=self.condition_size,
                )
            )
        return layers

    def _network(self, index: int, *, swap: bool, num_parameters: int) -> MLP | Constants:
        first = self.event_size // 2
        seen = self.event_size - first if swap else first
        num_outputs = num_parameters * (self.event_size - seen)
        if seen + self.condition_size == 0:
            return Constants(num_outputs, dtype=self.dtype)
        return MLP(
            seen + self.condition_size,
            num_outputs,
            hidden_units=self.hidden_units,
            activation=self.activation,
            seed=self.seed * 1000 + index,
            dtype=self.dtype,
        )


def _joined(a: Tensor, condition: Tensor) -> Tensor:
    """Return the condition `[B, K]` beside `a` `[B, d]`, or beside every pixel of images."""
    if a.shape.rank == 4:
        condition = tf.tile(condition[:, None, None], [1, a.shape[1], a.shape[2], 1])
    return tf.concat([a, condition], axis=-1)


def bounded(x: Tensor, bound: float) -> Tensor:
    """Return `bound * tanh(x / bound)`."""
    return bound * tf.tanh(x / bound)
