"""Settings inside settings: `set_params(objective__noise=...)` on frozen specs."""

from __future__ import annotations

from typing import Any, TypeVar

from sklearn.base import BaseEstimator

from lrmf_tfp._core.spec import Spec, with_params
from lrmf_tfp.alignment.recipes import as_flow_spec, as_objective_spec
from lrmf_tfp.training import FitConfig

__all__ = ["ChangesSpecs"]

Self = TypeVar("Self", bound="ChangesSpecs")

_SPECS = {
    "flow": as_flow_spec,
    "objective": as_objective_spec,
    "config": lambda config: FitConfig() if config is None else config,
}


class ChangesSpecs(BaseEstimator):
    """An estimator whose `flow`, `objective` and `config` are specs, or names of some."""

    def set_params(self: Self, **params: Any) -> Self:
        """Set parameters; `config__num_steps` or `objective__density` reach into settings.

        Specs are frozen: a changed copy takes the place of the old one. A name becomes its spec.

        Raises:
            ValueError: If there is no such parameter or setting.
        """
        own = {name: value for name, value in params.items() if "__" not in name}
        super().set_params(**own)
        for name, value in params.items():
            head, _, rest = name.partition("__")
            if not rest:
                continue
            if head not in _SPECS:
                super().set_params(**{name: value})  # which says what is wrong
                continue
            spec = _SPECS[head](getattr(self, head))
            changed = with_params(spec, {rest: value}) if isinstance(spec, Spec) else None
            if changed is None:
                raise ValueError(f"`{head}` must have settings for {name}; got {spec!r}.")
            setattr(self, head, changed)
        return self
