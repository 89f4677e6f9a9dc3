"""Settings of the experiment."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Config"]


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    num_samples: int = field(default=640_000, metadata={"help": "samples of the mixture"})
    num_steps: int = field(default=2500, metadata={"help": "steps of the generator"})
    critic_steps: int = field(default=4, metadata={"help": "steps of the critic for one of it"})
    warmup: int = field(default=300, metadata={"help": "steps of the critic alone, at first"})
    batch_size: int = field(default=256, metadata={"help": "samples in a step"})
    seeds: int = field(default=1, metadata={"help": "number of seeds, from `seed` on"})
    jit_compile: bool = field(default=True, metadata={"help": "compile with XLA"})
    seed: int = field(default=0, metadata={"help": "seed of data, start and batches"})

    @classmethod
    def quick(cls) -> Config:
        """Return settings that end in under a minute."""
        return cls(num_samples=20_000, num_steps=300, warmup=100)
