"""Settings of the experiment."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Config"]


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    num_draws: int = field(default=10_000, metadata={"help": "Monte Carlo samples an estimate"})
    num_seeds: int = field(default=200, metadata={"help": "estimates whose spread is measured"})
    num_samples: int = field(default=5000, metadata={"help": "samples a class of each ratio"})
    num_fits: int = field(default=10, metadata={"help": "classifiers, each on samples of its own"})
    num_steps: int = field(default=2000, metadata={"help": "largest number of steps of each"})
    seed: int = field(default=0, metadata={"help": "seed of the draws, the samples and the fits"})

    @classmethod
    def quick(cls) -> Config:
        """Return settings that end in under a minute."""
        return cls(num_seeds=40, num_samples=2000, num_fits=1, num_steps=600)
