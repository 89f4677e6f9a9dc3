"""The checks of two distributions between which a divergence is computed."""

from __future__ import annotations

from tensorflow_probability import distributions as tfd

__all__ = ["check_distributions"]


def check_distributions(p: tfd.Distribution, q: tfd.Distribution, *, single: bool = True) -> None:
    """Raise unless p and q are distributions on the same events.

    Args:
        p: The first.
        q: The second.
        single: Whether their batch shapes have to be `[]`.

    Raises:
        TypeError: If one is not a `tfd.Distribution`.
        ValueError: If dtypes or events differ, or a batch shape is not `[]`.
    """
    for name, each in (("p", p), ("q", q)):
        if not isinstance(each, tfd.Distribution):
            raise TypeError(f"`{name}` must be a tfd.Distribution; got {type(each).__name__}.")
        if single and each.batch_shape.rank:
            raise ValueError(
                f"`{name}` must have batch shape [] (see tfd.Independent); "
                f"got {each.batch_shape.as_list()}."
            )
    if p.dtype != q.dtype:
        raise ValueError(f"`q` must have dtype {_name(p)} as `p`; got {_name(q)}.")
    if not p.event_shape.is_compatible_with(q.event_shape):
        raise ValueError(
            f"`q` must have events {p.event_shape.as_list()} as `p`; "
            f"got {q.event_shape.as_list()}."
        )


def _name(distribution: tfd.Distribution) -> str:
    return str(getattr(distribution.dtype, "name", distribution.dtype))
