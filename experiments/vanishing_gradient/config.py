"""Settings of the experiment."""

from __future__ import annotations

from dataclasses import dataclass, field

from experiments.common.settings import check_at_least

__all__ = ["Config"]


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    law_samples: int = field(default=20_000, metadata={"help": "points of the law, evenly spread"})
    draws: int = field(default=20, metadata={"help": "random samples that the law is checked on"})
    separation: float = field(default=20.0, metadata={"help": "standard deviations to overcome"})
    num_samples: int = field(default=2000, metadata={"help": "samples a domain of the fits"})
    num_steps: int = field(default=3000, metadata={"help": "largest number of steps a stage"})
    learning_rate: float = field(default=2e-2, metadata={"help": "of Adam"})
    noise_scales: tuple[float, ...] = field(
        default=(16.0, 8.0, 4.0, 2.0, 1.0, 0.5, 0.25),
        metadata={"help": "falling noise, in target standard deviations"},
    )
    jit_compile: bool = field(default=True, metadata={"help": "compile the fits with XLA"})
    seeds: int = field(default=10, metadata={"help": "number of seeds of the fits"})
    seed: int = field(default=0, metadata={"help": "first seed"})

    def __post_init__(self) -> None:
        """Check what the library does not."""
        check_at_least(self, 1, "law_samples", "draws", "num_samples", "num_steps", "seeds")

    @classmethod
    def quick(cls) -> Config:
        """Return settings that end in under a minute."""
        return cls(
            draws=2,
            num_samples=400,
            num_steps=400,
            noise_scales=(8.0, 1.0),
            jit_compile=False,
            seeds=1,
        )
