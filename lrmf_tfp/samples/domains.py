"""Domains: a mapping from names to samples of one kind.

NumPy only. Two domains are `{"source": ..., "target": ...}`; nothing here counts to two.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from lrmf_tfp._core.typing import Samples
from lrmf_tfp._validation import check_varies
from lrmf_tfp.samples.sample import Sample

__all__ = ["as_domains", "check_domains_vary", "in_order_of"]

_LOGGER = logging.getLogger(__name__)


def as_domains(domains: Mapping[str, Samples | Sample], *, min_rows: int = 1) -> dict[str, Sample]:
    """Return the samples of each domain, checked, of one shape and with columns in one order.

    Rows of weight 0 are left out. The first domain says how events look, what their columns are
    called, and what conditions there are.

    Args:
        domains: Samples by name.
        min_rows: Fewest rows of a domain.

    Raises:
        TypeError: See `Sample.of`.
        ValueError: See `Sample.of`; or if shapes, columns or conditions differ.
    """
    samples: dict[str, Sample] = {}
    for name, value in domains.items():
        sample = Sample.of(value, name=name, min_rows=min_rows).without_empty_rows()
        Sample.of(sample, name=name, min_rows=min_rows)  # of those that are left
        if samples:
            first_name, first = next(iter(samples.items()))
            sample = _like(sample, first, name=name, first_name=first_name)
        samples[name] = sample
    return samples


def in_order_of(sample: Sample, names: tuple[str, ...] | None, *, name: str) -> Sample:
    """Return a sample with its columns in the order of `names`.

    Raises:
        ValueError: If the columns have other names.
    """
    found = sample.feature_names
    if names is None or found is None or found == names:
        return sample
    if sorted(found) != sorted(names):
        raise ValueError(f"`{name}` must have the columns {_listed(names)}; got {_listed(found)}.")
    _LOGGER.warning("the columns of `%s` were put in the order %s", name, ", ".join(names))
    order = np.array([found.index(column) for column in names])
    return replace(sample, values=sample.values[:, order], feature_names=names)


def check_domains_vary(domains: Mapping[str, Sample]) -> None:
    """Raise ValueError if a column, or a channel of images, of a domain is constant."""
    for name, sample in domains.items():
        shape = sample.event_shape
        if len(shape) == 3:
            check_varies(sample.rows.reshape(-1, shape[2]), name, unit="channel")
        else:
            check_varies(sample.rows, name)


def _like(sample: Sample, first: Sample, *, name: str, first_name: str) -> Sample:
    """Return a sample in the form of the first domain's."""
    if sample.event_shape != first.event_shape:
        wanted = ", ".join(map(str, first.values.shape[1:]))
        raise ValueError(
            f"`{name}` must have shape [M, {wanted}] to match `{first_name}`; "
            f"got {list(sample.values.shape)}."
        )
    widths = [
        0 if each.conditions is None else each.conditions.shape[1] for each in (first, sample)
    ]
    if widths[0] != widths[1]:
        raise ValueError(
            f"`conditions` of `{name}` must have {widths[0]} columns to match `{first_name}`; "
            f"got {widths[1]}."
        )
    return conditions_in_order_of(
        in_order_of(sample, first.feature_names, name=name), first.condition_names, name=name
    )


def conditions_in_order_of(sample: Sample, names: tuple[str, ...] | None, *, name: str) -> Sample:
    """Return a sample with the columns of its conditions in the order of `names`."""
    if sample.conditions is None:
        return sample
    ordered = in_order_of(
        Sample(sample.conditions, feature_names=sample.condition_names),
        names,
        name=f"conditions of {name}",
    )
    return replace(sample, conditions=ordered.values, condition_names=ordered.feature_names)


def _listed(names: tuple[str, ...]) -> str:
    text = ", ".join(names[:8])
    return text if len(names) <= 8 else f"{text}, ... ({len(names)} in all)"
