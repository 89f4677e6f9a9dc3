"""Time one training step of a RealNVP density: this library against idiomatic TFP.

The idiomatic side is `tfd.TransformedDistribution` over a chain of `tfb.RealNVP`, each with a
`tf_keras` network, trained by a `tf.function` step with Keras's Adam. Both sides have the same
couplings, widths, activation and batch, start from the identity and take turns in one process;
the ratio is what counts. Writes JSON on standard output.

    python -m benchmarks.real_nvp_step --threads 2
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

import lrmf_tfp as lt

BATCH_SIZE = 256
NUM_LAYERS = 8
HIDDEN_UNITS = (64, 64)
STEPS_PER_CALL = 100


def idiomatic_step(samples: Any, activation: str, *, jit_compile: bool) -> Callable[[], None]:
    """Return a function that takes `STEPS_PER_CALL` steps the way TFP's examples do."""

    def shift_and_log_scale(index: int) -> Callable[..., Any]:
        network = tf_keras.Sequential(
            [tf_keras.layers.Dense(width, activation=activation) for width in HIDDEN_UNITS]
            + [tf_keras.layers.Dense(2, kernel_initializer="zeros")],
            name=f"network_{index}",
        )
        network.build([None, 1])
        networks.append(network)

        def evaluate(x: Any, output_units: int, **_: Any) -> tuple[Any, Any]:
            del output_units
            shift, log_scale = tf.split(network(x), 2, axis=-1)
            return shift, tf.tanh(log_scale)

        return evaluate

    networks: list[Any] = []
    parts: list[Any] = []
    for index in range(NUM_LAYERS):
        coupling = tfb.RealNVP(num_masked=1, shift_and_log_scale_fn=shift_and_log_scale(index))
        parts += [coupling, tfb.Permute([1, 0])]
    density = tfd.TransformedDistribution(
        tfd.MultivariateNormalDiag(loc=tf.zeros(2)), tfb.Chain(parts)
    )
    variables = [v for network in networks for v in network.trainable_variables]
    optimizer = tf_keras.optimizers.Adam(1e-3)
    optimizer.build(variables)

    @tf.function(jit_compile=jit_compile)
    def step(x: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = -tf.reduce_mean(density.log_prob(x))
        gradients = tape.gradient(loss, variables)
        optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return loss

    stream = iter(
        tf.data.Dataset.from_tensor_slices(samples)
        .shuffle(len(samples), seed=0)
        .repeat()
        .batch(BATCH_SIZE, drop_remainder=True)
        .prefetch(2)
    )

    def run() -> None:
        for _ in range(STEPS_PER_CALL):
            step(next(stream))

    return run


def library_step(samples: Any, activation: str) -> Callable[[], None]:
    """Return a function that takes `STEPS_PER_CALL` steps of this library's compiled loop."""
    flow = lt.flows.real_nvp_flow(
        2, num_layers=NUM_LAYERS, hidden_units=HIDDEN_UNITS, activation=activation
    )
    objective = lt.objectives.MaximumLikelihoodObjective(lt.densities.flow_density(flow))
    trainer = lt.training.Trainer(objective, lt.FitConfig(steps_per_call=STEPS_PER_CALL))
    rng = np.random.default_rng(0)

    def run() -> None:
        rows = rng.integers(0, len(samples), size=(STEPS_PER_CALL, BATCH_SIZE))
        outcome = trainer.loop.run((samples[rows],), step=0, num_steps=STEPS_PER_CALL)
        outcome.last.numpy()

    return run


def main() -> None:
    """Time both sides in turns and print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--threads", type=int, default=2, help="intra-op threads (default: 2)")
    parser.add_argument("--repeats", type=int, default=15, help="turns of 100 steps (default: 15)")
    parser.add_argument("--activation", default="softplus", help="of both (default: softplus)")
    args = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(args.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    samples = lt.datasets.moons(1000, seed=0).target
    sides = {
        "idiomatic": idiomatic_step(samples, args.activation, jit_compile=False),
        "idiomatic_jit": idiomatic_step(samples, args.activation, jit_compile=True),
        "library": library_step(samples, args.activation),
    }
    times: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(args.repeats + 1):
        for name, run in sides.items():
            began = time.perf_counter()
            run()
            if turn:  # the first turn compiles
                times[name].append(1e3 * (time.perf_counter() - began) / STEPS_PER_CALL)
    report: dict[str, Any] = {
        name: dict(zip(("min", "median", "max"), np.quantile(t, [0, 0.5, 1]), strict=True))
        for name, t in times.items()
    }
    for name in ("idiomatic", "idiomatic_jit"):
        report[f"{name}_over_library"] = float(
            np.median(times[name]) / np.median(times["library"])
        )
    report |= {"threads": args.threads, "activation": args.activation, "unit": "ms per step"}
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
