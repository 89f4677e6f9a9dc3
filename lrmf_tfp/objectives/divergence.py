"""A flow, or the points themselves, moved by the gradient of a divergence."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from tensorflow_probability import bijectors as tfb

from lrmf_tfp._core.log_det import forward_and_log_det
from lrmf_tfp._core.typing import Samples, Tensor
from lrmf_tfp._validation import as_samples
from lrmf_tfp.divergences import (
    emd,
    energy_distance,
    mmd_squared,
    sinkhorn_divergence,
    sliced_wasserstein,
)
from lrmf_tfp.kernels import RadialKernel, build_kernel
from lrmf_tfp.objectives.base import Objective
from lrmf_tfp.samples.batch import as_batch
from lrmf_tfp.samples.sources import Source

__all__ = [
    "DivergenceObjective",
    "DivergenceTerms",
    "MMDObjective",
    "PositionsObjective",
    "emd_objective",
    "energy_objective",
    "sinkhorn_objective",
    "sliced_wasserstein_objective",
]

Divergence = Callable[..., Tensor]

_MOST_QUADRATIC = 2000  # held-out rows, where a loss costs the square of their number
_MOST_SORTED = 20000


class DivergenceTerms(NamedTuple):
    """Terms of a divergence objective on one batch of each domain."""

    loss: Tensor
    """The divergence of the moved source and the target, in its own units."""


class DivergenceObjective(Objective):
    """Divergence of the moved source and the target, `divergence(flow(source), target)`.

    No density is trained, so the loss tells little by itself: its value at the optimum depends
    on the batch size, and maps that cut the source to pieces reach it too.

    Attributes:
        flow: The bijector T, `[D] -> [D]`.
        divergence: Function of two sample sets that returns a scalar.

    Examples:
        >>> from lrmf_tfp.flows import affine_flow
        >>> objective = DivergenceObjective(affine_flow(1), energy_distance)
        >>> float(objective(tf.zeros([4, 1]), tf.ones([4, 1])).loss)
        2.0
    """

    main_stage = "flow"

    def __init__(
        self,
        flow: tfb.Bijector,
        divergence: Divergence,
        *,
        jit_compatible: bool = True,
        most_validation_rows: int = _MOST_QUADRATIC,
        name: str = "divergence",
    ) -> None:
        """Join a flow and a divergence.

        Args:
            flow: Any `tfb.Bijector` on events `[D]`.
            divergence: Called with the moved source `[B, D]` and the target `[B, D]`, and with
                `seed=` if it has a parameter of that name.
            jit_compatible: Whether XLA can compile the divergence, and well.
            most_validation_rows: Held-out rows of a domain that decide when to stop; most
                divergences cost their square.
            name: Name of the module.
        """
        super().__init__(name=name)
        self.flow = flow
        self.divergence = divergence
        self.jit_compatible = jit_compatible
        self.most_validation_rows = most_validation_rows
        parameters = inspect.signature(divergence).parameters
        self._seeded = "seed" in parameters
        self.takes_weights = {"source_weights", "target_weights"} <= set(parameters)

    def __call__(self, *batches: Tensor, seed: Tensor | None = None) -> DivergenceTerms:
        """Return the terms on `source` `[B, D]` and `target` `[B, D]`."""
        source, target = map(as_batch, batches)
        moved, _ = forward_and_log_det(self.flow, source.values)
        options: dict[str, Tensor | None] = {"seed": seed} if self._seeded else {}
        for name, batch in (("source_weights", source), ("target_weights", target)):
            if batch.weights is not None:
                options[name] = batch.weights / tf.reduce_sum(batch.weights)
        return DivergenceTerms(self.divergence(moved, target.values, **options))


class MMDObjective(DivergenceObjective):
    """Unbiased squared MMD of the moved source and the target.

    Attributes:
        kernel: The kernel; a name becomes a kernel when `stages` sees the training samples.
    """

    def __init__(
        self,
        flow: tfb.Bijector,
        *,
        kernel: str | RadialKernel = "multi_gaussian",
        name: str = "mmd",
    ) -> None:
        """Join a flow and a kernel, or the name of one that fits its width to the data."""
        self.kernel = kernel
        super().__init__(flow, self._mmd, name=name)

    def prepare_for(self, source: Source) -> None:
        """Choose a named kernel as wide as the laws of the training samples ask for."""
        if isinstance(self.kernel, str):
            first, second = source.training()
            self.kernel = build_kernel(
                self.kernel,
                first.values,
                second.values,
                source_weights=first.weights,
                target_weights=second.weights,
            )

    def _mmd(
        self,
        source: Tensor,
        target: Tensor,
        *,
        source_weights: Tensor | None = None,
        target_weights: Tensor | None = None,
    ) -> Tensor:
        return mmd_squared(
            source,
            target,
            source_weights=source_weights,
            target_weights=target_weights,
            kernel=self.kernel,
            unbiased=True,
        )


def energy_objective(flow: tfb.Bijector) -> DivergenceObjective:
    """Build the objective of the unbiased energy distance."""
    divergence = functools.partial(energy_distance, unbiased=True)
    return DivergenceObjective(flow, divergence, name="energy")


def emd_objective(flow: tfb.Bijector, *, cost: str = "euclidean") -> DivergenceObjective:
    """Build the objective of the exact earth mover's distance of each pair of batches.

    The plan is computed outside TensorFlow, so that the loop is not compiled by XLA.
    """
    divergence = functools.partial(emd, cost=cost)
    return DivergenceObjective(flow, divergence, jit_compatible=False, name="emd")


def sinkhorn_objective(
    flow: tfb.Bijector, *, epsilon: float | None = None, cost: str = "euclidean"
) -> DivergenceObjective:
    """Build the objective of the debiased Sinkhorn divergence.

    The cost is the distance, not its square: the square pulls far points so much harder than
    near ones that a flow is torn between two arms and stays there.
    """
    divergence = functools.partial(sinkhorn_divergence, epsilon=epsilon, cost=cost)
    return DivergenceObjective(flow, divergence, name="sinkhorn")


def sliced_wasserstein_objective(
    flow: tfb.Bijector, *, num_projections: int = 64, power: float = 1.0
) -> DivergenceObjective:
    """Build the objective of the sliced Wasserstein distance, fresh directions each step.

    The loop is not compiled by XLA, whose sorting takes four times as long on CPUs.
    """
    divergence = functools.partial(
        sliced_wasserstein, num_projections=num_projections, power=power
    )
    return DivergenceObjective(
        flow,
        divergence,
        jit_compatible=False,
        most_validation_rows=_MOST_SORTED,
        name="sliced_wasserstein",
    )


class PositionsObjective(Objective):
    """Divergence of free points and the target: the points move, without any model.

    This is the model-free form of the paper's figure 4: gradient descent on the positions. It
    cannot move new samples, and nothing keeps neighbours together.

    Attributes:
        positions: Variable `[N, D]`.

    Examples:
        >>> from lrmf_tfp.training import SGD, FitConfig, fit
        >>> objective = PositionsObjective([[0.0], [1.0]], energy_distance)
        >>> config = FitConfig(num_steps=100, optimizer=SGD(0.5), average_decay=0.0)
        >>> result = fit(objective, (np.array([[5.0], [6.0]], np.float32),), config)
        >>> bool(tf.reduce_min(objective.positions) > 4.0)
        True

    References:
        [1] Usman et al., Log-Likelihood Ratio Minimizing Flows, NeurIPS 2020, arXiv:2003.12170,
            figure 4, columns MMD and EMD.
    """

    main_stage = "positions"

    def __init__(
        self,
        positions: Samples,
        divergence: Divergence,
        *,
        jit_compatible: bool = True,
        name: str = "positions",
    ) -> None:
        """Start from samples of the source.

        Args:
            positions: Where the points start, `[N, D]`.
            divergence: Called with the points and the target, `[N, D]` and `[M, D]`.
            jit_compatible: Whether XLA can compile the divergence.
            name: Name of the module.

        Raises:
            TypeError: If the positions are not numbers.
            ValueError: If they are not `[N, D]` or not finite.
        """
        super().__init__(name=name)
        start = as_samples(positions, "positions", dtype=np.float32)
        self.positions = tf.Variable(start, name="positions")
        self.divergence = divergence
        self.jit_compatible = jit_compatible

    def __call__(self, *batches: Tensor, seed: Tensor | None = None) -> DivergenceTerms:
        """Return the terms on `target` `[M, D]`, the only batch."""
        del seed
        (target,) = batches
        return DivergenceTerms(self.divergence(self.positions, target))
