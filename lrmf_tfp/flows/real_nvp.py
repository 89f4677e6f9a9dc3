"""RealNVP: affine couplings with alternating halves or learned mixing."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import tensorflow as tf

from lrmf_tfp._core.typing import Tensor
from lrmf_tfp._validation import check_positive
from lrmf_tfp.flows.affine import AffineLayer
from lrmf_tfp.flows.base import Flow
from lrmf_tfp.flows.coupling import Coupling, CouplingStack, bounded
from lrmf_tfp.flows.spec import FlowSpec

__all__ = ["AffineCoupling", "RealNVP", "real_nvp_flow"]


class AffineCoupling(Coupling):
    """One half of the event scales and shifts the other, `b' = b exp(s(a)) + t(a)`.

    `s` is bounded, `s = c tanh(raw / c)` with `c = max_log_scale`: the inverse stays well
    conditioned, and far from the data the coupling is a constant affine map.

    References:
        [1] Dinh et al., Density Estimation using Real NVP, ICLR 2017, arXiv:1605.08803,
            eq. (4)-(8).
    """

    def __init__(
        self,
        event_size: int,
        *,
        max_log_scale: float,
        name: str = "affine_coupling",
        **options: Any,
    ) -> None:
        """Make the coupling; the other options are those of `Coupling`."""
        super().__init__(event_size, name=name, **options)
        self._max_log_scale = max_log_scale

    def move(self, b: Tensor, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """Return `b exp(s) + t` and `sum(s)` `[B]`."""
        log_scale, shift = self._scale_and_shift(parameters)
        return b * tf.exp(log_scale) + shift, tf.reduce_sum(log_scale, axis=-1)

    def move_back(self, b: Tensor, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """Return `(b - t) exp(-s)` and `-sum(s)` `[B]`."""
        log_scale, shift = self._scale_and_shift(parameters)
        return (b - shift) * tf.exp(-log_scale), -tf.reduce_sum(log_scale, axis=-1)

    def _scale_and_shift(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        raw, shift = tf.split(parameters, 2, axis=-1)
        return bounded(raw, self._max_log_scale), shift


def real_nvp_flow(  # noqa: PLR0913 (the settings of the architecture, all with defaults)
    event_size: int,
    *,
    num_layers: int = 8,
    hidden_units: Sequence[int] = (64, 64),
    activation: str = "softplus",
    mixing: str = "auto",
    max_log_scale: float = 2.0,
    max_input: float = 3.0,
    condition_size: int = 0,
    dtype: tf.DType = tf.float32,
    seed: int = 0,
) -> Flow:
    """Build a RealNVP flow of affine couplings, the identity at the start.

    Both directions cost one pass. With `event_size=1` there is nothing but a condition to
    condition on, and the flow is the affine map `y = exp(s) x + t`.

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
        condition_size: Number of covariates, or of labels, that the flow depends on; with any,
            the flow is a `ConditionalFlow` and takes them as `condition=`.
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
    check_positive(max_log_scale, "max_log_scale")
    stack = CouplingStack(
        event_size=event_size,
        num_layers=num_layers,
        hidden_units=hidden_units,
        activation=activation,
        mixing=("lu" if event_size > 2 else "alternate") if mixing == "auto" else mixing,
        max_input=max_input,
        condition_size=condition_size,
        dtype=dtype,
        seed=seed,
    )
    if event_size == 1 and condition_size == 0:
        layer = AffineLayer(1, kind="diagonal", dtype=dtype)
        return Flow([layer], event_shape=[1], dtype=dtype, name="real_nvp_flow")
    couple = functools.partial(AffineCoupling, max_log_scale=max_log_scale)
    return stack.flow(couple, num_parameters=2, name="real_nvp_flow")


@dataclass(frozen=True, kw_only=True)
class RealNVP(FlowSpec):
    """Affine couplings; see `real_nvp_flow` for the settings.

    Examples:
        >>> RealNVP(num_layers=4).hidden_units
        (64, 64)
    """

    num_layers: int = 8
    hidden_units: Sequence[int] = (64, 64)
    activation: str = "softplus"
    mixing: str = "auto"
    max_log_scale: float = 2.0
    max_input: float = 3.0

    takes_conditions: ClassVar[bool] = True

    def build(
        self, event_shape: Sequence[int], *, dtype: tf.DType, seed: int, condition_size: int = 0
    ) -> Flow:
        """Return a new flow; see `FlowSpec.build`."""
        self.check(event_shape, condition_size=condition_size)
        size = math.prod(event_shape)
        sizes = {"dtype": dtype, "seed": seed, "condition_size": condition_size}
        return real_nvp_flow(size, **sizes, **self.settings())

    def build_noise(
        self, event_shape: Sequence[int], *, dtype: tf.DType, seed: int, condition_size: int = 0
    ) -> Flow:
        """Return a new flow that is cheap to run backwards; see `FlowSpec.build_noise`."""
        mixing = "inverse_lu" if math.prod(event_shape) > 2 else "alternate"
        spec = self.with_params(mixing=mixing if self.mixing == "auto" else self.mixing)
        return spec.build(event_shape, dtype=dtype, seed=seed, condition_size=condition_size)
