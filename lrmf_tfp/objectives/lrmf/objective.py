"""Log-likelihood-ratio minimising flows: the objective of the paper (level 3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from lrmf_tfp._core.log_det import forward_and_log_det
from lrmf_tfp._core.typing import Array, Tensor
from lrmf_tfp.densities import FlowDensity, moment_start
from lrmf_tfp.objectives.base import Objective, Stage, copy_variables, preserved, variable_values
from lrmf_tfp.objectives.lrmf.noise import NoisyObjective, check_noise_scales
from lrmf_tfp.objectives.maximum_likelihood import MaximumLikelihoodObjective

__all__ = ["FixedMapLRMFObjective", "LRMFObjective", "LRMFTerms"]

_LOSSES = ("loss", "validation_loss")
_REFIT_RATE = 0.3  # a refit starts close to its optimum, from which full steps would throw it


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

    The private fits are part of it. `stages` fits the density to the source, then to the
    target, and starts the joint stage from the target's fit (the start that finds the right
    alignment). After that it makes sure of the constant: no private fit may be worse than what
    the joint solution says of the same samples (Lemma 2.1), so each domain is fitted again from
    there, the target from s, the source from s seen through T, and the better of the two fits on
    held-out samples counts.

    Where source and target lie many of their modes' widths apart, the gradient that would bring
    them together vanishes [1, example 2.2]. With `noise_scales`, the joint stage is led up to by
    the same problem on samples with noise, from wide noise to narrow: at each scale the density is
    fitted to the noisy target, then the map and the density are trained together.

    Attributes:
        flow: The bijector T, `[D] -> [D]`.
        density: The shared density s, a `tfd.Distribution`.
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
        pullback: FlowDensity | None = None,
        noise_scales: Sequence[float] = (),
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
            noise_scales: Falling standard deviations of noise, in the units of the samples.
            name: Name of the module.

        Raises:
            ValueError: If the scales are not positive or do not fall.
        """
        super().__init__(name=name)
        self._noise_scales = check_noise_scales(noise_scales)
        self.flow = flow
        self.density = density
        self.private_target = private_target
        self._domain_weights = tf.Variable([1.0, 1.0], trainable=False, dtype=density.dtype)
        self._source_fit = private_source
        self._pullback = pullback
        self._pullback_is_better = False
        self.private_nll_source = tf.Variable(0.0, trainable=False, dtype=density.dtype)
        self.private_nll_target = tf.Variable(0.0, trainable=False, dtype=density.dtype)

    @property
    def private_source(self) -> Any:
        """Density fitted to the source alone: the pullback where that is better."""
        return self._pullback if self._pullback_is_better else self._source_fit

    @property
    def trainable_variables(self) -> tuple[tf.Variable, ...]:
        """Variables of the flow and of the shared density; the private fits stay as they are."""
        return tuple(self.flow.trainable_variables) + tuple(self.density.trainable_variables)

    def __call__(self, *batches: Tensor, seed: Tensor | None = None) -> LRMFTerms:
        """Return the terms on `source` `[B, D]` and `target` `[B, D]`."""
        del seed
        source, target = batches
        moved, log_det = forward_and_log_det(self.flow, source)
        # One call on both domains: half the graph to compile, and larger products.
        log_prob = self.density.log_prob(tf.concat([moved, target], axis=0))
        nll_source = -tf.reduce_mean(log_prob[: tf.shape(moved)[0]])
        nll_target = -tf.reduce_mean(log_prob[tf.shape(moved)[0] :])
        mean_log_det = tf.reduce_mean(log_det)
        constant = -self.private_nll_source - self.private_nll_target
        of_source, of_target = tf.unstack(self._domain_weights)
        loss = of_source * (nll_source - mean_log_det) + of_target * nll_target + constant
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

    def restate(self, history: dict[str, Array]) -> dict[str, Array]:
        """Return the history with the final `c(A, B)`, by which the losses shift."""
        constant = -float(self.private_nll_source + self.private_nll_target)
        shift = constant - history["constant"]
        losses = {name: history[name] + shift for name in _LOSSES if name in history}
        return {**history, **losses, "constant": history["constant"] + shift}

    def stages(self, train: tuple[Array, ...], held_out: tuple[Array, ...]) -> Iterator[Stage]:
        """Yield the private fits, the joint one from the target's fit, and the private refits."""
        fit = MaximumLikelihoodObjective(self.density)
        yield from self._private_fits(fit, train, held_out)
        if self._noise_scales:
            with preserved(self.density):
                yield from self._noisy_stages(fit, train[1])
        yield Stage(self.main_stage, self)
        with preserved(self.density):
            yield Stage("refit_target", fit, (1,), rate=_REFIT_RATE)
            nll = _nll(self.density, held_out[1])
            if nll < self.private_nll_target:
                copy_variables(self.density, self.private_target)
                self.private_nll_target.assign(nll)
        if self._pullback is not None:
            yield from self._refit_source(self._pullback, held_out[0])

    def _private_fits(
        self, fit: Objective, train: tuple[Array, ...], held_out: tuple[Array, ...]
    ) -> Iterator[Stage]:
        start = variable_values(self.density.variables)
        private = (
            ("source", self._source_fit, self.private_nll_source),
            ("target", self.private_target, self.private_nll_target),
        )
        self._pullback_is_better = False
        for domain, (name, density, nll) in enumerate(private):
            copy_variables(start, self.density)
            moment_start(self.density, train[domain])
            yield Stage(f"private_{name}", fit, (domain,))
            copy_variables(self.density, density)
            nll.assign(_nll(density, held_out[domain]))

    def _noisy_stages(self, fit: Objective, target: Array) -> Iterator[Stage]:
        """Lead the map to the joint stage; together they take at most twice its steps."""
        noisy_fit, noisy = NoisyObjective(fit), NoisyObjective(self)
        for scale in self._noise_scales:
            noisy_fit.scale.assign(scale)
            noisy.scale.assign(scale)
            moment_start(self.density, noisy_fit.blurred(target))
            share = 1.0 / len(self._noise_scales)
            yield Stage(f"noise_{scale:g}_target", noisy_fit, (1,), share=share)
            yield Stage(f"noise_{scale:g}", noisy, share=share)

    def _refit_source(self, pullback: FlowDensity, held_out: Array) -> Iterator[Stage]:
        """Fit s seen through T, both of them, to the source alone; the same loop can do it."""
        with preserved(self.flow, self.density), self._source_only():
            yield Stage("refit_source", self, rate=_REFIT_RATE)
            copy_variables(self.density, pullback.distribution)
            copy_variables(self.flow, pullback.bijector.bijector)
        nll = _nll(pullback, held_out)
        self._pullback_is_better = bool(nll < self.private_nll_source)
        if self._pullback_is_better:
            self.private_nll_source.assign(nll)

    @contextmanager
    def _source_only(self) -> Iterator[None]:
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


def _nll(density: Any, samples: Array) -> np.floating[Any]:
    return -np.mean(density.log_prob(samples).numpy())
