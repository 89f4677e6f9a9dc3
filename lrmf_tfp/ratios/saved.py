"""Ratios and critics outside the estimator that found them: saved, loaded, pickled."""

from __future__ import annotations

from typing import Any

import numpy as np

from lrmf_tfp import __version__
from lrmf_tfp._core.typing import Array, Samples
from lrmf_tfp.ratios._rows import Pair, as_points, quiet
from lrmf_tfp.samples import Sample
from lrmf_tfp.saved import Saved

__all__ = ["SavedFunction", "SavedRatio", "described_pair"]


class SavedFunction(Saved):
    """A function of samples with what is known of the samples that it was found from.

    Attributes:
        metadata: Versions, settings and results, as written to `assets.extra/KIND.json`.
    """

    @property
    def num_dims(self) -> int:
        """D of the fit."""
        return int(self.metadata["num_dims"])

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """Names of the columns `[D]`, if the samples of the fit were frames."""
        names = self.metadata["feature_names"]
        return None if names is None else tuple(names)

    def evaluate(self, name: str, x: Samples | Sample) -> Array:
        """Return what a function of the module says of samples `[B, D]`, in the fit's dtype.

        Raises:
            TypeError: If `x` is not numeric.
            ValueError: If `x` is not finite, of another width or has other columns.
        """
        points = as_points(x, num_dims=self.num_dims, names=self.feature_names)
        return self.call(name, points).astype(self.metadata["dtype"], copy=False)


class SavedRatio(SavedFunction):
    """A fitted density ratio `p / q` as a function, which `save` writes and `load` reads.

    Attributes:
        metadata: Versions, settings and estimates, as written to `assets.extra/ratio.json`.
    """

    KIND = "ratio"

    def log_ratio(self, x: Samples | Sample) -> Array:
        """Return the estimate of `log(p(x) / q(x))` `[B]`, nats, at samples `[B, D]`.

        Raises:
            TypeError: If `x` is not numeric.
            ValueError: If `x` is not finite, of another width or has other columns.
        """
        return self.evaluate("log_ratio", x)

    @quiet
    def ratio(self, x: Samples | Sample) -> Array:
        """Return the estimate of `p(x) / q(x)` `[B]`; errors as `log_ratio`."""
        return np.exp(self.log_ratio(x))


@quiet
def described_pair(pair: Pair, made_by: str) -> dict[str, Any]:
    """Return what metadata say of the samples of a fit, and of what it was fitted by."""
    return {
        "made_by": made_by,
        "lrmf_tfp": __version__,
        "num_dims": pair.num_dims,
        "feature_names": None if pair.feature_names is None else list(pair.feature_names),
        "dtype": pair.dtype.name,
        "num_rows": [len(sample) for sample in pair],
        "num_effective": [sample.num_effective for sample in pair],
    }
