"""Two Gaussians in the plane: their KL in closed form and from draws."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tensorflow_probability import distributions as tfd

import lrmf_tfp as lt
from experiments.common.seeds import mean_over_seeds, std_over_seeds
from experiments.kl.config import Config

__all__ = ["KL_PLANE", "KL_PLANE_REVERSE", "exact_deviation", "plane_laws", "plane_metrics"]

Array = NDArray[np.floating[Any]]
_PLANE = ((1.0, 4.0), 1.0), ((-3.0, 2.0), 2.5)  # means and standard deviation of q and p
KL_PLANE, KL_PLANE_REVERSE = 2.5925814637, 13.4174185363


def plane_laws(dtype: type = np.float64) -> tuple[tfd.Distribution, tfd.Distribution]:
    """Return q and p of the plane."""
    normals = (tfd.Normal(np.asarray(loc, dtype), np.asarray(std, dtype)) for loc, std in _PLANE)
    q, p = (tfd.Independent(normal, reinterpreted_batch_ndims=1) for normal in normals)
    return q, p


def plane_metrics(config: Config) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the metrics of the plane, and the estimates for the pictures."""
    q, p = plane_laws()
    single = float(lt.divergences.kl_closed_form(*plane_laws(np.float32)))
    first = lt.divergences.estimate_kl(q, p, num_samples=config.num_draws, seed=config.seed)
    values = [
        float(lt.divergences.kl_monte_carlo(q, p, num_samples=config.num_draws, seed=seed))
        for seed in range(config.seed, config.seed + config.num_seeds)
    ]
    wrong = lt.divergences.estimate_kl(p, q, num_samples=config.num_draws, seed=config.seed)
    running = first.running_mean.numpy()
    metrics = {
        "closed_form": float(lt.divergences.kl_closed_form(q, p)),
        "closed_form_float32": single,
        "monte_carlo": float(first.value),
        "monte_carlo_detail": {
            "standard_error": float(first.standard_error),
            "exact_standard_error": exact_deviation() / math.sqrt(config.num_draws),
            "last_running_mean_minus_value": float(running[-1] - first.value),
            "seeds": config.num_seeds,
            "mean_over_seeds": mean_over_seeds(values),
            "sd_over_seeds": std_over_seeds(values),
        },
        "other_direction": {
            "closed_form": float(lt.divergences.kl_closed_form(p, q)),
            "monte_carlo": float(wrong.value),
            "standard_error": float(wrong.standard_error),
        },
    }
    return metrics, {"running": running, "values": np.asarray(values)}


def exact_deviation() -> float:
    """Return the standard deviation of `log q - log p` under q in the plane, nats."""
    (mean_q, std_q), (mean_p, std_p) = _PLANE
    gaps = np.subtract(mean_q, mean_p)
    share = (std_q / std_p) ** 2
    return float(np.sqrt(np.sum(0.5 * (1.0 - share) ** 2 + gaps**2 * std_q**2 / std_p**4)))
