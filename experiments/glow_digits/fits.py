"""The fits: one density and one map, compiled once, used for every method.

The density is fitted by maximum likelihood to the source, to the target, to a moved source and
to mixtures; the map is fitted with it by LRMF. What is kept of a fit are log-densities and moved
images, so that the same weights can serve the next one.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

import lrmf_tfp as lt
from experiments.glow_digits.config import Config
from experiments.glow_digits.data import Digits
from experiments.glow_digits.models import fit_config, glow, glow_density
from experiments.glow_digits.parts import Moved, Outcome, PrivateFits, Stage, in_parts, moved_by

__all__ = ["Bench"]

Array = NDArray[np.floating[Any]]

_REFIT_RATE = 0.3


class Bench:
    """One density and one map on which all fits are made.

    Attributes:
        density: The density.
        flow: The map, a Glow flow.
        private: The best private fits so far.
    """

    def __init__(self, digits: Digits, config: Config) -> None:
        self.digits = digits
        self.config = config
        self.density = glow_density(config, seed=config.seed)
        self.flow = glow(config, seed=config.seed + 1000)
        self.private = PrivateFits()
        self._density_start = _values(self.density)
        self._flow_start = _values(self.flow)
        likelihood = lt.objectives.MaximumLikelihoodObjective(self.density)
        self._likelihood = lt.training.Trainer(likelihood, fit_config(config))
        self._joint = lt.training.Trainer(self._objective(self.flow), fit_config(config))

    def fit_private(self) -> None:
        """Fit the density to each domain alone, each pass at half the rate of the one before."""
        for domain, (train, stop, score) in enumerate(
            zip(self.digits.train, self.digits.stop, self.digits.score, strict=True)
        ):
            _assign(self._density_start, self.density)
            lt.densities.moment_start(self.density, train)
            before = np.inf
            for index in range(self.config.max_passes):
                self._likelihood.fit(
                    (train,), validation=(stop,), rate=0.5**index, seed=self.config.seed
                )
                nll = -float(np.mean(self.log_prob(stop)))
                self.private.last_gain[domain] = before - nll
                before = nll
            values = _values(self.density)
            self.private.values[domain] = values
            self.private.offer(domain, stop=self.log_prob(stop), score=self.log_prob(score))
        self.private.first = list(self.private.nll)

    def score_map(self, title: str, given: Moved, *, num_passes: int = 1) -> Outcome:
        """Fit the shared density to what a map that stays as it is makes of the source.

        Args:
            title: what the map is called in pictures.
            given: the map.
            num_passes: passes, each at half the rate of the one before.
        """
        began = time.monotonic()
        moved = given.forward(self.digits.source.train)[0]
        moved_stop = given.forward(self.digits.source.stop)[0]
        _assign(self.private.values[1], self.density)
        train = _mixed(moved, self.digits.target.train)
        stop = _mixed(moved_stop, self.digits.target.stop)
        for index in range(num_passes):
            self._likelihood.fit(
                (train,), validation=(stop,), rate=0.5**index, seed=self.config.seed
            )
        return self._outcome(title, given, began=began)

    def align(
        self,
        title: str,
        *,
        stages: Sequence[Stage] = (Stage(),),
        before: Moved | None = None,
        optimizer: Any = None,
        flow: Any = None,
        seed: int | None = None,
        go_on: bool = False,
        refit: bool = False,
    ) -> Outcome:
        """Fit a map and the shared density by LRMF, from the target's private fit.

        Args:
            title: what the method is called in pictures.
            stages: the passes.
            before: a map that the source goes through first and that stays as it is.
            optimizer: Adam by default; another one is compiled anew.
            flow: the map; a Glow flow that starts at the identity by default.
            seed: seed of the flow's start and of the noise.
            go_on: start from the weights of the fit before, with a Glow flow by Adam.
            refit: try to better the private fits from there.
        """
        began, noise = time.monotonic(), np.random.default_rng([seed or 0, 6])
        trainer = self._joint if go_on else self._trainer(flow, optimizer, seed=seed)
        train, _ = _through(before, self.digits.train)
        stop, volume = _through(before, self.digits.stop)
        trainer.objective.private_nll_source.assign(self.private.nll[0] + volume)
        trainer.objective.private_nll_target.assign(self.private.nll[1])
        start = trainer.validation_loss(stop)
        given = moved_by(flow or self.flow)
        constant, histories = -sum(self.private.nll), []
        for stage in stages:
            rows = tuple(_noisy(part, stage.noise, noise) for part in train)
            held_out = tuple(_noisy(part, stage.noise, noise) for part in stop)
            result = trainer.fit(rows, validation=held_out, rate=stage.rate, seed=self.config.seed)
            histories.append(result.history)
        whole = given if before is None else before.then(given)
        outcome = self._outcome(title, whole, began=began)
        outcome.history = _joined(histories)
        outcome.history["constant"] = np.full(len(outcome.history["loss"]), constant)
        outcome.start = start - constant
        outcome.steps = int(outcome.history["step"][-1])
        if refit:
            self._refit(whole)
        return outcome

    def back_to_back(self) -> Any:
        """Return the flow from source to noise and on to the target, of the private fits."""
        flows = []
        for values in self.private.values:
            density = glow_density(self.config, seed=0)
            _assign(values, density)
            flows.append(density.bijector)
        return lt.flows.back_to_back_flow(*flows)

    def mixture_score(self, *, seed: int = 0) -> lt.AlignmentScore:
        """Return the score of moving nothing under the even mixture of the two private fits.

        It is twice the Jensen-Shannon divergence of the two, `2 log 2` at most.
        """
        log_prob = []
        for values in self.private.values:
            _assign(values, self.density)
            log_prob.append([self.log_prob(rows) for rows in self.digits.score])
        own = (log_prob[0][0], log_prob[1][1])
        shared = [np.logaddexp(*pair) - np.log(2.0) for pair in zip(*log_prob, strict=True)]
        return lt.evaluation.alignment_score(
            own[0] - shared[0],
            own[1] - shared[1],
            private_nll_source=-float(own[0].mean()),
            private_nll_target=-float(own[1].mean()),
            seed=seed,
        )

    def log_prob(self, rows: Array) -> Array:
        """Return log-densities `[N]` in float64, whose means keep their digits."""
        found = [self.density.log_prob(part).numpy() for part in in_parts(rows)]
        return np.concatenate(found).astype(np.float64)

    def _objective(self, flow: Any) -> Any:
        return lt.objectives.LRMFObjective(
            flow, self.density, private_source=self.density, private_target=self.density
        )

    def _trainer(self, flow: Any, optimizer: Any, *, seed: int | None) -> Any:
        """Return the compiled loop, with the density and the map at their starts."""
        trainer = self._joint
        _assign(self.private.values[1], self.density)
        if flow is None:
            start = self._flow_start if seed is None else _values(glow(self.config, seed=seed))
            _assign(start, self.flow)
        if flow is not None or optimizer is not None:
            objective = self._objective(flow or self.flow)
            trainer = lt.training.Trainer(objective, fit_config(self.config, optimizer=optimizer))
        return trainer

    def _outcome(self, title: str, given: Moved, *, began: float) -> Outcome:
        moved, log_det = given.forward(self.digits.source.score)
        return Outcome(
            title=title,
            source_shared=self.log_prob(moved) + log_det,
            target_shared=self.log_prob(self.digits.target.score),
            moved=given.forward(self.digits.source_test.rows)[0],
            back=given.inverse(self.digits.target_test.rows),
            moved_score=moved,
            seconds=time.monotonic() - began,
        )

    def _refit(self, given: Moved) -> None:
        """Offer private fits that begin at the shared density, which no private one may lose to.

        The source's is the density of the moved source, seen through the map.
        """
        shared = _values(self.density)
        moved = [given.forward(rows) for rows in self.digits.source[:3]]
        self._likelihood.fit(
            (moved[0][0],), validation=(moved[1][0],), rate=_REFIT_RATE, seed=self.config.seed
        )
        stop, score = (self.log_prob(rows) + log_det for rows, log_det in moved[1:])
        self.private.offer(0, stop=stop, score=score)
        _assign(shared, self.density)
        target = self.digits.target
        self._likelihood.fit(
            (target.train,), validation=(target.stop,), rate=_REFIT_RATE, seed=self.config.seed
        )
        stop, score = (self.log_prob(rows) for rows in target[1:])
        self.private.offer(1, stop=stop, score=score)
        _assign(shared, self.density)


def _values(module: Any) -> list[Array]:
    return [np.array(variable.numpy()) for variable in module.variables]


def _assign(values: Sequence[Array], module: Any) -> None:
    lt.objectives.copy_variables(values, module)


def _mixed(first: Array, second: Array) -> Array:
    """Return as many rows of each, the shorter one repeated."""
    number = max(len(first), len(second))
    return np.concatenate([np.resize(rows, (number, rows.shape[1])) for rows in (first, second)])


def _through(before: Moved | None, rows: tuple[Array, Array]) -> tuple[tuple[Array, Array], float]:
    """Return the rows of both domains, the source's moved, and the mean log-det of the move."""
    if before is None:
        return rows, 0.0
    moved, log_det = before.forward(rows[0])
    return (moved, rows[1]), float(log_det.mean())


def _noisy(rows: Array, scale: float, rng: np.random.Generator) -> Array:
    if scale == 0.0:
        return rows
    return rows + np.float32(scale) * rng.standard_normal(rows.shape, np.float32)


def _joined(histories: Sequence[dict[str, Array]]) -> dict[str, Array]:
    """Return the histories of passes as one, with steps counted through."""
    joined = {name: np.concatenate([part[name] for part in histories]) for name in histories[0]}
    offsets = np.cumsum([0, *(part["step"][-1] for part in histories[:-1])])
    steps = [part["step"] + offset for part, offset in zip(histories, offsets, strict=True)]
    return joined | {"step": np.concatenate(steps)}
