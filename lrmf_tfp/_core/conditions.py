"""What depends on conditions, and how it is bound to them."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from tensorflow_probability import bijectors as tfb

from lrmf_tfp._core.log_det import INVERTED
from lrmf_tfp._core.typing import Tensor

__all__ = ["Conditional", "condition_size_of", "given"]


@runtime_checkable
class Conditional(Protocol):
    """A bijector or a density with one law for each condition."""

    @property
    def condition_size(self) -> int:
        """Number of covariates; 0 if it depends on none after all."""

    def given(self, condition: Any) -> Any:
        """Return the law for a condition, or for one a row; it shares the variables."""


def condition_size_of(law: Any) -> int:
    """Return how many covariates a bijector or a density depends on; 0 for plain ones."""
    if isinstance(law, INVERTED):
        return condition_size_of(law.bijector)
    return law.condition_size if isinstance(law, Conditional) else 0


def given(law: Any, conditions: Tensor | None) -> Any:
    """Return a bijector or a density bound to conditions `[N, C]`; as it is if there are none.

    Raises:
        ValueError: If it depends on no conditions.
    """
    if conditions is None:
        return law
    if isinstance(law, INVERTED):
        return tfb.Invert(given(law.bijector, conditions))
    if condition_size_of(law) == 0:
        raise ValueError(
            "`conditions` must be left out for what depends on none; "
            f"got some for a {type(law).__name__}."
        )
    return law.given(conditions)
