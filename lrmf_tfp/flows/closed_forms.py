"""Specs of the linear maps that are computed from the samples."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from lrmf_tfp.flows.base import Flow
from lrmf_tfp.flows.linear import coral_flow, gaussian_ot_flow, mean_variance_flow
from lrmf_tfp.flows.spec import ClosedForm
from lrmf_tfp.samples.sample import Sample

__all__ = ["Coral", "GaussianOT", "MeanVariance"]


@dataclass(frozen=True, kw_only=True)
class MeanVariance(ClosedForm):
    """The map that matches mean and standard deviation per axis; see `mean_variance_flow`."""

    def solve(self, source: Sample, target: Sample, *, dtype: tf.DType) -> Flow:
        """Return the map of weighted samples."""
        return mean_variance_flow(source, target, dtype=dtype)


@dataclass(frozen=True, kw_only=True)
class Coral(ClosedForm):
    """Correlation alignment; see `coral_flow`."""

    ridge: float = 1e-6

    def solve(self, source: Sample, target: Sample, *, dtype: tf.DType) -> Flow:
        """Return the map of weighted samples."""
        return coral_flow(source, target, ridge=self.ridge, dtype=dtype)


@dataclass(frozen=True, kw_only=True)
class GaussianOT(ClosedForm):
    """Optimal transport between the Gaussians of both domains; see `gaussian_ot_flow`."""

    ridge: float = 1e-6

    def solve(self, source: Sample, target: Sample, *, dtype: tf.DType) -> Flow:
        """Return the map of weighted samples."""
        return gaussian_ot_flow(source, target, ridge=self.ridge, dtype=dtype)
