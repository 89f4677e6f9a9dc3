"""What the numbers must be, and how near."""

from __future__ import annotations

from typing import Any

from experiments.kl.line import JSD_LINE, KL_LINE, MAX_LOG_RATIO, SD_UNDER_P, SD_UNDER_Q
from experiments.kl.plane import KL_PLANE, KL_PLANE_REVERSE

__all__ = ["acceptance"]


def acceptance(metrics: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return for every promise its value, its limits and whether it is kept."""
    plane, line = metrics["monte_carlo_detail"], metrics["line"]
    first = {name: each["first"] for name, each in metrics["classifier_detail"].items()}
    limits = {
        "closed_form": (metrics["closed_form"], KL_PLANE, 1e-10),
        "closed_form_float32": (metrics["closed_form_float32"], KL_PLANE, 5e-7),
        "other_direction": (
            metrics["other_direction"]["closed_form"],
            KL_PLANE_REVERSE,
            1e-9,
        ),
        "monte_carlo": (metrics["monte_carlo"], KL_PLANE, 0.045),
        "mean_over_seeds": (plane["mean_over_seeds"], KL_PLANE, 0.003),
        "sd_over_seeds": (plane["sd_over_seeds"], 0.01105, 0.00155),
        "running_mean_ends_at_the_mean": (plane["last_running_mean_minus_value"], 0.0, 1e-12),
        "line": (line["closed_form"], KL_LINE, 1e-9),
        "line_sd_under_p": (line["sd_of_log_ratio_under_p"], SD_UNDER_P, 1e-6),
        "line_sd_under_q": (line["sd_of_ratio_log_ratio_under_q"], SD_UNDER_Q, 1e-5),
        "line_max_log_ratio": (line["max_log_ratio"], MAX_LOG_RATIO, 1e-7),
        "line_jensen_shannon": (line["quadrature"]["jensen_shannon"], JSD_LINE, 1e-8),
        "classifier": (first["kl"], KL_LINE, 0.04),
        "classifier_fresh_kl": (first["fresh_kl"], KL_LINE, 0.04),
        "classifier_bound": (first["fresh_kl_lower_bound"], 0.5 * (0.42 + 0.4532), 0.0166),
        "classifier_loss": (first["fresh_loss"], 1.12994, 0.01),
        "classifier_rms": (first["rms_error"], 0.25, 0.25),
        "imbalance_shift": (metrics["imbalance"]["raw_shift"], 1.375, 0.175),
        "imbalance_rms": (metrics["imbalance"]["corrected_rms"], 0.075, 0.075),
    }
    return {
        name: {"value": value, "low": middle - reach, "high": middle + reach}
        | {"passed": bool(abs(value - middle) <= reach)}
        for name, (value, middle, reach) in limits.items()
    }
