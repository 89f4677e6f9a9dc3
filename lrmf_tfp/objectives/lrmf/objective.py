"""Log-likelihood-ratio minimising flows: the objective of the paper."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import tensorflow as tf
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

from lrmf_tfp._core.conditions import condition_size_of, given
from lrmf_tfp._core.log_det import forward_and_log_det
from lrmf_tfp._core.means import weighted_mean
from lrmf_tfp._core.typing import Tensor
from lrmf_tfp.densities import FlowDensity
from lrmf_tfp.objectives.base import Objective
from lrmf_tfp.objectives.lrmf.noise import Prelude
from lrmf_tfp.objectives.lrmf.plan import LRMFPlan
from lrmf_tfp.objectives.lrmf.private import PrivateFit
from lrmf_tfp.samples.batch import Batch, as_batch

__all__ = ["FixedMapLRMFObjective", "LRMFObjective", "LRMFTerms"]


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
    for a universal family `L = 2 JSD <= 2 log 2`. All means are weighted where samples have
    weights. With a flow and densities that depend on conditions c it is the same sum of the laws
    of x *given* c: `T(a; c)`, `P(.; s | c)`; c itself is never moved.

    The private fits are part of it: see `LRMFPlan` for the stages that `fit` runs.

    Where source and target lie many of their modes' widths apart, the gradient that would bring
    them together vanishes [1, example 2.2]; `noise=Anneal(8, 4, 2, 1)` leads there.

    Attributes:
        flow: The bijector T, `[D] -> [D]`.
        density: The shared density s.
        private: The `PrivateFit` of source and target.

    References:
        [1] Usman, Sud, Dufour, Saenko, Log-Likelihood Ratio Minimizing Flows, NeurIPS 2020,
            arXiv:2003.12170, definition 2.2 and theorem 2.3.
    """

    takes_weights = True
    takes_conditions = True

    def __init__(
        self,
        flow: tfb.Bijector,
        density: tfd.Distribution,
        *,
        private_source: tfd.Distribution,
        private_target: tfd.Distribution,
        pullback: FlowDensity | None = None,
        noise: Prelude | None = None,
        name: str = "lrmf",
    ) -> None:
        """Join a flow, a shared density and two private copies of the density's family.

        Args:
            flow: Any `tfb.Bijector` T on events `[D]`.
            density: Shared density.
            private_source: Density of the same family as `density`.
            private_target: Density of the same family as `density`.
            pullback: `FlowDensity(density_copy, tfb.Invert(flow_copy))`, which holds the source's
                second private fit; without it the source is not fitted again.
            noise: Noise that leads the map to the noise-free problem; none by default.
            name: Name of the module.
        """
        super().__init__(name=name)
        self.flow = flow
        self.density = density
        self.private = (
            PrivateFit(private_source, pullback, dtype=density.dtype, name="source"),
            PrivateFit(private_target, dtype=density.dtype, name="target"),
        )
        self.pullback = pullback
        self.noise = noise
        self._domain_weights = tf.Variable([1.0, 1.0], trainable=False, dtype=density.dtype)

    @property
    def condition_size(self) -> int:
        """Number of covariates that flow and densities depend on."""
        return condition_size_of(self.density)

    @property
    def private_source(self) -> tfd.Distribution:
        """Density fitted to the source alone: the pullback where that is better."""
        return self.private[0].density

    @property
    def private_target(self) -> tfd.Distribution:
        """Density fitted to the target alone."""
        return self.private[1].density

    @property
    def private_nll_source(self) -> tf.Variable:
        """Held-out NLL of the source's private fit, nats."""
        return self.private[0].nll

    @property
    def private_nll_target(self) -> tf.Variable:
        """Held-out NLL of the target's private fit, nats."""
        return self.private[1].nll

    @property
    def trainable_variables(self) -> tuple[tf.Variable, ...]:
        """Variables of the flow and of the shared density; the private fits stay as they are."""
        return tuple(self.flow.trainable_variables) + tuple(self.density.trainable_variables)

    def plan(self) -> LRMFPlan:
        """Return the private fits, the joint one and the private refits."""
        return LRMFPlan(self)

    def __call__(self, *batches: Tensor | Batch, seed: Tensor | None = None) -> LRMFTerms:
        """Return the terms on `source` `[B, D]` and `target` `[B, D]`."""
        del seed
        source, target = map(as_batch, batches)
        moved, log_det = forward_and_log_det(given(self.flow, source.conditions), source.values)
        num_source = tf.shape(moved)[0]
        # One call on both domains: half the graph to compile, and larger products.
        conditions = None
        if source.conditions is not None:
            conditions = tf.concat([source.conditions, target.conditions], axis=0)
        shared = given(self.density, conditions)
        log_prob = shared.log_prob(tf.concat([moved, target.values], axis=0))
        nll_source = -weighted_mean(log_prob[:num_source], source.weights)
        nll_target = -weighted_mean(log_prob[num_source:], target.weights)
        mean_log_det = weighted_mean(log_det, source.weights)
        constant = -self.private_nll_source - self.private_nll_target
        of_source, of_target = tf.unstack(self._domain_weights)
        loss = of_source * (nll_source - mean_log_det) + of_target * nll_target + constant
        return LRMFTerms(loss, nll_source, mean_log_det, nll_target, constant)

    def source_log_ratio(self, x: Tensor, conditions: Tensor | None = None) -> Tensor:
        """Return `log P(x; a) - log P(T(x); s) - log|det dT|` `[B]`, the source's share of L."""
        moved, log_det = forward_and_log_det(given(self.flow, conditions), x)
        shared, private = given(self.density, conditions), given(self.private_source, conditions)
        return private.log_prob(x) - shared.log_prob(moved) - log_det

    def target_log_ratio(self, y: Tensor, conditions: Tensor | None = None) -> Tensor:
        """Return `log P(y; b) - log P(y; s)` `[B]`, the target's share of L."""
        shared, private = given(self.density, conditions), given(self.private_target, conditions)
        return private.log_prob(y) - shared.log_prob(y)

    @contextmanager
    def source_only(self) -> Iterator[None]:
        """Give the target the weight 0 for the time of the block."""
        self._domain_weights.assign([1.0, 0.0])
        try:
            yield
        finally:
            self._domain_weights.assign([1.0, 1.0])


class FixedMapLRMFObjective(LRMFObjective):
    """LRMF objective of a map that is not trained: how well another method's map aligns.

    Only the shared density moves, so the minimum is the log-likelihood-ratio distance of the
    moved source and the target, the same number that LRMF reports of its own map.
    """

    main_stage = "shared"

    @property
    def trainable_variables(self) -> tuple[tf.Variable, ...]:
        """Variables of the shared density alone."""
        return tuple(self.density.trainable_variables)
