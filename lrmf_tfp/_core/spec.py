"""`Spec`: what is asked for, before it is built.

A spec is a frozen dataclass: printable, comparable, picklable, and open to scikit-learn's
`get_params`, `clone` and grids (`objective__noise`). It holds settings and no variables; building
makes a new object each time, so that fitting never changes a parameter.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeVar

import numpy as np

__all__ = ["Spec", "described", "plain", "with_params"]

S = TypeVar("S", bound="Spec")


@dataclass(frozen=True)
class Spec:
    """Base class of frozen settings; NumPy scalars become Python's when one is made."""

    def __init_subclass__(cls, **options: Any) -> None:
        """Give each class the brief repr, which the decorator then leaves alone."""
        super().__init_subclass__(**options)
        cls.__repr__ = Spec.__repr__  # type: ignore[method-assign]

    def __repr__(self) -> str:
        """Return the call that makes it, with the settings that are not the default."""
        shown = [
            f"{field.name}={getattr(self, field.name)!r}"
            for field in fields(self)
            if getattr(self, field.name) != field.default
        ]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __post_init__(self) -> None:
        """Turn NumPy values into plain ones; a subclass checks after that."""
        for field in fields(self):
            object.__setattr__(self, field.name, plain(getattr(self, field.name)))

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: FBT001, FBT002 (theirs)
        """Return the settings by name, those of settings inside as `outer__inner`."""
        params = {field.name: getattr(self, field.name) for field in fields(self)}
        if deep:
            for name, value in list(params.items()):
                if isinstance(value, Spec):
                    inner = value.get_params(deep=True)
                    params |= {f"{name}__{key}": each for key, each in inner.items()}
        return params

    def with_params(self: S, **changes: Any) -> S:
        """Return a copy with other settings; `outer__inner` reaches into settings inside.

        Raises:
            ValueError: If there is no such setting.
        """
        return with_params(self, changes)

    def to_json(self) -> dict[str, Any]:
        """Return the settings as plain, JSON-ready values, with the name of the class."""
        return described(self)


def with_params(spec: S, changes: Mapping[str, Any]) -> S:
    """Return a spec with some settings changed; see `Spec.with_params`."""
    own: dict[str, Any] = {}
    inner: dict[str, dict[str, Any]] = {}
    known = [field.name for field in fields(spec)]
    for name, value in changes.items():
        head, _, rest = name.partition("__")
        if head not in known:
            raise ValueError(
                f"`{head}` must be a setting of {type(spec).__name__}, one of "
                f"{', '.join(known) or 'none'}; got {value!r} for it."
            )
        if rest:
            inner.setdefault(head, {})[rest] = value
        else:
            own[head] = value
    for head, nested in inner.items():
        value = own.get(head, getattr(spec, head))
        if not isinstance(value, Spec):
            listed = ", ".join(nested)
            raise ValueError(f"`{head}` must have settings for {listed}; got {value!r}.")  # noqa: TRY004
        own[head] = with_params(value, nested)
    return replace(spec, **own)


def plain(value: Any) -> Any:
    """Return NumPy scalars as Python's, arrays and lists as tuples, anything else as it is."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (np.ndarray, list)):
        return tuple(plain(each) for each in value)
    if isinstance(value, tuple) and any(isinstance(each, np.generic) for each in value):
        return tuple(plain(each) for each in value)
    return value


def described(value: Any) -> Any:
    """Return a setting as what JSON knows: settings inside by name, objects by their class."""
    value = plain(value)
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, tuple):
        return [described(each) for each in value]
    if isinstance(value, Mapping):
        return {str(key): described(each) for key, each in value.items()}
    if isinstance(value, functools.partial):
        inner = described(value.keywords)
        return {"name": _name(value.func), "args": described(value.args), **inner}
    if is_dataclass(value) and not isinstance(value, type):
        inner = {field.name: described(getattr(value, field.name)) for field in fields(value)}
        return {"name": type(value).__name__, **inner}
    return _name(value)


def _name(value: Any) -> str:
    return getattr(value, "__name__", type(value).__name__)
