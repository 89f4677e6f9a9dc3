"""Settings of the experiment."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Config"]


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    dims: tuple[int, ...] = field(default=(1, 2, 10, 50), metadata={"help": "dimensions"})
    num_samples: int = field(default=1000, metadata={"help": "samples a domain"})
    num_steps: int = field(default=4000, metadata={"help": "joint steps of each affine flow"})
    learning_rate: float = field(default=0.04, metadata={"help": "of the affine flows"})
    num_rich_samples: int = field(default=10_000, metadata={"help": "samples for RealNVP"})
    num_rich_steps: int = field(default=4000, metadata={"help": "steps of each RealNVP stage"})
    jit_compile: bool = field(default=True, metadata={"help": "compile RealNVP's fit with XLA"})
    seed: int = field(default=0, metadata={"help": "seed of data, start and batches"})

    @classmethod
    def quick(cls) -> Config:
        """Return settings that end in under a minute."""
        return cls(
            dims=(1, 2, 10),
            num_samples=500,
            num_steps=1500,
            learning_rate=0.1,
            num_rich_samples=2000,
            num_rich_steps=400,
            jit_compile=False,
        )
