"""What a critic is, whichever way it was found."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from lrmf_tfp._core.typing import Array, Samples
from lrmf_tfp.ratios.saved import SavedFunction
from lrmf_tfp.samples import Sample

__all__ = ["Critic", "DifferentiableCritic", "SavedCritic"]


@runtime_checkable
class Critic(Protocol):
    """A function that is high where the numerator is and low where the denominator is.

    All critics of this package are called as `critic(x)`, NumPy in and out.
    """

    @property
    def num_dims(self) -> int:
        """D."""

    def __call__(self, x: Samples | Sample) -> Array:
        """Return the critic `[B]` at samples `[B, D]`."""


@runtime_checkable
class DifferentiableCritic(Critic, Protocol):
    """A critic with a slope everywhere: what a generator, or a flow, would follow."""

    def gradient(self, x: Samples | Sample) -> Array:
        """Return the gradient `[B, D]` of the critic at samples `[B, D]`."""


class SavedCritic(SavedFunction):
    """Base class of critics, which can be saved, loaded, pickled and copied."""

    KIND = "critic"

    def __call__(self, x: Samples | Sample) -> Array:
        """Return the critic `[B]` at samples `[B, D]`.

        Raises:
            TypeError: If `x` is not numeric.
            ValueError: If `x` is not finite, of another width or has other columns.
        """
        return self.evaluate("value", x)
