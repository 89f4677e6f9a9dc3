"""What `fit` runs for LRMF: private fits, the joint one, private refits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from lrmf_tfp._core.typing import Array
from lrmf_tfp.densities import FlowDensity
from lrmf_tfp.objectives.base import Plan, Stage, copy_variables, preserved
from lrmf_tfp.objectives.lrmf.private import PrivateFits
from lrmf_tfp.objectives.maximum_likelihood import MaximumLikelihoodObjective
from lrmf_tfp.samples.batch import Batch
from lrmf_tfp.samples.sources import Source

if TYPE_CHECKING:
    from lrmf_tfp.objectives.lrmf.objective import LRMFObjective

__all__ = ["LRMFPlan"]

_LOSSES = ("loss", "validation_loss")
_REFIT_RATE = 0.3  # a refit starts close to its optimum, from which full steps would throw it


class LRMFPlan(Plan):
    """The stages of an `LRMFObjective`, with or without a map that is trained.

    1. `private_source`, `private_target`: the density is fitted to each domain alone.
    2. Noise, if there is any: the same problem on blurred samples, from wide to narrow.
    3. The joint stage starts from the target's fit, the start that finds the right alignment.
    4. `refit_target`, `refit_source` make sure of the constant: no private fit may be worse than
       what the joint solution says of the same samples (lemma 2.1), so each domain is fitted
       again from there, the target from s, the source from s seen through T; the better of the
       two fits on held-out samples counts.

    Stages on the density alone share one compiled loop, and so do those on the whole objective.
    """

    needs_held_out = True
    objective: LRMFObjective

    def stages(self, source: Source, held_out: tuple[Batch, ...] | None) -> Iterator[Stage]:
        """Yield the fits to run; see `Plan.stages`."""
        if held_out is None:
            raise ValueError("`validation` must be given for the constant of LRMF; got None.")
        main = self.objective
        fit = MaximumLikelihoodObjective(main.density)
        yield from PrivateFits(fit, main.density, main.private).stages(source, held_out)
        if main.noise is not None:
            with preserved(main.density):
                yield from main.noise.stages(fit, main, source)
        yield Stage(self.main_stage, main)
        with preserved(main.density):
            yield Stage("refit_target", fit, (1,), rate=_REFIT_RATE)
            main.private[1].offer(main.density, held_out[1])
        if main.pullback is not None:
            yield from self._refit_source(main.pullback, held_out[0])

    def comparable(self, result: Any) -> float:
        """Return the held-out loss without `c(A, B)`, which differs between fits."""
        return result.best_value - float(result.history["constant"][-1])

    def restated(self, history: dict[str, Array]) -> dict[str, Array]:
        """Return the history with the final `c(A, B)`, by which the losses shift."""
        shift = self._constant() - history["constant"]
        losses = {name: history[name] + shift for name in _LOSSES if name in history}
        return {**history, **losses, "constant": history["constant"] + shift}

    def _constant(self) -> float:
        return -sum(float(tf.identity(private.nll)) for private in self.objective.private)

    def _refit_source(self, pullback: FlowDensity, held_out: Batch) -> Iterator[Stage]:
        """Fit s seen through T, both of them, to the source alone; the same loop can do it."""
        main = self.objective
        with preserved(main.flow, main.density), main.source_only():
            yield Stage("refit_source", main, rate=_REFIT_RATE)
            copy_variables(main.density, pullback.distribution)
            copy_variables(main.flow, pullback.bijector.bijector)
        main.private[0].offer_pullback(held_out)
