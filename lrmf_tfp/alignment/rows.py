"""What one call of `Aligner.fit` works with: the rows, and how objectives are fitted (level 6)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np

from lrmf_tfp._core.typing import Array, Samples
from lrmf_tfp._validation import as_events, check_varies
from lrmf_tfp.alignment.fitted import row_hashes
from lrmf_tfp.alignment.module import Standardizer
from lrmf_tfp.flows import FixedAffineLayer, Flow
from lrmf_tfp.flows.ffjord import use_exact_traces
from lrmf_tfp.names import IMAGE_FLOW_NAMES
from lrmf_tfp.objectives import Objective
from lrmf_tfp.training import Callback, FitConfig, FitResult, fit_stages

__all__ = ["MIN_ROWS", "NEAR_RATIO", "NEAR_SHIFT", "Run", "STARTS", "Split", "as_domains"]

MIN_ROWS = 10
"""Fewest rows of a domain that `fit` accepts."""

STARTS = ("auto", "identity", "moments")
"""Where the map starts: see `Aligner`."""

NEAR_SHIFT, NEAR_RATIO = 1.0, 2.0
"""What `start="auto"` calls near: means within so many target scales, scales within this ratio."""


def as_domains(
    source: Samples, target: Samples, *, families: Sequence[Any] = ()
) -> tuple[Array, Array, tuple[int, ...]]:
    """Return both domains as rows `[N, D]`, `[M, D]` and their event shape, all checked.

    Args:
        source: Samples `[N, D]` or images `[N, H, W]` or `[N, H, W, C]`.
        target: Samples of the same kind.
        families: What flow and densities are asked for, of which some need images.

    Returns:
        `source` and `target` as rows, and `(D,)` or `(H, W, C)`.

    Raises:
        ValueError: If a rule of samples is broken, the shapes differ, a column or a channel
            does not vary, or images are needed.
    """
    first, shape = as_events(source, "source", min_rows=MIN_ROWS)
    second, other = as_events(target, "target", min_rows=MIN_ROWS)
    if _event_shape(other) != _event_shape(shape):
        wanted = ", ".join(map(str, shape))
        raise ValueError(
            f"`target` must have shape [M, {wanted}] to match `source`; "
            f"got {[len(second), *other]}."
        )
    needs_images = [name for name in families if name in IMAGE_FLOW_NAMES]
    if needs_images and len(shape) == 1:
        raise ValueError(
            f"`source` must have shape [N, H, W] or [N, H, W, C] for {needs_images[0]!r}; "
            f"got {[len(first), *shape]}."
        )
    shape = _event_shape(shape)
    for name, rows in (("source", first), ("target", second)):
        if len(shape) == 1:
            check_varies(rows, name)
        else:
            check_varies(rows.reshape(-1, shape[2]), name, unit="channel")
    return first, second, shape


def _event_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return `(H, W, 1)` for gray images `(H, W)`, other shapes as they are."""
    return (*shape, 1) if len(shape) == 2 else shape


class Split:
    """Rows of both domains, some for training and some held out, standardised for the model.

    Attributes:
        event_shape: `(D,)`, or `(H, W, C)` of images, which are rows here too.
        start: Where the map starts, "identity" or "moments".
        moments: The standardisers of source and target.
        train: Training rows of each domain, standardised.
        held_out: Held-out rows of each domain, standardised.
        raw_train: Training rows of each domain as they came.
        raw_held_out: Held-out rows of each domain as they came.
        trained_rows: Hashes of the training rows by domain.
    """

    def __init__(
        self,
        source: Array,
        target: Array,
        *,
        event_shape: tuple[int, ...],
        start: str,
        validation_fraction: float,
        dtype: str,
        seed: int,
    ) -> None:
        rng = np.random.default_rng(seed)
        self.event_shape = event_shape
        source_moments, target_moments = (
            Standardizer.of(samples, event_shape) for samples in (source, target)
        )
        if start == "auto":
            start = "identity" if _near(source_moments, target_moments) else "moments"
        if start == "identity":
            source_moments = target_moments
        self.start = start
        self.moments = (source_moments, target_moments)
        self.train: tuple[Array, ...] = ()
        self.held_out: tuple[Array, ...] = ()
        self.raw_train: tuple[Array, ...] = ()
        self.raw_held_out: tuple[Array, ...] = ()
        self.trained_rows = {}
        names = ("source", "target")
        for name, samples, moments in zip(names, (source, target), self.moments, strict=True):
            order = rng.permutation(len(samples))
            num_held_out = max(2, round(validation_fraction * len(samples)))
            rows = moments.apply(samples, dtype)
            trained = samples[order[num_held_out:]]
            self.held_out += (rows[order[:num_held_out]],)
            self.train += (rows[order[num_held_out:]],)
            self.raw_train += (trained,)
            self.raw_held_out += (samples[order[:num_held_out]],)
            self.trained_rows[name] = np.unique(row_hashes(trained))

    def linear_flow(self, build: Callable[..., Flow], *, dtype: Any) -> Flow:
        """Return a closed-form flow of the training rows, between standardised samples.

        It is computed in the user's coordinates, because CORAL and optimal transport depend on
        the units.
        """
        flow = build(*self.raw_train, dtype=dtype)
        layer = cast(FixedAffineLayer, flow.layers[0])
        source, target = self.moments
        standardized = layer.between(
            source_loc=source.loc,
            source_scale=source.scale,
            target_loc=target.loc,
            target_scale=target.scale,
        )
        return standardized.as_flow(name=flow.name)


def _near(source: Standardizer, target: Standardizer) -> bool:
    shift = np.abs(source.loc - target.loc) / target.scale
    ratio = np.maximum(source.scale / target.scale, target.scale / source.scale)
    return bool(np.all(shift <= NEAR_SHIFT) and np.all(ratio <= NEAR_RATIO))


class Run(NamedTuple):
    """What every restart of one call of `fit` has in common."""

    split: Split
    callbacks: Sequence[Callback]
    resume: bool
    strategy: Any | None

    def build(self, make: Callable[[], Objective]) -> Objective:
        """Return the objective that `make` makes, in the strategy's scope."""
        with self.strategy.scope() if self.strategy else nullcontext():
            return make()

    def fit(
        self, objective: Objective, config: FitConfig, *, checkpoint_dir: Path | None
    ) -> dict[str, FitResult]:
        """Fit every stage of an objective and return the results by stage.

        Estimated log-dets of continuous flows are exact from then on.
        """
        results = fit_stages(
            objective,
            self.split.train,
            self.split.held_out,
            config,
            callbacks=self.callbacks,
            checkpoint_dir=checkpoint_dir,
            resume=self.resume,
            strategy=self.strategy,
        )
        use_exact_traces(objective)
        return results
