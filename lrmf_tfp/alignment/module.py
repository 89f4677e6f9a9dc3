"""The fitted map as a `tf.Module` that saves, loads and needs only TensorFlow (level 5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from lrmf_tfp._core.log_det import forward_and_log_det, inverse_and_log_det
from lrmf_tfp._core.typing import Array, Tensor

__all__ = ["AlignmentModule", "Standardizer"]


class Standardizer(NamedTuple):
    """Moments by which samples are brought to zero mean and unit scale, float64.

    There is one of each an axis. All pixels of a channel share theirs: a corner that is always
    black has no scale of its own, and a common factor keeps what an image looks like.
    """

    loc: Array
    """`[D]`."""
    scale: Array
    """`[D]`, positive."""

    @staticmethod
    def of(samples: Array, event_shape: Sequence[int] = ()) -> Standardizer:
        """Return the moments of samples `[N, D]`, by channel if events are `(H, W, C)`."""
        exact = np.asarray(samples, np.float64)
        if len(event_shape) == 3:
            height, width, num_channels = event_shape
            channels = Standardizer.of(exact.reshape(-1, num_channels))
            return Standardizer(*(np.tile(moment, height * width) for moment in channels))
        unit = np.abs(exact).max(axis=0) + np.finfo(np.float64).tiny
        return Standardizer(unit * (exact / unit).mean(axis=0), unit * (exact / unit).std(axis=0))

    def apply(self, samples: Array, dtype: Any) -> Array:
        """Return standardised samples in the dtype of the model."""
        return ((np.asarray(samples, np.float64) - self.loc) / self.scale).astype(dtype)


class AlignmentModule(tf.Module):
    """The map in the user's own coordinates: standardise, flow, undo the target's scaling.

    Every method takes `x` `[N, D]`, float32 or float64, and answers in its dtype;
    standardisation is in float64, so that a large offset costs no precision.

    Attributes:
        transform: Source to target, `[N, D] -> [N, D]`.
        inverse_transform: Target to source, `[N, D] -> [N, D]`.
        log_det_jacobian: `log|det d transform / dx|` `[N]`.
        target_log_prob: Log-density of the target under the shared density `[N]`, if any.
        source_log_ratio: The source's share of the score `[N]`, if any.
        target_log_ratio: The target's share of the score `[N]`, if any.
        source_private_log_prob: Log-density under the source's private fit `[N]`, if any.
        target_private_log_prob: Log-density under the target's private fit `[N]`, if any.
    """

    def __init__(
        self, objective: Any, source: Standardizer, target: Standardizer, *, dtype: Any
    ) -> None:
        super().__init__(name="alignment")
        self._objective = objective
        self._flow = objective.flow
        self._dtype = tf.as_dtype(dtype)
        self._moments = {
            "source_loc": tf.constant(source.loc, tf.float64),
            "source_scale": tf.constant(source.scale, tf.float64),
            "target_loc": tf.constant(target.loc, tf.float64),
            "target_scale": tf.constant(target.scale, tf.float64),
        }
        self._source_volume = float(np.sum(np.log(source.scale)))
        self._target_volume = float(np.sum(np.log(target.scale)))
        self.transform = self._compile(self._transform)
        self.inverse_transform = self._compile(self._inverse_transform)
        self.log_det_jacobian = self._compile(self._log_det_jacobian)
        if hasattr(objective, "density"):
            self.target_log_prob = self._compile(self._target_log_prob)
        if hasattr(objective, "source_log_ratio"):
            self.source_log_ratio = self._compile(self._source_log_ratio)
            self.target_log_ratio = self._compile(self._target_log_ratio)
            self.source_private_log_prob = self._compile(self._source_private_log_prob)
            self.target_private_log_prob = self._compile(self._target_private_log_prob)

    @staticmethod
    def _compile(method: Callable[[Tensor], Tensor]) -> Any:
        return tf.function(method, autograph=False, reduce_retracing=True)

    def serving_signatures(self) -> dict[str, Any]:
        """Return the serving signatures, input `x` `[None, D]` in the model's dtype.

        Traces every function for any number of rows in both float types, so that a saved module
        holds them all; seconds of work that a module which is not saved does without.
        """
        served = ("transform", "inverse_transform", "log_det_jacobian", "target_log_prob")
        size = len(self._moments["source_loc"])
        signatures = {}
        for name, function in vars(self).items():
            if not hasattr(function, "get_concrete_function"):
                continue
            for dtype in (tf.float32, tf.float64):
                traced = function.get_concrete_function(tf.TensorSpec([None, size], dtype, "x"))
                if name in served and dtype == self._dtype:
                    signatures[name] = traced
        return signatures

    def _standardize(self, x: Tensor, domain: str) -> Tensor:
        centred = tf.cast(x, tf.float64) - self._moments[f"{domain}_loc"]
        return tf.cast(centred / self._moments[f"{domain}_scale"], self._dtype)

    def _restore(self, z: Tensor, domain: str, dtype: tf.DType) -> Tensor:
        scaled = tf.cast(z, tf.float64) * self._moments[f"{domain}_scale"]
        return tf.cast(scaled + self._moments[f"{domain}_loc"], dtype)

    def _transform(self, x: Tensor) -> Tensor:
        moved, _ = forward_and_log_det(self._flow, self._standardize(x, "source"))
        return self._restore(moved, "target", x.dtype)

    def _inverse_transform(self, x: Tensor) -> Tensor:
        back, _ = inverse_and_log_det(self._flow, self._standardize(x, "target"))
        return self._restore(back, "source", x.dtype)

    def _log_det_jacobian(self, x: Tensor) -> Tensor:
        _, log_det = forward_and_log_det(self._flow, self._standardize(x, "source"))
        return tf.cast(log_det, x.dtype) + (self._target_volume - self._source_volume)

    def _target_log_prob(self, x: Tensor) -> Tensor:
        log_prob = self._objective.density.log_prob(self._standardize(x, "target"))
        return tf.cast(log_prob, x.dtype) - self._target_volume

    def _source_log_ratio(self, x: Tensor) -> Tensor:
        ratio = self._objective.source_log_ratio(self._standardize(x, "source"))
        return tf.cast(ratio, x.dtype)

    def _target_log_ratio(self, x: Tensor) -> Tensor:
        ratio = self._objective.target_log_ratio(self._standardize(x, "target"))
        return tf.cast(ratio, x.dtype)

    def _source_private_log_prob(self, x: Tensor) -> Tensor:
        log_prob = self._objective.private_source.log_prob(self._standardize(x, "source"))
        return tf.cast(log_prob, x.dtype) - self._source_volume

    def _target_private_log_prob(self, x: Tensor) -> Tensor:
        log_prob = self._objective.private_target.log_prob(self._standardize(x, "target"))
        return tf.cast(log_prob, x.dtype) - self._target_volume
