"""FFJORD steps of this library and of `tfb.FFJORD`."""

from __future__ import annotations

from functools import partial
from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

import lrmf_tfp as lt
from benchmarks._data import batches
from benchmarks._tfp import training_step
from benchmarks._workload import Task
from benchmarks.ffjord._field import error_of, kernels

__all__ = ["adaptive", "ours", "ours_dormand_prince"]

_RATE = 1e-9


def ours(
    *,
    size: int,
    batch_size: int,
    hidden_units: list[int],
    scale: float,
    steps: int,
    method: str = "rk4",
) -> Task:
    """Return the compiled loop; the setting is the number of Runge-Kutta steps."""
    solver = lt.ode.FixedStepSolver(method=method)
    flow = lt.flows.ffjord_flow(size, hidden_units=hidden_units, trace="exact", solver=solver)
    (layer,) = flow.layers
    for dense, kernel in zip(layer.field.layers, kernels(size, hidden_units, scale), strict=True):
        dense.kernel.assign(kernel.astype("float32"))
    objective = lt.objectives.MaximumLikelihoodObjective(lt.densities.flow_density(flow))
    optimizer = lt.optimizers.Adam(learning_rate=_RATE)
    config = lt.FitConfig(steps_per_call=steps, optimizer=optimizer)
    loop = lt.training.Trainer(objective, config).loop
    data = batches(size, batch_size=batch_size, steps=steps)

    def run(num_steps: int) -> None:
        layer.num_steps.assign(num_steps)
        loop.run((next(data),), step=0, num_steps=steps).last.numpy()

    def check(num_steps: int) -> dict[str, float]:
        layer.num_steps.assign(num_steps)
        log_det = lambda x: flow.inverse_and_log_det(x)[1]  # noqa: E731
        sizes = {"size": size, "hidden_units": hidden_units, "batch_size": batch_size}
        return {"error": error_of(log_det, **sizes, scale=scale)}

    return Task(run, check, steps)


ours_dormand_prince = partial(ours, method="dormand_prince")
"""The same by steps of order 5."""


class _Field(tf.Module):
    """The field as TFP's solver calls it."""

    def __init__(self, size: int, hidden_units: list[int], scale: float) -> None:
        super().__init__()
        weights = kernels(size, hidden_units, scale)
        self.kernels = [tf.Variable(kernel, dtype=tf.float32) for kernel in weights]
        self.biases = [tf.Variable(tf.zeros(kernel.shape[1])) for kernel in weights]

    def __call__(self, time: Any, x: Any) -> Any:
        y = tf.concat([x, tf.fill([tf.shape(x)[0], 1], time)], axis=1)
        for kernel, bias in zip(self.kernels[:-1], self.biases[:-1], strict=True):
            y = tf.tanh(y @ kernel + bias)
        return y @ self.kernels[-1] + self.biases[-1]


def adaptive(
    *, size: int, batch_size: int, hidden_units: list[int], scale: float, steps: int
) -> Task:
    """Return TFP's adaptive Dormand-Prince with its adjoint; the setting is the tolerance."""
    field = _Field(size, hidden_units, scale)
    variables = list(field.trainable_variables)
    data = batches(size, batch_size=batch_size, steps=steps)
    taken: dict[float, Any] = {}

    def run(tolerance: float) -> None:
        if tolerance not in taken:
            density = tfd.TransformedDistribution(
                tfd.MultivariateNormalDiag(loc=tf.zeros(size)), _bijector(field, tolerance)
            )
            # XLA does not compile the gradient of TFP's exact trace
            taken[tolerance] = training_step(density, variables, learning_rate=_RATE)
        for batch in next(data):
            loss = taken[tolerance](tf.constant(batch))
        loss.numpy()

    def check(tolerance: float) -> dict[str, float]:
        bijector = _bijector(field, tolerance)
        log_det = tf.function(lambda x: bijector.inverse_log_det_jacobian(x, event_ndims=1))
        sizes = {"size": size, "hidden_units": hidden_units, "batch_size": batch_size}
        return {"error": error_of(log_det, **sizes, scale=scale)}

    return Task(run, check, steps)


def _bijector(field: _Field, tolerance: float) -> tfb.FFJORD:
    solver = tfp.math.ode.DormandPrince(rtol=tolerance, atol=min(tolerance, 1e-6))
    return tfb.FFJORD(
        field, ode_solve_fn=solver.solve, trace_augmentation_fn=tfb.ffjord.trace_jacobian_exact
    )
