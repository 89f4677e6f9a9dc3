"""The fitted map as a `tf.Module` that saves, loads and needs only TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_probability import bijectors as tfb

from lrmf_tfp._core.conditions import given
from lrmf_tfp._core.graph import as_graph
from lrmf_tfp._core.log_det import forward_and_log_det, inverse_and_log_det
from lrmf_tfp._core.typing import Tensor
from lrmf_tfp.alignment.rows import Standards
from lrmf_tfp.objectives import Scorable
from lrmf_tfp.samples.standardize import Standardizer

__all__ = ["AlignmentModule"]

SERVED = ("transform", "inverse_transform", "log_det_jacobian", "target_log_prob")


class AlignmentModule(tf.Module):
    """The map in the user's own coordinates: standardise, flow, undo the target's scaling.

    Every method takes `x` `[N, D]`, float32 or float64, and answers in its dtype; where the map
    depends on conditions it takes them too, `[N, C]` in the dtype of `x`. Standardisation is in
    float64, so that a large offset costs no precision. What is expensive, networks in one
    direction, is traced once whatever the dtype of `x`.

    Attributes:
        flow: The bijector between standardised samples.
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
        self,
        objective: Scorable | None,
        flow: tfb.Bijector,
        standards: Standards,
        *,
        dtype: tf.DType,
    ) -> None:
        super().__init__(name="alignment")
        self._objective = objective
        self.flow = flow
        self._dtype = dtype
        self._size = len(standards.target.loc)
        conditions = standards.conditions
        self._condition_size = 0 if conditions is None else len(conditions.loc)
        self._moments = {
            name: _constants(moments)
            for name, moments in standards._asdict().items()
            if moments is not None
        }
        self._volumes = {
            name: float(np.sum(np.log(getattr(standards, name).scale)))
            for name in ("source", "target")
        }
        self._make_functions()

    def _make_functions(self) -> None:
        forward = _core(lambda z, c: forward_and_log_det(given(self.flow, c), z))
        inverse = _core(lambda z, c: inverse_and_log_det(given(self.flow, c), z)[0])
        ratio = self._volumes["target"] - self._volumes["source"]
        self.transform = self._public(lambda z, c: forward(z, c)[0], "source", "target")
        self.inverse_transform = self._public(inverse, "target", "source")
        self.log_det_jacobian = self._public(lambda z, c: forward(z, c)[1], "source", shift=ratio)
        if self._objective is None:
            return
        laws = {"target_log_prob": ("density", "target")}
        for name in ("source", "target"):
            laws[f"{name}_private_log_prob"] = (f"private_{name}", name)
            method = getattr(self._objective, f"{name}_log_ratio")
            setattr(self, f"{name}_log_ratio", self._public(_core(method), name))
        for name, (attribute, domain) in laws.items():
            law = getattr(self._objective, attribute)
            log_prob = _core(lambda z, c, law=law: given(law, c).log_prob(z))
            shift = -self._volumes[domain]
            setattr(self, name, self._public(log_prob, domain, shift=shift))

    def _public(
        self,
        core: Callable[[Tensor, Tensor | None], Tensor],
        domain: str,
        restored: str | None = None,
        *,
        shift: float = 0.0,
    ) -> Any:
        """Return a function of raw rows, and of conditions where there are some."""

        def unconditional(x: Tensor) -> Tensor:
            return finish(core(self._standardize(x, domain), None), x.dtype)

        def conditional(x: Tensor, conditions: Tensor) -> Tensor:
            seen = self._standardize(conditions, "conditions")
            return finish(core(self._standardize(x, domain), seen), x.dtype)

        def finish(value: Tensor, dtype: tf.DType) -> Tensor:
            if restored is not None:
                return self._restore(value, restored, dtype)
            return tf.cast(value, dtype) + tf.constant(shift, dtype)

        function = conditional if self._condition_size else unconditional
        return as_graph(function, reduce_retracing=True)

    def serving_signatures(self) -> dict[str, Any]:
        """Return the serving signatures, input `x` `[None, D]` in the model's dtype.

        Traces every function for any number of rows in both float types, so that a saved module
        holds them all; `serving_default` is `transform`.
        """
        signatures = {}
        for name, function in vars(self).items():
            if not hasattr(function, "get_concrete_function"):
                continue
            for dtype in (tf.float32, tf.float64):
                traced = function.get_concrete_function(*self._specs(dtype))
                if name in SERVED and dtype == self._dtype:
                    signatures[name] = traced
        return {"serving_default": signatures["transform"], **signatures}

    def _specs(self, dtype: tf.DType) -> list[tf.TensorSpec]:
        specs = [tf.TensorSpec([None, self._size], dtype, "x")]
        if self._condition_size:
            specs.append(tf.TensorSpec([None, self._condition_size], dtype, "conditions"))
        return specs

    def _standardize(self, x: Tensor, name: str) -> Tensor:
        loc, scale = self._moments[name]
        return tf.cast((tf.cast(x, tf.float64) - loc) / scale, self._dtype)

    def _restore(self, z: Tensor, name: str, dtype: tf.DType) -> Tensor:
        loc, scale = self._moments[name]
        return tf.cast(tf.cast(z, tf.float64) * scale + loc, dtype)


def _core(function: Callable[..., Any]) -> Any:
    return as_graph(function, reduce_retracing=True)


def _constants(moments: Standardizer) -> tuple[Tensor, Tensor]:
    return tf.constant(moments.loc, tf.float64), tf.constant(moments.scale, tf.float64)
