"""Settings of the experiment."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Config"]


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    shift: float = field(default=2.0, metadata={"help": "of q, for the critics"})
    num_samples: int = field(default=15, metadata={"help": "samples a side of W1 and MMD"})
    num_shifts: int = field(default=25, metadata={"help": "points of the curves over the shift"})
    num_training: int = field(default=200_000, metadata={"help": "samples a side of learned ones"})
    num_steps: int = field(default=3000, metadata={"help": "steps where the supports are one"})
    num_apart_steps: int = field(default=1000, metadata={"help": "steps where they are apart"})
    jit_compile: bool = field(default=True, metadata={"help": "compile the fits with XLA"})
    seed: int = field(default=1, metadata={"help": "seed of samples, networks and batches"})

    @classmethod
    def quick(cls) -> Config:
        """Return settings that end in under a minute."""
        return cls(
            num_shifts=7, num_training=5000, num_steps=600, num_apart_steps=400, jit_compile=False
        )
