"""What all coupling flows share: halves, conditioners and how they are stacked (level 2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import tensorflow as tf

from lrmf_tfp._typing import Tensor
from lrmf_tfp._validation import check_choice, check_positive, check_positive_int
from lrmf_tfp.flows.affine import AffineLayer
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
        network: The conditioner, an `MLP` from the size of `a` to the number of parameters;
            `Constants` where there is no `a`, a `ConvNet` for images.
    """

    def __init__(
        self, event_size: int, *, swap: bool, network: Network, max_input: float, name: str
    ) -> None:
        super().__init__(name=name)
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

    def forward_and_log_det(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return `y` and `log|det dy/dx|` `[B]`."""
        return self._with(self.move, x)

    def inverse_and_log_det(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return `x` and `log|det dx/dy|` `[B]`."""
        return self._with(self.move_back, y)

    def _with(
        self, move: Callable[..., tuple[Tensor, Tensor]], x: Tensor
    ) -> tuple[Tensor, Tensor]:
        first, second = tf.split(x, self._sizes, axis=-1)
        a, b = (second, first) if self._swap else (first, second)
        b, log_det = move(b, self.network(bounded(a, self._max_input)))
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
    dtype: tf.DType
    seed: int

    def __post_init__(self) -> None:
        """Raise ValueError if a size is below 1, the bound not positive or a name unknown."""
        check_positive_int(self.event_size, "event_size")
        check_positive_int(self.num_layers, "num_layers")
        for width in self.hidden_units:
            check_positive_int(width, "hidden_units")
        check_choice(self.mixing, "mixing", MIXINGS)
        check_positive(self.max_input, "max_input")

    def layers(self, couple: Callable[..., Coupling], *, num_parameters: int) -> list[FlowLayer]:
        """Return couplings, made by `couple`, with what mixes dimensions between them.

        Args:
            couple: Called with `event_size`, `swap=`, `network=` and `max_input=`.
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
                couple(self.event_size, swap=swap, network=network, max_input=self.max_input)
            )
        return layers

    def _network(self, index: int, *, swap: bool, num_parameters: int) -> MLP | Constants:
        first = self.event_size // 2
        inputs = self.event_size - first if swap else first
        if inputs == 0:
            return Constants(num_parameters * self.event_size, dtype=self.dtype)
        return MLP(
            inputs,
            num_parameters * (self.event_size - inputs),
            hidden_units=self.hidden_units,
            activation=self.activation,
            seed=self.seed * 1000 + index,
            dtype=self.dtype,
        )


def bounded(x: Tensor, bound: float) -> Tensor:
    """Return `bound * tanh(x / bound)`."""
    return bound * tf.tanh(x / bound)
