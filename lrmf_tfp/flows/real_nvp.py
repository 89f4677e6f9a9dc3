"""RealNVP: affine couplings with alternating halves or learned mixing (level 2)."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from lrmf_tfp._typing import Tensor
from lrmf_tfp._validation import check_choice, check_positive, check_positive_int
from lrmf_tfp.flows.affine import AffineLayer
from lrmf_tfp.flows.base import Flow, FlowLayer, InverseLayer
from lrmf_tfp.networks import MLP

__all__ = ["AffineCoupling", "MIXINGS", "real_nvp_flow"]

MIXINGS = ("auto", "alternate", "lu", "inverse_lu")
"""How dimensions meet: the halves swap roles, or a learned LU map also stands between."""


class AffineCoupling(tf.Module):
    """One half of the event scales and shifts the other, `b' = b exp(s(a)) + t(a)`.

    `s` is bounded, `s = c tanh(raw / c)` with `c = max_log_scale`, and the network sees
    `r tanh(a / r)` with `r = max_input`: the inverse stays well conditioned, and far from the
    data the coupling is a constant affine map instead of an extrapolation of the network. The
    network runs once for value and log-det together.

    Attributes:
        network: The conditioner, an `MLP` from the size of `a` to twice the size of `b`.

    References:
        [1] Dinh et al., Density Estimation using Real NVP, ICLR 2017, arXiv:1605.08803,
            eq. (4)-(8).
    """

    def __init__(
        self,
        event_size: int,
        *,
        swap: bool,
        network: MLP,
        max_log_scale: float,
        max_input: float,
        name: str = "affine_coupling",
    ) -> None:
        super().__init__(name=name)
        first = event_size // 2
        self._sizes = [first, event_size - first]
        self._swap = swap
        self._max_log_scale = max_log_scale
        self._max_input = max_input
        self.network = network

    def forward_and_log_det(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return `y` and `sum(s)` `[B]`."""
        a, b = self._split(x)
        log_scale, shift = self._conditioner(a)
        y = self._join(a, b * tf.exp(log_scale) + shift)
        return y, tf.reduce_sum(log_scale, axis=-1)

    def inverse_and_log_det(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return `x` and `-sum(s)` `[B]`."""
        a, b = self._split(y)
        log_scale, shift = self._conditioner(a)
        x = self._join(a, (b - shift) * tf.exp(-log_scale))
        return x, -tf.reduce_sum(log_scale, axis=-1)

    def _conditioner(self, a: Tensor) -> tuple[Tensor, Tensor]:
        raw, shift = tf.split(self.network(_bounded(a, self._max_input)), 2, axis=-1)
        return _bounded(raw, self._max_log_scale), shift

    def _split(self, x: Tensor) -> tuple[Tensor, Tensor]:
        first, second = tf.split(x, self._sizes, axis=-1)
        return (second, first) if self._swap else (first, second)

    def _join(self, a: Tensor, b: Tensor) -> Tensor:
        return tf.concat([b, a] if self._swap else [a, b], axis=-1)


def _bounded(x: Tensor, bound: float) -> Tensor:
    return bound * tf.tanh(x / bound)


def real_nvp_flow(  # noqa: PLR0913 (the settings of the architecture, all with defaults)
    event_size: int,
    *,
    num_layers: int = 8,
    hidden_units: Sequence[int] = (64, 64),
    activation: str = "softplus",
    mixing: str = "auto",
    max_log_scale: float = 2.0,
    max_input: float = 3.0,
    dtype: tf.DType = tf.float32,
    seed: int = 0,
) -> Flow:
    """Build a RealNVP flow of affine couplings, the identity at the start.

    Both directions cost one pass. With `event_size=1` there is nothing to condition on and the
    flow is the affine map `y = exp(s) x + t`.

    Args:
        event_size: D >= 1.
        num_layers: Number of couplings; two move every dimension once.
        hidden_units: Widths of the hidden layers of each conditioner.
        activation: Name in `lrmf_tfp.networks.ACTIVATIONS`.
        mixing: `"alternate"` swaps the halves between couplings; `"lu"` also learns an affine
            LU map before each pair of them, because fixed halves mix many dimensions too slowly;
            `"auto"` is `"lu"` for D > 2, `"alternate"` below. `"lu"` multiplies on the way
            forward and solves triangular systems on the way back, `"inverse_lu"` the other way
            round: choose it for a flow that is mostly inverted, as in a density.
        max_log_scale: Bound of each coupling's log-scale, in nats.
        max_input: Bound to which the conditioners' inputs are squashed, in the units of the data:
            standardised samples are expected. Larger for data with structure far out.
        dtype: `tf.float32` or `tf.float64`.
        seed: Seed of the conditioners' start.

    Returns:
        Flow on events `[D]`; a `tfb.Bijector` whose variables all exist already.

    Raises:
        ValueError: If a size is below 1, a bound is not positive, or a name is unknown.

    Examples:
        >>> flow = real_nvp_flow(2, num_layers=4)
        >>> len(flow.trainable_variables)
        24

    References:
        [1] Dinh et al., Density Estimation using Real NVP, ICLR 2017, arXiv:1605.08803.
    """
    check_positive_int(event_size, "event_size")
    check_positive_int(num_layers, "num_layers")
    for width in hidden_units:
        check_positive_int(width, "hidden_units")
    check_choice(mixing, "mixing", MIXINGS)
    check_positive(max_log_scale, "max_log_scale")
    check_positive(max_input, "max_input")
    if mixing == "auto":
        mixing = "lu" if event_size > 2 else "alternate"
    layers: list[FlowLayer] = []
    if event_size == 1:
        layers.append(AffineLayer(1, kind="diagonal", dtype=dtype))
        num_layers = 0
    first = event_size // 2
    for index in range(num_layers):
        swap = index % 2 == 1
        inputs = event_size - first if swap else first
        network = MLP(
            inputs,
            2 * (event_size - inputs),
            hidden_units=hidden_units,
            activation=activation,
            seed=seed * 1000 + index,
            dtype=dtype,
        )
        if mixing in ("lu", "inverse_lu") and not swap:
            mix = AffineLayer(event_size, kind="full", dtype=dtype, name="mixing")
            layers.append(mix if mixing == "lu" else InverseLayer(mix))
        layers.append(
            AffineCoupling(
                event_size,
                swap=swap,
                network=network,
                max_log_scale=max_log_scale,
                max_input=max_input,
            )
        )
    return Flow(layers, event_size=event_size, dtype=dtype, name="real_nvp_flow")
