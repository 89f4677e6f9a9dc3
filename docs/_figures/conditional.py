"""Draws `docs/_static/conditional.png`: one column given one condition, before and after.

Run `python docs/_figures/conditional.py` from the root; a minute or two on one core.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

import lrmf_tfp as lt

OUTPUT = Path(__file__).resolve().parents[1] / "_static" / "conditional.png"
NUM_ROWS = 8000


def simulated_and_measured(seed: int = 0) -> tuple[lt.Sample, lt.Sample]:
    """Return a skewed y given c: simulated with a wrong response and signed weights, measured."""
    rng = np.random.default_rng(seed)
    c, d = rng.uniform(-1.0, 1.0, NUM_ROWS), rng.uniform(-0.8, 1.2, NUM_ROWS)
    true, measured = (0.5 * each + 0.5 * rng.gamma(4.0, size=NUM_ROWS) for each in (c, d))
    simulated = (true + np.sin(3.0 * c)) * (1.0 + 0.4 * c)
    signs = np.where(rng.random(NUM_ROWS) < 0.1, -1.0, 1.0)
    return (
        lt.Sample.of(
            pd.DataFrame({"y": simulated}),
            weights=signs,
            conditions=pd.DataFrame({"c": c}),
            negative="absolute",
        ),
        lt.Sample.of(pd.DataFrame({"y": measured}), conditions=pd.DataFrame({"c": d})),
    )


def main() -> None:
    """Fit the map of y given c and draw it by quantiles of c."""
    source, target = simulated_and_measured()
    config = lt.FitConfig(num_steps=2000, optimizer=lt.training.Adam(3e-3))
    aligner = lt.Aligner("spline", config=config, num_restarts=1)
    moved = aligner.fit(source, target).transform(source)
    score = aligner.score(source, target)
    figure = lt.plotting.plot_conditional(source, moved, target, score=score)
    figure.savefig(OUTPUT, dpi=110)


if __name__ == "__main__":
    main()
