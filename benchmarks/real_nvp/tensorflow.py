"""RealNVP steps of this library and of idiomatic TFP.

The idiomatic side is `tfd.TransformedDistribution` over a chain of `tfb.RealNVP`, each with a
`tf_keras` network, trained by a `tf.function` step with Keras's Adam from a `tf.data` stream.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import tensorflow as tf
import tf_keras
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

import lrmf_tfp as lt
from benchmarks._data import batches, samples
from benchmarks._tfp import training_step
from benchmarks._workload import Task

__all__ = ["idiomatic", "idiomatic_xla", "ours", "ours_mixed"]


def ours(
    *,
    size: int,
    batch_size: int,
    num_layers: int,
    hidden_units: list[int],
    steps: int,
    mixing: str = "alternate",
) -> Task:
    """Return the compiled loop on a density, `steps` steps a call."""
    flow = lt.flows.real_nvp_flow(
        size, num_layers=num_layers, hidden_units=hidden_units, activation="relu", mixing=mixing
    )
    objective = lt.objectives.MaximumLikelihoodObjective(lt.densities.flow_density(flow))
    loop = lt.training.Trainer(objective, lt.FitConfig(steps_per_call=steps)).loop
    data = batches(size, batch_size=batch_size, steps=steps)

    def run(_: Any) -> None:
        outcome = loop.run((next(data),), step=0, num_steps=steps)
        outcome.last.numpy()

    return Task(run, steps=steps)


ours_mixed = partial(ours, mixing="inverse_lu")
"""The same with learned LU maps between the couplings, the default above two dimensions."""


def idiomatic(
    *,
    size: int,
    batch_size: int,
    num_layers: int,
    hidden_units: list[int],
    steps: int,
    jit_compile: bool = False,
) -> Task:
    """Return steps the way TFP's examples take them."""
    networks = [_network(size, hidden_units) for _ in range(num_layers)]
    parts = [part for network in networks for part in (_coupling(size, network), _turn(size))]
    density = tfd.TransformedDistribution(
        tfd.MultivariateNormalDiag(loc=tf.zeros(size)), tfb.Chain(parts)
    )
    variables = [v for network in networks for v in network.trainable_variables]
    step = training_step(density, variables, jit_compile=jit_compile)
    stream = _stream(size, batch_size)

    def run(_: Any) -> None:
        for _ in range(steps):
            loss = step(next(stream))
        loss.numpy()

    return Task(run, steps=steps)


idiomatic_xla = partial(idiomatic, jit_compile=True)
"""The same, each step compiled by XLA."""


def _network(size: int, hidden_units: list[int]) -> tf_keras.Model:
    outputs = 2 * (size - size // 2)
    network = tf_keras.Sequential(
        [tf_keras.layers.Dense(width, activation="relu") for width in hidden_units]
        + [tf_keras.layers.Dense(outputs, kernel_initializer="zeros")]
    )
    network.build([None, size // 2])
    return network


def _coupling(size: int, network: tf_keras.Model) -> tfb.RealNVP:
    def shift_and_log_scale(x: Any, output_units: int, **_: Any) -> tuple[Any, Any]:
        del output_units
        shift, log_scale = tf.split(network(x), 2, axis=-1)
        return shift, tf.tanh(log_scale)

    return tfb.RealNVP(num_masked=size // 2, shift_and_log_scale_fn=shift_and_log_scale)


def _turn(size: int) -> tfb.Permute:
    return tfb.Permute(list(range(size))[::-1])


def _stream(size: int, batch_size: int) -> Iterator[Any]:
    rows = samples(4096, size)
    data = tf.data.Dataset.from_tensor_slices(rows).shuffle(len(rows), seed=0).repeat()
    return iter(data.batch(batch_size, drop_remainder=True).prefetch(2))
