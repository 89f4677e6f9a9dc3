"""Settings of the experiment, and the cures that there are."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from experiments.common.settings import check_among, check_at_least

__all__ = ["CURES", "Config"]

CURES = ("gaussian_ot", "gaussian_start", "noise", "back_to_back_start")
"""What could close the gap."""


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    noise: float = field(default=0.05, metadata={"help": "width of the uniform noise"})
    num_target: int = field(default=20_000, metadata={"help": "training images of MNIST"})
    num_held_out: int = field(
        default=1000, metadata={"help": "images a domain to stop by, and as many to score"}
    )
    num_test: int = field(default=2000, metadata={"help": "test images a domain, for labels"})
    copies: int = field(default=2, metadata={"help": "noisy copies of each training image"})
    num_levels: int = field(default=2, metadata={"help": "scales of each Glow flow"})
    steps_per_level: int = field(default=4, metadata={"help": "couplings of each scale"})
    width: int = field(default=32, metadata={"help": "channels of the conditioners"})
    num_steps: int = field(default=1200, metadata={"help": "optimiser steps of one pass"})
    max_passes: int = field(default=3, metadata={"help": "passes of each private fit"})
    batch_size: int = field(default=64, metadata={"help": "images of each domain in a step"})
    learning_rate: float = field(default=8e-3, metadata={"help": "of Adam"})
    polyak_c: float = field(default=5.0, metadata={"help": "divisor of the Polyak step"})
    polyak_max_rate: float = field(default=1.0, metadata={"help": "largest Polyak step size"})
    cures: tuple[str, ...] = field(default=CURES, metadata={"help": "what to try"})
    jit_compile: bool = field(default=True, metadata={"help": "compile with XLA"})
    seeds: int = field(default=2, metadata={"help": "starts of the plain fit, from --seed on"})
    seed: int = field(default=0, metadata={"help": "seed of data, starts and batches"})

    def __post_init__(self) -> None:
        """Check what the library does not."""
        counts = ("num_target", "num_held_out", "num_test", "copies", "max_passes", "seeds")
        check_at_least(self, 1, *counts)
        check_among(self, sorted(CURES), "cures")
        if not (math.isfinite(self.noise) and self.noise > 0.0):
            raise ValueError(f"`noise` must be finite and above 0; got {self.noise}.")

    @classmethod
    def quick(cls) -> Config:
        """Return settings that end in under a minute."""
        return cls(
            num_target=1000,
            num_held_out=100,
            num_test=200,
            copies=1,
            num_levels=1,
            steps_per_level=1,
            width=4,
            num_steps=20,
            max_passes=1,
            cures=("gaussian_ot",),
            jit_compile=False,
            seeds=1,
        )
