"""Log-likelihood-ratio minimising flows: the objective of the paper (level 3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from lrmf_tfp._joint import forward_and_log_det
from lrmf_tfp._typing import Array, Tensor
from lrmf_tfp.objectives.base import Objective, Stage, copy_variables
from lrmf_tfp.objectives.maximum_likelihood import MaximumLikelihoodObjective

__all__ = ["LRMFObjective", "LRMFTerms"]


class LRMFTerms(NamedTuple):
    """Terms of the LRMF objective on one batch of each domain, in nats per sample."""

    loss: Tensor
    """`nll_source_shared - mean_log_det + nll_target_shared + constant`; bounded below by 0."""
    nll_source_shared: Tensor
    """`-mean(log P(T(a); s))`, the moved source under the shared density."""
    mean_log_det: Tensor
    """`mean(log|det dT/dx (a)|)`."""
    nll_target_shared: Tensor
    """`-mean(log P(b; s))`, the target under the shared density."""
    constant: Tensor
    """`c(A, B) = -private_nll_source - private_nll_target`."""


class LRMFObjective(Objective):
    """Joint minimisation over a flow T and one shared density s.

    `L(T, s) = -mean(log P(T(a); s)) - mean(log|det dT|) - mean(log P(b; s)) + c(A, B)`,
    with `c(A, B)` the sum of the two best private log-likelihoods. `L >= 0` up to the bias of
    the fits; `L = 0` where the family of s cannot tell the moved source from the target, and
    for a universal family `L = 2 JSD <= 2 log 2`.

    The private fits are part of it: `stages` fits the density to the source, then to the
    target, keeps both as `private_source` and `private_target`, and starts the joint stage
    from the target's fit (the start that finds the right alignment).

    Attributes:
        flow: The bijector T, `[D] -> [D]`.
        density: The shared density s, a `tfd.Distribution`.
        private_source: Density fitted to the source alone.
        private_target: Density fitted to the target alone.
        private_nll_source: Variable, held-out NLL of the source's private fit, nats.
        private_nll_target: Variable, the same of the target.

    References:
        [1] Usman, Sud, Dufour, Saenko, Log-Likelihood Ratio Minimizing Flows, NeurIPS 2020,
            arXiv:2003.12170, definition 2.2 and theorem 2.3.
    """

    def __init__(
        self,
        flow: Any,
        density: Any,
        *,
        private_source: Any,
        private_target: Any,
        name: str = "lrmf",
    ) -> None:
        """Join a flow, a shared density and two private copies of the density's family.

        Args:
            flow: Any `tfb.Bijector` T on events `[D]`.
            density: Shared density.
            private_source: Density of the same family as `density`.
            private_target: Density of the same family as `density`.
            name: Name of the module.
        """
        super().__init__(name=name)
        self.flow = flow
        self.density = density
        self.private_source = private_source
        self.private_target = private_target
        self.private_nll_source = tf.Variable(0.0, trainable=False, dtype=density.dtype)
        self.private_nll_target = tf.Variable(0.0, trainable=False, dtype=density.dtype)

    @property
    def trainable_variables(self) -> tuple[tf.Variable, ...]:
        """Variables of the flow and of the shared density; the private fits stay as they are."""
        return tuple(self.flow.trainable_variables) + tuple(self.density.trainable_variables)

    def __call__(self, *batches: Tensor, seed: Tensor | None = None) -> LRMFTerms:
        """Return the terms on `source` `[B, D]` and `target` `[B, D]`."""
        del seed
        source, target = batches
        moved, log_det = forward_and_log_det(self.flow, source)
        nll_source = -tf.reduce_mean(self.density.log_prob(moved))
        nll_target = -tf.reduce_mean(self.density.log_prob(target))
        mean_log_det = tf.reduce_mean(log_det)
        constant = -self.private_nll_source - self.private_nll_target
        loss = nll_source - mean_log_det + nll_target + constant
        return LRMFTerms(loss, nll_source, mean_log_det, nll_target, constant)

    def comparable(self, value: float) -> float:
        """Return the held-out loss without `c(A, B)`, which differs between fits."""
        return value + float(self.private_nll_source + self.private_nll_target)

    def source_log_ratio(self, x: Tensor) -> Tensor:
        """Return `log P(x; a) - log P(T(x); s) - log|det dT|` `[B]`, the source's share of L."""
        moved, log_det = forward_and_log_det(self.flow, x)
        return self.private_source.log_prob(x) - self.density.log_prob(moved) - log_det

    def target_log_ratio(self, y: Tensor) -> Tensor:
        """Return `log P(y; b) - log P(y; s)` `[B]`, the target's share of L."""
        return self.private_target.log_prob(y) - self.density.log_prob(y)

    def stages(self, train: tuple[Array, ...], held_out: tuple[Array, ...]) -> Iterator[Stage]:
        """Yield the two private fits, then the joint one started from the target's fit."""
        del train
        start = [variable.numpy() for variable in self.density.variables]
        fit = MaximumLikelihoodObjective(self.density)
        private = (
            ("source", self.private_source, self.private_nll_source),
            ("target", self.private_target, self.private_nll_target),
        )
        for domain, (name, density, nll) in enumerate(private):
            copy_variables(start, self.density)
            yield Stage(f"private_{name}", fit, (domain,))
            copy_variables(self.density, density)
            nll.assign(-np.mean(density.log_prob(held_out[domain]).numpy()))
        yield Stage(self.main_stage, self)
