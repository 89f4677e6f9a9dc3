"""The Kullback-Leibler divergence of two distributions in closed form.

`KL(p || q) = E_p[log p - log q]`, always in the order of the arguments. From samples:
`lrmf_tfp.divergences.f_divergence.kl_samples`; from draws of known distributions:
`lrmf_tfp.divergences.f_divergence.monte_carlo`; bounds that a critic learns:
`lrmf_tfp.divergences.f_divergence.variational`.
"""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

from lrmf_tfp._core.typing import Tensor
from lrmf_tfp.divergences.f_divergence._distributions import check_distributions

__all__ = ["kl_closed_form"]


def kl_closed_form(p: tfd.Distribution, q: tfd.Distribution) -> Tensor:
    """Return `KL(p || q) = E_p[log p - log q]` of two distributions, exactly.

    `tfd.kl_divergence`, and beside it: Gaussians that are written in different ways; a base
    through one and the same bijector, which leaves KL as it is; shifted Beta distributions,
    +inf unless the shifts are equal, because no other shift covers p's support.

    Args:
        p: The distribution under which the expectation is taken.
        q: The other one, on the same events.

    Returns:
        `[]`, or the batch shape; nats, >= 0.

    Raises:
        TypeError: If p or q is not a distribution.
        ValueError: If events differ, or no closed form is known.

    Examples:
        >>> p, q = tfd.Normal(1.0, 1.0), tfd.Normal(0.0, 2.0)
        >>> round(float(kl_closed_form(p, q)), 6), round(float(kl_closed_form(q, p)), 6)
        (0.443147, 1.306853)

    References:
        [1] Kullback and Leibler, On information and sufficiency, Annals of Mathematical
            Statistics 1951, eq. (2.4).
    """
    check_distributions(p, q, single=False)
    p, q = _without_common_bijector(p, q)
    if _is_shifted_beta(p) and _is_shifted_beta(q):
        return _kl_of_shifted(_inner(p), _inner(q))
    if type(p) is not type(q):
        p, q = _as_multivariate(p), _as_multivariate(q)
    try:
        return tfd.kl_divergence(p, q)
    except NotImplementedError:
        raise ValueError(
            "`p` and `q` must have a KL in closed form (kl_monte_carlo needs none); "
            f"got {type(p).__name__} and {type(q).__name__}."
        ) from None


def _without_common_bijector(p: tfd.Distribution, q: tfd.Distribution) -> tuple[Any, Any]:
    """Return the bases where both are a base through the same bijector."""
    common = getattr(p, "bijector", None)
    if common is not None and common is getattr(q, "bijector", None):
        return p.distribution, q.distribution
    return p, q


def _as_multivariate(law: tfd.Distribution) -> Any:
    """Return independent normals as the multivariate normal that they are."""
    inner = law.distribution if isinstance(law, tfd.Independent) else None
    if isinstance(inner, tfd.Normal) and law.event_shape.rank == 1:
        scale = tf.broadcast_to(inner.scale, tf.shape(inner.loc + inner.scale))
        return tfd.MultivariateNormalDiag(inner.loc, scale)
    return law


def _inner(law: tfd.Distribution) -> Any:
    return law.distribution if isinstance(law, tfd.Independent) else law


def _is_shifted_beta(law: tfd.Distribution) -> bool:
    inner = _inner(law)
    return (
        isinstance(inner, tfd.TransformedDistribution)
        and isinstance(inner.bijector, tfb.Shift)
        and isinstance(inner.distribution, tfd.Beta)
    )


def _kl_of_shifted(p: tfd.Distribution, q: tfd.Distribution) -> Tensor:
    value = tfd.kl_divergence(p.distribution, q.distribution)
    covered = tf.equal(p.bijector.shift, q.bijector.shift)
    return tf.reduce_sum(tf.where(covered, value, tf.cast(math.inf, value.dtype)))
