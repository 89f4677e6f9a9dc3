"""A fitted alignment: NumPy in and out, scored, saved and loaded as a SavedModel (level 5)."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from lrmf_tfp._core.typing import Array, Samples
from lrmf_tfp._validation import as_events
from lrmf_tfp.evaluation import AlignmentScore, alignment_score
from lrmf_tfp.saved import write_model_folder

__all__ = ["Alignment", "AlignmentMethods", "load", "row_hashes"]

_LOGGER = logging.getLogger(__name__)
_ROWS_AT_ONCE = 65536
_METADATA = Path("assets.extra") / "alignment.json"
_TRAINED_ROWS = Path("assets.extra") / "trained_rows.npz"


class AlignmentMethods:
    """What a fitted `Aligner` and a loaded `Alignment` have in common."""

    def _alignment(self) -> Alignment:
        """Return the alignment to ask."""
        raise NotImplementedError

    def transform(self, x: Samples) -> Array:
        """Move samples `[N, D]`, or images, of the source onto the target, in their shape.

        Raises:
            ValueError: If `x` is not finite or has another width.
        """
        return self._alignment().call("transform", x)

    def inverse_transform(self, x: Samples) -> Array:
        """Move samples `[N, D]`, or images, of the target back onto the source, in their shape.

        Raises:
            ValueError: If `x` is not finite or has another width.
        """
        return self._alignment().call("inverse_transform", x)

    def log_det_jacobian(self, x: Samples) -> Array:
        """Return `log|det d transform / dx|` `[N]` at samples `[N, D]` of the source.

        Raises:
            ValueError: If `x` is not finite or has another width.
        """
        return self._alignment().call("log_det_jacobian", x)

    def target_log_prob(self, x: Samples) -> Array:
        """Return the log-density `[N]`, nats, of the target under the shared density.

        Raises:
            AttributeError: If the objective has no density.
            ValueError: If `x` is not finite or has another width.
        """
        return self._alignment().call("target_log_prob", x)

    def score(self, source: Samples, target: Samples, *, seed: int = 0) -> AlignmentScore:
        """Return the held-out bound with its 95 % bootstrap interval and a verdict.

        Rows the fit was trained on are left out, so that the data of `fit` gives the score of
        its held-out part. Where all rows were trained on, all are used and a warning is logged.

        Args:
            source: Samples `[N, D]` of the source.
            target: Samples `[M, D]` of the target.
            seed: Seed of the bootstrap.

        Raises:
            AttributeError: If the objective has no density.
            ValueError: If the samples are not finite or have another width.
        """
        return self._alignment().held_out_score(source, target, seed=seed)

    def save(self, path: str | Path) -> None:
        """Write a SavedModel folder that plain TensorFlow loads.

        Args:
            path: A new or empty folder, or an earlier alignment, which is replaced at the end.

        Raises:
            ValueError: If `path` holds something else or cannot be written.
        """
        self._alignment().write(Path(path))


class Alignment(AlignmentMethods):
    """An invertible map from source to target with what is needed to score it.

    `Aligner.fit` makes one and `lrmf_tfp.load` reads one; both answer the same methods.

    Attributes:
        module: The `tf.Module` or loaded SavedModel that computes.
        metadata: Versions, settings, seed and final score, as written to
            `assets.extra/alignment.json`.
    """

    def __init__(
        self, module: Any, metadata: dict[str, Any], *, trained_rows: dict[str, Array]
    ) -> None:
        self.module = module
        self.metadata = metadata
        self._trained_rows = trained_rows

    def _alignment(self) -> Alignment:
        return self

    def call(self, name: str, x: Samples) -> Array:
        """Evaluate a function of the module on samples, in blocks of rows.

        Args:
            name: The function's name.
            x: Samples `[N, D]`. Where the fit was on images `[N, H, W, C]`, `[N, H, W]` if they
                are gray, or their rows `[N, D]`.

        Returns:
            One number a row, or samples in the shape of `x`.

        Raises:
            AttributeError: If the objective has no densities and the function needs them.
            ValueError: If `x` is not finite or has another shape.
        """
        samples, shape = self._rows(x, "x")
        size = samples.shape[1]
        function = getattr(self.module, name, None)
        if function is None:
            raise AttributeError(
                f"`{name}` needs an objective with densities; got '{self.metadata['objective']}'."
            )
        spec = tf.TensorSpec([None, size], samples.dtype, "x")  # one trace for any number of rows
        evaluate = function.get_concrete_function(spec)
        parts = [
            evaluate(tf.constant(samples[start : start + _ROWS_AT_ONCE])).numpy()
            for start in range(0, len(samples), _ROWS_AT_ONCE)
        ]
        result = np.concatenate(parts)
        return result.reshape(-1, *shape) if result.ndim == 2 else result

    def _rows(self, x: Samples, name: str) -> tuple[Array, tuple[int, ...]]:
        """Return samples as rows `[N, D]` and the shape of one as it came."""
        rows, shape = as_events(x, name)
        size = self.metadata["event_size"]
        event = tuple(self.metadata.get("event_shape", [size]))
        allowed = {event, (size,)} | ({event[:2]} if event[2:] == (1,) else set())
        if shape not in allowed:
            wanted = ", ".join(map(str, event))
            found = [len(rows), *shape]
            raise ValueError(f"`{name}` must have shape [N, {wanted}]; got {found}.")
        return rows, shape

    def held_out_score(self, source: Samples, target: Samples, *, seed: int) -> AlignmentScore:
        """Score the rows that the fit was not trained on; see `score`."""
        source = self._held_out(self._rows(source, "source")[0], "source")
        target = self._held_out(self._rows(target, "target")[0], "target")
        return alignment_score(
            self.call("source_log_ratio", source),
            self.call("target_log_ratio", target),
            private_nll_source=-self.call("source_private_log_prob", source).mean(),
            private_nll_target=-self.call("target_private_log_prob", target).mean(),
            seed=seed,
        )

    def write(self, path: Path) -> None:
        """Write the folder beside `path` first, then put it in place; see `save`."""
        write_model_folder(path, self._write, mark=_METADATA, kind="alignment")

    def _write(self, folder: Path) -> None:
        if hasattr(self.module, "serving_signatures"):
            signatures = self.module.serving_signatures()
        else:
            signatures = self.module.signatures
        tf.saved_model.save(self.module, str(folder), signatures=signatures)
        (folder / _METADATA).parent.mkdir(exist_ok=True)
        text = json.dumps(self.metadata, indent=2, allow_nan=False)
        (folder / _METADATA).write_text(text + "\n", encoding="utf-8")
        arrays: dict[str, Any] = dict(self._trained_rows)
        np.savez(folder / _TRAINED_ROWS, **arrays)

    def _held_out(self, samples: Array, domain: str) -> Array:
        fresh = samples[~np.isin(row_hashes(samples), self._trained_rows[domain])]
        if len(fresh) == 0:
            _LOGGER.warning("the score of `%s` is not held out: all rows were trained on", domain)
            return samples
        return fresh


def row_hashes(samples: Array) -> Array:
    """Return a 64-bit hash `[N]` of each row of samples `[N, D]`, the same for float32 copies."""
    bits = np.ascontiguousarray(samples, np.float64) + 0.0
    words = bits.view(np.uint64)
    odd = np.random.default_rng(0).integers(1, 2**63, size=words.shape[1], dtype=np.uint64) * 2 + 1
    mixed = (words ^ (words >> np.uint64(29))) * odd
    return np.bitwise_xor.reduce(mixed ^ (mixed >> np.uint64(32)), axis=1)


def load(path: str | Path) -> Alignment:
    """Read an alignment that `save` wrote.

    Args:
        path: The folder.

    Returns:
        The alignment, ready to transform and to score.

    Raises:
        ValueError: If the folder holds no alignment.
    """
    path = Path(path)
    if not (path / "saved_model.pb").exists() or not (path / _METADATA).exists():
        raise ValueError(f"`path` must be a folder written by `save`; got {path}.")
    metadata = json.loads((path / _METADATA).read_text(encoding="utf-8"))
    with np.load(path / _TRAINED_ROWS) as rows:
        trained_rows = {name: rows[name] for name in rows.files}
    return Alignment(tf.saved_model.load(str(path)), metadata, trained_rows=trained_rows)
