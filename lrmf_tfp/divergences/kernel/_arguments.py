"""What stands for a kernel in a call, as a kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from lrmf_tfp._core.typing import Tensor
from lrmf_tfp.divergences._pair import WeightedPair
from lrmf_tfp.divergences._units import check_size
from lrmf_tfp.kernels import EnergyKernel, RadialKernel, build_kernel

__all__ = ["Kernel", "as_kernel", "as_radial"]

Kernel = str | RadialKernel | Callable[[Tensor, Tensor], Tensor]


def as_kernel(
    kernel: Kernel, pair: WeightedPair, *, names: tuple[str, str] = ("source", "target")
) -> Any:
    """Return a kernel or a function of two sample sets; a name becomes as wide as the samples.

    Raises:
        TypeError: If it is neither of the three.
        ValueError: If the name is unknown or comes inside a graph, or distances would overflow.
    """
    check_size(pair, power=1, names=names)
    if not isinstance(kernel, str):
        if not callable(kernel):
            raise TypeError(f"`kernel` must be a name, a kernel or a function; got {kernel!r}.")
        return kernel
    if kernel == "energy":
        return EnergyKernel()
    if any(map(tf.is_symbolic_tensor, pair)):
        raise ValueError(
            f"`kernel` must be a kernel, not a name, inside a tf.function; got {kernel!r}."
        )
    a, b = pair.source_weights, pair.target_weights
    return build_kernel(kernel, pair.source, pair.target, source_weights=a, target_weights=b)


def as_radial(
    kernel: str | RadialKernel,
    pair: WeightedPair,
    *,
    names: tuple[str, str] = ("source", "target"),
) -> RadialKernel:
    """Return a radial kernel; arguments as `as_kernel`.

    Raises:
        TypeError: If it is neither a name nor a `RadialKernel`.
        ValueError: As `as_kernel`.
    """
    found = as_kernel(kernel, pair, names=names)
    if not isinstance(found, RadialKernel):
        raise TypeError(f"`kernel` must be a name or a RadialKernel; got {found!r}.")
    return found
