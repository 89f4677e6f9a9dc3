"""One restart of a fit: what is trained from one seed, and what comes of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from tensorflow_probability import bijectors as tfb

from lrmf_tfp._core.typing import Array
from lrmf_tfp.alignment.fitted import Alignment
from lrmf_tfp.alignment.module import AlignmentModule
from lrmf_tfp.alignment.recipes import Recipe
from lrmf_tfp.alignment.rows import Rows
from lrmf_tfp.evaluation import AlignmentScore, alignment_score
from lrmf_tfp.flows.ffjord import use_exact_traces
from lrmf_tfp.objectives import ObjectiveSpec, Plan, Scorable
from lrmf_tfp.objectives.lrmf.private import by_blocks, held_out_nll
from lrmf_tfp.training import Distribution, FitResult

__all__ = ["Attempt"]


class Attempt:
    """The plans of one restart, run from outside, and the fitted alignment at their end.

    Attributes:
        results: The result of each plan by name: `"."` the objective's, `"score"` the bound's.
        value: Held-out loss of the map, comparable between restarts.
        score: The score on the held-out rows, if there is one.
        alignment: The map, from the time when training begins.
        history: The main stage's record.
        main_stage: Its name.
    """

    def __init__(
        self,
        recipe: Recipe,
        spec: ObjectiveSpec | None,
        rows: Rows,
        metadata: Mapping[str, Any],
    ) -> None:
        self._recipe = recipe
        self._spec = spec
        self._rows = rows
        self._metadata = metadata
        self.results: dict[str, FitResult] = {}
        self.value = math.inf
        self.score: AlignmentScore | None = None
        self.history: dict[str, Array] = {}
        self.main_stage = ""

    def plans(self, distribution: Distribution) -> Iterator[tuple[str, Plan]]:
        """Yield name and plan of what is to be fitted; results go into `results` in between.

        Estimated log-dets of continuous flows are exact once a plan has been run.
        """
        if self._spec is None:
            self._finish(None, self._recipe.flow())
            return
        with distribution.scope():
            objective: Any = self._recipe.objective(self._spec)
        scorable = objective if isinstance(objective, Scorable) else None
        self.alignment = self._aligned(scorable, objective.flow)
        plan = objective.plan()
        yield ".", plan
        use_exact_traces(objective)
        result = self.results["."]
        self.value, self.main_stage = plan.comparable(result), plan.main_stage
        self.history = plan.restated(result.history)
        if scorable is not None:
            self._finish(scorable, objective.flow)
            return
        with distribution.scope():
            bound = self._recipe.bound(self._spec, objective.flow)
        if bound is not None:
            yield "score", bound.plan()
        self._finish(bound, objective.flow)

    def stages(self) -> dict[str, FitResult]:
        """Return the result of each stage by name."""
        stages = dict(self.results["."].stages) if "." in self.results else {}
        if "score" in self.results:
            inner = self.results["score"].stages
            stages |= {f"score_{name}": result for name, result in inner.items()}
        return stages

    def _finish(self, objective: Scorable | None, flow: tfb.Bijector) -> None:
        self.alignment = self._aligned(objective, flow)
        trained = self._rows.recognizable()
        self.alignment.arrays = {f"trained_{name}": each for name, each in trained.items()}
        if objective is not None:
            self.score = self._score(objective)
            self.alignment.metadata["score"] = self.score._asdict()

    def _score(self, objective: Scorable) -> AlignmentScore:
        """Score the very rows that were held out; no function is traced for it."""
        source, target = self._rows.held_out
        standards, weights = self._rows.standards, self._rows.held_out_weights
        laws = (objective.private_source, objective.private_target)
        private = [
            held_out_nll(law, rows) + float(np.sum(np.log(moments.scale)))
            for law, rows, moments in zip(laws, (source, target), standards[:2], strict=True)
        ]
        return alignment_score(
            by_blocks(objective.source_log_ratio, source),
            by_blocks(objective.target_log_ratio, target),
            source_weights=weights[0],
            target_weights=weights[1],
            private_nll_source=private[0],
            private_nll_target=private[1],
        )

    def _aligned(self, objective: Scorable | None, flow: tfb.Bijector) -> Alignment:
        dtype = self._recipe.dtype
        module = AlignmentModule(objective, flow, self._rows.standards, dtype=dtype)
        return Alignment(module, dict(self._metadata))
