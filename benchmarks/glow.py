"""A training step of a Glow density of images: gradient and Adam, beside `tfb.Glow`.

Gray 32x32 images, 2 levels of 4 steps, conditioners of one 3x3, one 1x1 and one 3x3 convolution of
32 channels on both sides. `tfb.Glow` moves half of the channels with its default coupling and
runs its networks once for the value and once for the log-determinant. One more problem measures
how much 1,000 steps add to the resident memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from benchmarks._workload import OURS, Problem, Side, Target, Task, Workload

__all__ = ["WORKLOAD", "ours", "ours_in_a_graph", "tfp", "tfp_xla"]

_ROWS = 512


def ours(
    *,
    size: int,
    batch_size: int,
    levels: int,
    steps_per_level: int,
    width: int,
    steps: int,
    jit_compile: bool = True,
) -> Task:
    """Return the compiled loop on a density of images, `steps` steps a call."""
    import lrmf_tfp as lt

    flow = lt.flows.glow_flow(
        [size, size, 1],
        num_levels=levels,
        steps_per_level=steps_per_level,
        hidden_units=[width, width],
    )
    flow.initialize(_images(size), inverse=True)
    objective = lt.objectives.MaximumLikelihoodObjective(lt.densities.flow_density(flow))
    config = lt.FitConfig(steps_per_call=steps, jit_compile=jit_compile)
    loop = lt.training.Trainer(objective, config).loop
    data = _batches(size, batch_size, steps)

    def run(_: Any) -> None:
        loop.run((next(data),), step=0, num_steps=steps).last.numpy()

    check = (lambda _: _memory(run, steps)) if jit_compile else (lambda _: {})
    return Task(run, check, steps)


ours_in_a_graph = partial(ours, jit_compile=False)
"""The same without XLA."""


def tfp(
    *,
    size: int,
    batch_size: int,
    levels: int,
    steps_per_level: int,
    width: int,
    steps: int,
    jit_compile: bool = False,
) -> Task:
    """Return steps of `tfb.Glow` the way TFP's examples take them."""
    import tensorflow as tf
    from tensorflow_probability import bijectors as tfb
    from tensorflow_probability import distributions as tfd

    from benchmarks._tfp import training_step

    flow = tfb.Glow(
        output_shape=[size, size, 1],
        num_glow_blocks=levels,
        num_steps_per_block=steps_per_level,
        coupling_bijector_fn=partial(tfb.GlowDefaultNetwork, num_hidden=width),
        exit_bijector_fn=tfb.GlowDefaultExitNetwork,
    )
    density = tfd.TransformedDistribution(
        tfd.MultivariateNormalDiag(loc=tf.zeros(size * size)), flow
    )
    density.log_prob(_images(size))  # its actnorm starts from what it first sees
    variables = list(flow.trainable_variables)
    data = _batches(size, batch_size, steps)
    step = training_step(density, variables, jit_compile=jit_compile)

    def run(_: Any) -> None:
        for batch in next(data):
            loss = step(tf.constant(batch))
        loss.numpy()

    return Task(run, steps=steps)


tfp_xla = partial(tfp, jit_compile=True)
"""The same, each step compiled by XLA."""


def _images(size: int) -> Any:
    """Return `[512, size, size, 1]` of blurred spots, standardised."""
    rng = np.random.default_rng(0)
    x, y = np.meshgrid(*2 * [np.linspace(-1.0, 1.0, size)])
    centres = rng.uniform(-0.6, 0.6, size=(_ROWS, 2, 3, 1, 1))
    spots = np.exp(-((x - centres[:, 0]) ** 2 + (y - centres[:, 1]) ** 2) / 0.08).sum(axis=1)
    spots += 0.1 * rng.normal(size=spots.shape)
    return ((spots - spots.mean()) / spots.std())[..., None].astype(np.float32)


def _batches(size: int, batch_size: int, steps: int) -> Iterator[Any]:
    rows, rng = _images(size), np.random.default_rng(1)
    while True:
        yield rows[rng.integers(0, _ROWS, size=(steps, batch_size))]


def _memory(run: Any, steps: int) -> dict[str, float]:
    """Return by how many megabytes 1,000 steps grow the process, once it is warm."""
    import psutil

    process = psutil.Process()
    for _ in range(5):
        run(None)
    before = process.memory_info().rss
    for _ in range(1000 // steps):
        run(None)
    return {"growth_mb": (process.memory_info().rss - before) / 1e6}


def _problem(name: str, *, size: int = 32, batch_size: int = 32, **others: Any) -> Problem:
    values: dict[str, Any] = {
        "size": size,
        "batch_size": batch_size,
        "levels": 2,
        "steps_per_level": others.pop("steps_per_level", 4),
        "width": 32,
        "steps": 10,
    }
    return Problem(name, values, **others)


WORKLOAD = Workload(
    name="glow",
    title="Glow training step",
    unit="training step",
    sides=(
        Side(OURS, "benchmarks.glow:ours", ("lrmf-tfp", "tensorflow", "psutil")),
        Side("ours, no XLA", "benchmarks.glow:ours_in_a_graph", ("lrmf-tfp", "tensorflow")),
        Side("tfb.Glow, tf.function", "benchmarks.glow:tfp", ("tensorflow-probability",)),
        Side("tfb.Glow, XLA", "benchmarks.glow:tfp_xla", ("tensorflow-probability",)),
    ),
    problems=(
        _problem(
            "32 x 32 x 1, batch 32, 2 x 4 steps",
            targets=(
                Target(1.0, "tfb.Glow, tf.function"),
                Target(1.0, "tfb.Glow, XLA"),
                Target(1.0, OURS, "growth_mb"),
            ),
        ),
    ),
    quick=(_problem("8 x 8 x 1, batch 8, 2 x 1 steps", size=8, batch_size=8, steps_per_level=1),),
)
