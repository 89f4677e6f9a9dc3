"""Two normals on the line, with every number known by quadrature."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import simpson
from tensorflow_probability import distributions as tfd

import lrmf_tfp as lt
from experiments.kl.config import Config

__all__ = [
    "JSD_LINE",
    "KL_LINE",
    "LineTables",
    "MAX_LOG_RATIO",
    "SD_UNDER_P",
    "SD_UNDER_Q",
    "draw_line",
    "line_metrics",
    "line_samples",
    "line_tables",
]

Array = NDArray[np.floating[Any]]
KL_LINE, JSD_LINE = 0.4431471806, 0.1281749731
SD_UNDER_P, SD_UNDER_Q = 0.5863020, 0.824961  # of log r, and of r log r
MAX_LOG_RATIO = 0.85981385


class LineTables(NamedTuple):
    """Two laws on the line, on a grid `[G]`."""

    grid: Array
    p: Array
    q: Array
    log_ratio: Array


def line_laws() -> tuple[tfd.Distribution, tfd.Distribution]:
    """Return p, the numerator, and q, the denominator, of the line."""
    one, two = np.float64(1.0), np.float64(2.0)
    return tfd.Normal(one, one), tfd.Normal(np.float64(0.0), two)


def line_tables(grid: Array) -> LineTables:
    """Return densities and true log-ratio `[G]` of the line on a grid."""
    p, q = line_laws()
    log_p, log_q = p.log_prob(grid).numpy(), q.log_prob(grid).numpy()
    return LineTables(grid, np.exp(log_p), np.exp(log_q), log_p - log_q)


def draw_line(seed: int, rows_p: int, rows_q: int) -> tuple[Array, Array]:
    """Return float32 samples of p `[N, 1]` and q `[M, 1]` of the line."""
    pair = zip(line_laws(), (rows_p, rows_q), (0, 1), strict=True)
    p, q = (law.sample([rows, 1], seed=[seed, side]).numpy() for law, rows, side in pair)
    return p.astype(np.float32), q.astype(np.float32)


def line_samples(config: Config) -> tuple[Array, Array]:
    """Return the samples of the first fits."""
    return draw_line(config.seed, config.num_samples, config.num_samples)


def line_metrics(config: Config) -> dict[str, Any]:
    """Return the metrics of the prescribed example on the line."""
    p, q = line_laws()
    table = line_tables(np.linspace(-24.0, 24.0, 400_001))
    log_ratio, grid = table.log_ratio, table.grid
    product = np.exp(log_ratio) * log_ratio
    draws = {"num_samples": config.num_draws, "seed": config.seed}
    by_quadrature = {
        name: lt.divergences.f_divergence_quadrature(
            name, p, q, interval=(-24.0, 24.0), breaks=(0.0, 1.0)
        )
        for name in lt.divergences.F_DIVERGENCES
        if name != "neyman"  # infinite for this pair
    }
    return {
        "line": {
            "closed_form": float(lt.divergences.kl_closed_form(p, q)),
            "draws_of_p": float(lt.divergences.kl_monte_carlo(p, q, **draws)),
            "draws_of_q": float(lt.divergences.f_divergence_monte_carlo("kl", p, q, **draws)),
            "sd_of_log_ratio_under_p": deviation(log_ratio, table.p, grid),
            "sd_of_ratio_log_ratio_under_q": deviation(product, table.q, grid),
            "max_log_ratio": float(log_ratio.max()),
            "argmax_log_ratio": float(grid[np.argmax(log_ratio)]),
            "jensen_shannon_draws": float(
                lt.divergences.jensen_shannon_monte_carlo(p, q, **draws)
            ),
            "quadrature": by_quadrature,
        }
    }


def deviation(values: Array, density: Array, grid: Array) -> float:
    """Return the standard deviation of a function of a random number, by quadrature."""
    mean, square = (simpson(power * density, x=grid) for power in (values, values**2))
    return float(np.sqrt(square - mean**2))
