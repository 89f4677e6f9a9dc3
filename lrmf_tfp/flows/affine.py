"""Affine flows: `y = W x + shift` with W lower-upper, lower-triangular or diagonal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from lrmf_tfp._core.typing import Tensor
from lrmf_tfp._validation import check_choice, check_positive_int
from lrmf_tfp.flows.base import Flow
from lrmf_tfp.flows.spec import ClosedForm, FlowSpec
from lrmf_tfp.samples.sample import Sample

__all__ = ["AFFINE_KINDS", "Affine", "AffineLayer", "Identity", "affine_flow", "identity_flow"]

AFFINE_KINDS = ("full", "triangular", "diagonal")
"""Shapes of the matrix: `W = L (U + diag)`, `W = L diag`-like lower triangle, `W = diag`."""


class AffineLayer(tf.Module):
    """Layer `y = L (U + diag(exp(log_diag))) x + shift`, the identity at the start.

    `L` is unit lower triangular, `U` strictly upper triangular; `kind="triangular"` drops `U`,
    `kind="diagonal"` drops both. The log-det is `sum(log_diag)`, and inverting costs two
    triangular solves. `W` keeps positive leading minors, so it holds orientation; reflections
    are out of reach.

    Attributes:
        log_diag: Variable `[D]`.
        shift: Variable `[D]`.
        lower: Variable `[D, D]` of which the strict lower triangle is used, or None.
        upper: Variable `[D, D]` of which the strict upper triangle is used, or None.

    References:
        [1] Kingma and Dhariwal, Glow, NeurIPS 2018, arXiv:1807.03039, eq. (10)-(11).
    """

    def __init__(
        self,
        event_size: int,
        *,
        kind: str = "full",
        dtype: tf.DType = tf.float32,
        name: str = "affine",
    ) -> None:
        super().__init__(name=name)
        zeros = tf.zeros([event_size], dtype)
        square = tf.zeros([event_size, event_size], dtype)
        self.log_diag = tf.Variable(zeros, name="log_diag")
        self.shift = tf.Variable(zeros, name="shift")
        triangular = kind != "diagonal" and event_size > 1
        self.lower = tf.Variable(square, name="lower") if triangular else None
        self.upper = tf.Variable(square, name="upper") if triangular and kind == "full" else None

    def forward_and_log_det(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return `y` and `log|det W|` `[B]`."""
        y = x * tf.exp(self.log_diag)
        if self.upper is not None:
            y += tf.linalg.matmul(x, self._strict_upper(), transpose_b=True)
        if self.lower is not None:
            y += tf.linalg.matmul(y, self._strict_lower(), transpose_b=True)
        return y + self.shift, self._log_det(x)

    def inverse_and_log_det(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return `x` and `-log|det W|` `[B]`."""
        x = y - self.shift
        if self.lower is not None:
            x = _solve(self._lower_factor(), x, lower=True)
        if self.upper is not None:
            return _solve(self._upper_factor(), x, lower=False), -self._log_det(y)
        return x * tf.exp(-self.log_diag), -self._log_det(y)

    def _log_det(self, x: Tensor) -> Tensor:
        return tf.fill([tf.shape(x)[0]], tf.reduce_sum(self.log_diag))

    def _lower_factor(self) -> Tensor:
        return self._strict_lower() + tf.linalg.diag(tf.ones_like(self.log_diag))

    def _upper_factor(self) -> Tensor:
        return self._strict_upper() + tf.linalg.diag(tf.exp(self.log_diag))

    def _strict_lower(self) -> Tensor:
        return tf.linalg.band_part(self.lower, -1, 0) * _off_diagonal(self.lower)

    def _strict_upper(self) -> Tensor:
        return tf.linalg.band_part(self.upper, 0, -1) * _off_diagonal(self.upper)


def _off_diagonal(matrix: Tensor) -> Tensor:
    return 1 - tf.eye(matrix.shape[0], dtype=matrix.dtype)


def _solve(matrix: Tensor, x: Tensor, *, lower: bool) -> Tensor:
    """Solve `matrix z = x` for each row of `x` `[B, D]`."""
    solution = tf.linalg.triangular_solve(matrix, tf.transpose(x), lower=lower)
    return tf.transpose(solution)


def affine_flow(
    event_size: int,
    *,
    kind: str = "full",
    dtype: tf.DType = tf.float32,
    validate_args: bool = False,
    name: str = "affine_flow",
) -> Flow:
    """Build the affine flow `y = W x + shift`, the identity at the start.

    With a Gaussian shared density it is the whole of Gaussian LRMF: its optimum matches the
    first two moments, and nothing more. Choose `real_nvp_flow` where shapes differ.

    Args:
        event_size: D >= 1.
        kind: `"full"` (`W = L U`, any matrix with positive leading minors), `"triangular"`
            (lower) or `"diagonal"`.
        dtype: `tf.float32` or `tf.float64`.
        validate_args: Passed to `tfb.Bijector`.
        name: Name of the bijector.

    Returns:
        Flow on events `[D]`; a `tfb.Bijector`.

    Raises:
        ValueError: If `event_size` is below 1 or `kind` is unknown.

    Examples:
        >>> affine_flow(2).forward([[1.0, 2.0]]).numpy().tolist()
        [[1.0, 2.0]]
    """
    check_positive_int(event_size, "event_size")
    check_choice(kind, "kind", AFFINE_KINDS)
    layer = AffineLayer(event_size, kind=kind, dtype=dtype)
    return Flow(
        [layer], event_shape=[event_size], dtype=dtype, validate_args=validate_args, name=name
    )


def identity_flow(
    event_size: int,
    *,
    dtype: tf.DType = tf.float32,
    validate_args: bool = False,
    name: str = "identity_flow",
) -> Flow:
    """Build the map that moves nothing: the "before" of every comparison, without variables.

    Args:
        event_size: D >= 1.
        dtype: `tf.float32` or `tf.float64`.
        validate_args: Passed to `tfb.Bijector`.
        name: Name of the bijector.

    Returns:
        Flow on events `[D]` with no layers.

    Raises:
        ValueError: If `event_size` is below 1.
    """
    check_positive_int(event_size, "event_size")
    return Flow([], event_shape=[event_size], dtype=dtype, validate_args=validate_args, name=name)


@dataclass(frozen=True, kw_only=True)
class Affine(FlowSpec):
    """One affine map, `y = W x + shift`; see `affine_flow` for the settings."""

    kind: str = "full"

    density: ClassVar[str] = "gaussian"

    def __post_init__(self) -> None:
        """Check the kind."""
        super().__post_init__()
        check_choice(self.kind, "kind", AFFINE_KINDS)

    def build(
        self, event_shape: Sequence[int], *, dtype: tf.DType, seed: int, condition_size: int = 0
    ) -> Flow:
        """Return a new flow; see `FlowSpec.build`."""
        self.check(event_shape, condition_size=condition_size)
        return affine_flow(math.prod(event_shape), dtype=dtype, **self.settings())


@dataclass(frozen=True, kw_only=True)
class Identity(ClosedForm):
    """The map that moves nothing: the "before" of every comparison."""

    start: str = "identity"
    takes_conditions: ClassVar[bool] = True

    def solve(self, source: Sample, target: Sample, *, dtype: tf.DType) -> Flow:
        """Return the identity."""
        del target
        return identity_flow(source.rows.shape[1], dtype=dtype)
