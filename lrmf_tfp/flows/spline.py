"""Neural spline flow: couplings by monotonic rational-quadratic splines."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import tensorflow as tf

from lrmf_tfp._core.typing import Tensor
from lrmf_tfp._validation import check_positive, check_positive_int
from lrmf_tfp.flows.base import Flow
from lrmf_tfp.flows.coupling import Coupling, CouplingStack
from lrmf_tfp.flows.spec import FlowSpec
from lrmf_tfp.networks import MLP, Constants, softplus

__all__ = ["Spline", "SplineCoupling", "spline_flow"]

_MIN_SHARE = 1e-3  # of the interval, for each bin's width and height
_MIN_SLOPE = 1e-3


class _Bin(NamedTuple):
    """The bin that each value lies in, `[B, d]` each."""

    left: Tensor
    bottom: Tensor
    width: Tensor
    height: Tensor
    slope: Tensor
    """At the left knot."""
    next_slope: Tensor
    """At the right knot."""


class SplineCoupling(Coupling):
    """One half of the event bends the other by a monotonic spline in every dimension.

    Between knots on `[-bound, bound]` the map is a quotient of two quadratics with given slopes at
    the knots; outside it is the identity. Value and inverse are closed forms.

    References:
        [1] Durkan, Bekasov, Murray, Papamakarios, Neural Spline Flows, NeurIPS 2019,
            arXiv:1906.04032, eq. (4)-(8) and appendix A.
    """

    def __init__(
        self,
        event_size: int,
        *,
        network: MLP | Constants,
        num_bins: int,
        bound: float,
        name: str = "spline_coupling",
        **options: Any,
    ) -> None:
        """Make the coupling; the other options are those of `Coupling`."""
        super().__init__(event_size, network=network, name=name, **options)
        self._num_bins = num_bins
        self._bound = bound
        # As far as the network's outputs grow with its width, bins should not.
        self._damping = float(network.fan_in) ** -0.5

    def move(self, b: Tensor, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """Return the splines' values `[B, d]` and the sum of their log-slopes `[B]`."""
        within = tf.clip_by_value(b, -self._bound, self._bound)
        found = self._find(within, parameters, by_value=False)
        share = (within - found.left) / found.width
        moved = found.bottom + _rise(share, found)
        return self._outside(b, moved, _log_slope(share, found))

    def move_back(self, b: Tensor, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """Return the splines' inverses `[B, d]` and the sum of their log-slopes `[B]`."""
        within = tf.clip_by_value(b, -self._bound, self._bound)
        found = self._find(within, parameters, by_value=True)
        share = _share_of_rise(within - found.bottom, found)
        moved = found.left + share * found.width
        return self._outside(b, moved, -_log_slope(share, found))

    def _outside(self, b: Tensor, moved: Tensor, log_slope: Tensor) -> tuple[Tensor, Tensor]:
        is_outside = tf.abs(b) > self._bound
        moved = tf.where(is_outside, b, moved)
        log_slope = tf.where(is_outside, tf.zeros_like(log_slope), log_slope)
        return moved, tf.reduce_sum(log_slope, axis=-1)

    def _find(self, values: Tensor, parameters: Tensor, *, by_value: bool) -> _Bin:
        """Return each value's bin, found among the knots or, `by_value`, the knots' values."""
        size, bins = values.shape[-1], self._num_bins
        raw = tf.reshape(self._damping * parameters, [-1, size, 3 * bins - 1])
        raw_widths, raw_heights, raw_slopes = tf.split(raw, [bins, bins, bins - 1], axis=-1)
        widths, lefts = self._cut(raw_widths)
        heights, bottoms = self._cut(raw_heights)
        shift = math.log(math.expm1(1.0 - _MIN_SLOPE))  # so that 0 is the slope 1
        inner = _MIN_SLOPE + softplus(raw_slopes + shift)
        ones = tf.ones_like(inner[..., :1])
        slopes = tf.concat([ones, inner, ones], axis=-1)
        knots = bottoms if by_value else lefts
        above = tf.cast(values[..., None] >= knots[..., 1:], values.dtype)
        one = tf.ones_like(above[..., :1])
        # 1 in the bin and 0 elsewhere: a product is faster than a gather, and so is its gradient.
        chosen = tf.concat([one, above], axis=-1) - tf.concat([above, 0.0 * one], axis=-1)

        def pick(entries: Tensor) -> Tensor:
            return tf.reduce_sum(chosen * entries, axis=-1)

        entries = (lefts, bottoms, widths, heights, slopes[..., :-1], slopes[..., 1:])
        return _Bin(*map(pick, entries))

    def _cut(self, raw: Tensor) -> tuple[Tensor, Tensor]:
        """Return the bins' lengths `[B, d, K]`, which fill the interval, and where each begins."""
        shares = _MIN_SHARE + (1.0 - _MIN_SHARE * self._num_bins) * tf.nn.softmax(raw, axis=-1)
        starts = tf.cumsum(shares, axis=-1, exclusive=True)
        return 2.0 * self._bound * shares, self._bound * (2.0 * starts - 1.0)


def _rise(share: Tensor, found: _Bin) -> Tensor:
    """Return the height above the bin's bottom at a share of its width, eq. (4)."""
    mean = found.height / found.width
    between = share * (1.0 - share)
    curve = found.slope + found.next_slope - 2.0 * mean
    top = found.height * (mean * tf.square(share) + found.slope * between)
    return top / (mean + curve * between)


def _log_slope(share: Tensor, found: _Bin) -> Tensor:
    """Return the logarithm of the spline's derivative, eq. (5)."""
    mean = found.height / found.width
    between = share * (1.0 - share)
    curve = found.slope + found.next_slope - 2.0 * mean
    rest = 1.0 - share
    top = found.next_slope * share**2 + 2.0 * mean * between + found.slope * rest**2
    return 2.0 * tf.math.log(mean) + tf.math.log(top) - 2.0 * tf.math.log(mean + curve * between)


def _share_of_rise(rise: Tensor, found: _Bin) -> Tensor:
    """Return the share of the width at which the spline has risen so far, eq. (6)-(8)."""
    mean = found.height / found.width
    bent = rise * (found.slope + found.next_slope - 2.0 * mean)
    a = found.height * (mean - found.slope) + bent
    b = found.height * found.slope - bent
    c = -mean * rise
    root = tf.sqrt(tf.maximum(tf.square(b) - 4.0 * a * c, 0.0))
    return 2.0 * c / (-b - root)  # this form of the root loses no digits


def spline_flow(  # noqa: PLR0913 (the settings of the architecture, all with defaults)
    event_size: int,
    *,
    num_layers: int = 6,
    num_bins: int = 8,
    bound: float = 4.0,
    hidden_units: Sequence[int] = (64, 64),
    activation: str = "softplus",
    mixing: str = "lu",
    max_input: float = 3.0,
    condition_size: int = 0,
    dtype: tf.DType = tf.float32,
    seed: int = 0,
) -> Flow:
    """Build a neural spline flow, the identity at the start.

    Fewer couplings do what takes RealNVP many, and multimodal shapes are no hurdle; a step costs
    more. Both directions cost one pass. With `event_size=1` the splines' knots are learned
    constants, which is as flexible as one dimension gets.

    Args:
        event_size: D >= 1.
        num_layers: Number of couplings; two move every dimension once.
        num_bins: Pieces K of each spline.
        bound: The splines act on `[-bound, bound]`, in the units of the data, and do nothing
            outside: standardised samples are expected.
        hidden_units: Widths of the hidden layers of each conditioner.
        activation: Name in `lrmf_tfp.networks.ACTIVATIONS`.
        mixing: As in `real_nvp_flow`; `"lu"` by default, since splines alone cannot turn data.
        max_input: Bound to which the conditioners' inputs are squashed.
        condition_size: As in `real_nvp_flow`.
        dtype: `tf.float32` or `tf.float64`.
        seed: Seed of the conditioners' start.

    Returns:
        Flow on events `[D]`; a `tfb.Bijector` whose variables all exist already.

    Raises:
        ValueError: If a size is below 1, `num_bins` is not in 2 to 500, a bound is not positive
            or a name is unknown.

    Examples:
        >>> flow = spline_flow(1, num_layers=1, num_bins=4)
        >>> y, log_det = flow.forward_and_log_det([[0.5]])
        >>> round(float(y[0, 0]), 6), round(abs(float(log_det[0])), 6)
        (0.5, 0.0)

    References:
        [1] Durkan et al., Neural Spline Flows, NeurIPS 2019, arXiv:1906.04032.
    """
    check_positive(bound, "bound")
    if not 2 <= check_positive_int(num_bins, "num_bins") <= 500:
        raise ValueError(f"`num_bins` must lie between 2 and 500; got {num_bins}.")
    stack = CouplingStack(
        event_size=event_size,
        num_layers=num_layers,
        hidden_units=hidden_units,
        activation=activation,
        mixing="lu" if mixing == "auto" else mixing,
        max_input=max_input,
        condition_size=condition_size,
        dtype=dtype,
        seed=seed,
    )
    couple = functools.partial(SplineCoupling, num_bins=num_bins, bound=bound)
    return stack.flow(couple, num_parameters=3 * num_bins - 1, name="spline_flow")


@dataclass(frozen=True, kw_only=True)
class Spline(FlowSpec):
    """Rational-quadratic spline couplings; see `spline_flow` for the settings.

    `mixing="auto"` is `"lu"` for a map and `"inverse_lu"` inside a density.
    """

    num_layers: int = 6
    num_bins: int = 8
    bound: float = 4.0
    hidden_units: Sequence[int] = (64, 64)
    activation: str = "softplus"
    mixing: str = "auto"
    max_input: float = 3.0

    takes_conditions: ClassVar[bool] = True

    def build(
        self, event_shape: Sequence[int], *, dtype: tf.DType, seed: int, condition_size: int = 0
    ) -> Flow:
        """Return a new flow; see `FlowSpec.build`."""
        self.check(event_shape, condition_size=condition_size)
        mixing = "lu" if self.mixing == "auto" else self.mixing
        settings = {**self.settings(), "mixing": mixing, "condition_size": condition_size}
        return spline_flow(math.prod(event_shape), dtype=dtype, seed=seed, **settings)

    def build_noise(
        self, event_shape: Sequence[int], *, dtype: tf.DType, seed: int, condition_size: int = 0
    ) -> Flow:
        """Return a new flow that is cheap to run backwards; see `FlowSpec.build_noise`."""
        spec = self.with_params(mixing="inverse_lu" if self.mixing == "auto" else self.mixing)
        return spec.build(event_shape, dtype=dtype, seed=seed, condition_size=condition_size)
