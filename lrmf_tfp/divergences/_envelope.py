"""A value with gradients that were computed beside it."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from lrmf_tfp._core.typing import Tensor

__all__ = ["with_gradients"]

_ONCE = "this divergence can be differentiated once; its second derivatives are not made."


def with_gradients(
    value: Tensor, gradients: tuple[Tensor, Tensor], source: Tensor, target: Tensor
) -> Tensor:
    """Return `value` with the given gradients in the samples, which refuse to be differentiated.

    Call it outside the compiled function that made them: TensorFlow then does not have to
    differentiate that function.
    """

    @tf.custom_gradient
    def constants(source: Tensor, target: Tensor) -> tuple[list[Tensor], Any]:
        del source, target

        def refuse(*_: Tensor) -> None:
            raise NotImplementedError(_ONCE)

        return [tf.identity(part) for part in gradients], refuse

    @tf.custom_gradient
    def differentiable(source: Tensor, target: Tensor) -> tuple[Tensor, Any]:
        def gradient(upstream: Tensor) -> list[Tensor]:
            return [upstream * part for part in constants(source, target)]

        return tf.identity(value), gradient

    return differentiable(source, target)
