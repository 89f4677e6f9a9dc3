"""Specs of objectives: what is asked for, before there are samples to build it for.

A spec builds its objective from `Parts`: flows and densities for the samples at hand, which it
asks for and does not import.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import tensorflow as tf
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

from lrmf_tfp._core.spec import Spec
from lrmf_tfp.objectives.base import Objective

if TYPE_CHECKING:
    from lrmf_tfp.objectives.lrmf.objective import LRMFObjective

__all__ = ["ObjectiveSpec", "Parts"]


class Parts(Protocol):
    """What an objective is built of, for samples of one shape, dtype and seed."""

    @property
    def event_size(self) -> int:
        """D, the number of dimensions of one event."""

    @property
    def dtype(self) -> tf.DType:
        """Type of the numbers."""

    @property
    def seed(self) -> int:
        """Seed of the variables."""

    def flow(self) -> tfb.Bijector:
        """Return a new flow from source to target."""

    def noise_density(self) -> tfd.Distribution:
        """Return a new density of standard normal noise pushed through a flow of the kind."""

    def density(self, family: Any) -> tfd.Distribution:
        """Return a new density of a family: a spec, a name or a function that makes it."""


@dataclass(frozen=True)
class ObjectiveSpec(Spec):
    """Base class: what is minimised, with its settings; `build` makes it."""

    def build(self, parts: Parts) -> Objective:
        """Return a new objective, with everything that it trains."""
        raise NotImplementedError

    def build_bound(self, parts: Parts, flow: tfb.Bijector) -> LRMFObjective | None:
        """Return what scores a map that the objective trained; None where it is not scored."""
        raise NotImplementedError
