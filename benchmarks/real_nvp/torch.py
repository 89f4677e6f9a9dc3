"""RealNVP steps of zuko and of normflows, as their own examples take them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import normflows
import torch
import zuko

from benchmarks._data import batches
from benchmarks._workload import Task

__all__ = ["normflows_steps", "zuko_steps"]


def zuko_steps(
    *, size: int, batch_size: int, num_layers: int, hidden_units: list[int], steps: int
) -> Task:
    """Return `steps` steps of `zuko.flows.RealNVP`."""
    flow = zuko.flows.RealNVP(size, transforms=num_layers, hidden_features=hidden_units)
    data = batches(size, batch_size=batch_size, steps=steps)
    return _stepping(flow, lambda x: -flow().log_prob(x).mean(), data, steps)


def normflows_steps(
    *, size: int, batch_size: int, num_layers: int, hidden_units: list[int], steps: int
) -> Task:
    """Return `steps` steps of a `normflows.NormalizingFlow` of affine coupling blocks."""
    widths = [size // 2, *hidden_units, 2 * (size - size // 2)]
    parts = []
    for _ in range(num_layers):
        network = normflows.nets.MLP(widths, init_zeros=True)
        parts += [
            normflows.flows.AffineCouplingBlock(network),
            normflows.flows.Permute(size, mode="swap"),
        ]
    model = normflows.NormalizingFlow(normflows.distributions.base.DiagGaussian(size), parts)
    data = batches(size, batch_size=batch_size, steps=steps)
    return _stepping(model, model.forward_kld, data, steps)


def _stepping(model: Any, loss_fn: Callable[[Any], Any], data: Any, steps: int) -> Task:
    torch.set_num_threads(1)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def run(_: Any) -> None:
        for batch in next(data):
            optimizer.zero_grad()
            loss = loss_fn(torch.from_numpy(batch))
            loss.backward()
            optimizer.step()

    return Task(run, steps=steps)
