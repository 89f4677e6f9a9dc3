"""A fitted alignment: arrays and frames in and out, scored, saved and loaded."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lrmf_tfp._core.typing import Array, Samples
from lrmf_tfp._validation import frame_like, is_frame
from lrmf_tfp.alignment.rows import fresh_rows
from lrmf_tfp.evaluation import AlignmentScore, alignment_score
from lrmf_tfp.samples.domains import conditions_in_order_of, in_order_of
from lrmf_tfp.samples.sample import Sample
from lrmf_tfp.saved import Saved

__all__ = ["Alignment", "load"]

_LOGGER = logging.getLogger(__name__)
_FEW_ROWS = 50


class Alignment(Saved):
    """An invertible map from source to target with what is needed to score it.

    `Aligner.fit` makes one and `lrmf_tfp.load` reads one; both answer the same methods. It pickles
    and deep-copies; in a forked child of its process it says that it cannot be used there.

    Attributes:
        module: The `tf.Module` or loaded SavedModel that computes.
        metadata: Versions, settings, seed and final score, as written to
            `assets.extra/alignment.json`.
    """

    KIND: ClassVar[str] = "alignment"

    def transform(self, x: Samples, conditions: Samples | None = None) -> Any:
        """Move samples `[N, D]`, or images, of the source onto the target, in their shape.

        Args:
            x: Samples; a frame is compared with the columns of the fit and gives a frame back.
            conditions: Covariates `[N, C]`, for a fit with conditions; part of `x` if that is a
                `Sample`.

        Raises:
            ValueError: If `x` is not finite or too large for the model's dtype, or its width or
                columns are others than the fit's, or conditions are missing or not asked for.
        """
        return self._moved("transform", x, conditions)

    def inverse_transform(self, x: Samples, conditions: Samples | None = None) -> Any:
        """Move samples `[N, D]`, or images, of the target back onto the source; see `transform`.

        Raises:
            ValueError: See `transform`.
        """
        return self._moved("inverse_transform", x, conditions)

    def log_det_jacobian(self, x: Samples, conditions: Samples | None = None) -> Array:
        """Return `log|det d transform / dx|` `[N]` at samples `[N, D]` of the source.

        Raises:
            ValueError: See `transform`.
        """
        return self._evaluated("log_det_jacobian", self._sample(x, conditions))

    def target_log_prob(self, x: Samples, conditions: Samples | None = None) -> Array:
        """Return the log-density `[N]`, nats, of the target under the shared density.

        Raises:
            AttributeError: If the objective has no density.
            ValueError: See `transform`.
        """
        return self._evaluated("target_log_prob", self._sample(x, conditions))

    def score(self, source: Samples, target: Samples, *, seed: int = 0) -> AlignmentScore:
        """Return the held-out bound with its 95 % bootstrap interval and a verdict.

        Rows the fit was trained on are left out, so that the data of `fit` gives the score of
        its held-out part. Where all rows were trained on, all are used and a warning is logged.
        Weighted samples give weighted means, with the signs of weights that have some.

        Args:
            source: Samples `[N, D]` of the source, or a `Sample`.
            target: Samples `[M, D]` of the target, or a `Sample`.
            seed: Seed of the bootstrap.

        Raises:
            AttributeError: If the objective has no density.
            ValueError: See `transform`.
        """
        samples = {"source": source, "target": target}
        fresh = {
            name: self._fresh(self._sample(each, None, name=name), name)
            for name, each in samples.items()
        }
        return self.score_of(fresh["source"], fresh["target"], seed=seed)

    def score_of(self, source: Sample, target: Sample, *, seed: int = 0) -> AlignmentScore:
        """Score these very rows, whether or not they were trained on; see `score`."""
        private = {
            name: -float(np.average(values, weights=sample.weights))
            for name, sample in (("source", source), ("target", target))
            for values in (self._evaluated(f"{name}_private_log_prob", sample),)
        }
        return alignment_score(
            self._evaluated("source_log_ratio", source),
            self._evaluated("target_log_ratio", target),
            source_weights=source.weights,
            target_weights=target.weights,
            private_nll_source=private["source"],
            private_nll_target=private["target"],
            seed=seed,
        )

    def _evaluated(self, name: str, sample: Sample) -> Array:
        if not hasattr(self.module, name):
            raise AttributeError(
                f"`{name}` needs an objective with densities; got '{self.metadata['objective']}'."
            )
        values = self.call(name, *_arguments(sample))
        _check_rows(~np.isnan(values), name)
        return values

    def _moved(self, name: str, x: Samples, conditions: Samples | None) -> Any:
        sample = self._sample(x, conditions)
        moved = self.call(name, *_arguments(sample))
        _check_rows(np.asarray(np.isfinite(moved).all(axis=1)), name)
        return self._like(x, sample, moved)

    def _like(self, x: Samples, sample: Sample, moved: Array) -> Any:
        """Return moved rows in the shape, or as a frame of the kind, in which `x` came."""
        names = self.feature_names or sample.feature_names
        if names is None or not is_frame(x):
            return moved.reshape(sample.values.shape)
        return frame_like(x, moved, names)

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """Names of the columns of the fit, if it was on a frame."""
        names = self.metadata.get("feature_names")
        return None if names is None else tuple(names)

    def _sample(self, x: Samples, conditions: Samples | None, *, name: str = "x") -> Sample:
        """Return samples in the form of the fit's: shape, columns, conditions."""
        sample = Sample.of(x, conditions=conditions, name=name)
        sample = in_order_of(sample, self.feature_names, name=name)
        size = self.metadata["event_size"]
        event = tuple(self.metadata.get("event_shape", [size]))
        shape = sample.values.shape[1:]
        allowed = {event, (size,)} | ({event[:2]} if event[2:] == (1,) else set())
        if shape not in allowed:
            wanted = ", ".join(map(str, event))
            raise ValueError(
                f"`{name}` must have shape [N, {wanted}]; got {list(sample.values.shape)}."
            )
        self._check_conditions(sample)
        names = self.metadata.get("condition_names")
        return conditions_in_order_of(sample, None if names is None else tuple(names), name=name)

    def _check_conditions(self, sample: Sample) -> None:
        wanted = self.metadata.get("condition_size", 0)
        if sample.condition_size == wanted:
            return
        found = sample.condition_size or "none"
        if wanted == 0:
            raise ValueError(f"`conditions` must be left out, as in the fit; got {found} of them.")
        raise ValueError(
            f"`conditions` must have shape [N, {wanted}], as in the fit; got {found}."
        )

    def _fresh(self, sample: Sample, domain: str) -> Sample:
        if f"trained_{domain}" not in self.arrays:
            return sample
        fresh = fresh_rows(sample, self.arrays[f"trained_{domain}"])
        if len(fresh) == 0:
            _LOGGER.warning("the score of `%s` is not held out: all rows were trained on", domain)
            return sample
        if len(fresh) < min(_FEW_ROWS, 0.1 * len(sample)):
            _LOGGER.warning("the score of `%s` rests on %d rows", domain, len(fresh))
        return fresh.without_empty_rows()


def _arguments(sample: Sample) -> tuple[Array, ...]:
    """Return what the module's functions take of a sample."""
    rows = sample.rows
    if sample.conditions is None:
        return (rows,)
    return rows, sample.conditions.astype(rows.dtype, copy=False)


def load(path: str | Path) -> Alignment:
    """Read an alignment that `save` wrote.

    Args:
        path: The folder.

    Returns:
        The alignment, ready to transform and to score.

    Raises:
        ValueError: If the folder holds no alignment.
    """
    alignment = Alignment.load(path)
    rows = Path(path, "assets.extra", "trained_rows.npz")  # of a model that 0.1 wrote
    if rows.exists():
        with np.load(rows, allow_pickle=False) as stored:
            alignment.arrays |= {f"trained_{name}": stored[name] for name in stored.files}
    return alignment


def _check_rows(good: NDArray[np.bool_], name: str) -> None:
    """Raise ValueError if what a function of the model gives is no number for some row."""
    if not good.all():
        wrong = np.flatnonzero(~good)
        raise ValueError(
            f"`x` must be within what the model's numbers can hold; got {wrong.size} rows for "
            f"which `{name}` is not finite, the first is row {wrong[0]}."
        )
