"""FFJORD steps of zuko's continuous flow: `FreeFormJacobianTransform` with the shared field."""

from __future__ import annotations

from typing import Any

import torch
import zuko

from benchmarks._data import batches
from benchmarks._workload import Task
from benchmarks.ffjord._field import error_of, kernels

__all__ = ["adaptive"]


class _Field(torch.nn.Module):
    def __init__(self, size: int, hidden_units: list[int], scale: float) -> None:
        super().__init__()
        weights = kernels(size, hidden_units, scale)
        layers: list[Any] = []
        for kernel in weights:
            dense = torch.nn.Linear(*kernel.shape)
            dense.weight.data = torch.tensor(kernel.T, dtype=torch.float32).contiguous()
            dense.bias.data.zero_()
            layers += [dense, torch.nn.Tanh()]
        self.network = torch.nn.Sequential(*layers[:-1])

    def forward(self, time: Any, x: Any) -> Any:
        return self.network(torch.cat([x, time.expand(x.shape[0], 1)], dim=-1))


def adaptive(
    *, size: int, batch_size: int, hidden_units: list[int], scale: float, steps: int
) -> Task:
    """Return steps with the checkpointed adjoint; the setting is the tolerance."""
    torch.set_num_threads(1)
    field = _Field(size, hidden_units, scale)
    optimizer = torch.optim.Adam(field.parameters(), lr=1e-9)
    noise = zuko.distributions.DiagNormal(torch.zeros(size), torch.ones(size))
    data = batches(size, batch_size=batch_size, steps=steps)

    def flow(tolerance: float) -> Any:
        return zuko.transforms.FreeFormJacobianTransform(
            field, 1.0, 0.0, field.parameters(), rtol=tolerance, atol=min(tolerance, 1e-6)
        )

    def run(tolerance: float) -> None:
        for batch in next(data):
            optimizer.zero_grad()
            z, log_det = flow(tolerance).call_and_ladj(torch.from_numpy(batch))
            loss = -(noise.log_prob(z) + log_det).mean()
            loss.backward()
            optimizer.step()

    def check(tolerance: float) -> dict[str, float]:
        def log_det(x: Any) -> Any:
            return flow(tolerance).call_and_ladj(torch.from_numpy(x))[1].detach()

        sizes = {"size": size, "hidden_units": hidden_units, "batch_size": batch_size}
        return {"error": error_of(log_det, **sizes, scale=scale)}

    return Task(run, check, steps)
