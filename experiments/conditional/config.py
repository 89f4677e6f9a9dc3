"""Settings of the experiment."""

from __future__ import annotations

from dataclasses import dataclass, field

from experiments.common.settings import check_among, check_at_least
from experiments.conditional.data import FORMS

__all__ = ["Config"]


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    forms: tuple[str, ...] = field(
        default=tuple(FORMS), metadata={"help": "how shift and scale depend on c"}
    )
    num_samples: int = field(default=4000, metadata={"help": "samples a domain"})
    num_bins: int = field(default=5, metadata={"help": "bins of c, of equally many target rows"})
    num_halvings: int = field(default=50, metadata={"help": "random halves of the target"})
    num_layers: int = field(default=8, metadata={"help": "couplings of every flow"})
    num_steps: int = field(default=4000, metadata={"help": "most steps of each stage"})
    learning_rate: float = field(default=3e-3, metadata={"help": "of every stage"})
    jit_compile: bool = field(default=True, metadata={"help": "compile with XLA"})
    seed: int = field(default=0, metadata={"help": "seed of data, start and batches"})
    seeds: int = field(default=1, metadata={"help": "how many seeds, from `seed` on"})

    def __post_init__(self) -> None:
        """Check what the library does not."""
        check_among(self, FORMS, "forms")
        check_at_least(self, 2, "num_bins")
        check_at_least(self, 1, "num_halvings", "seeds")
        check_at_least(self, 20 * self.num_bins, "num_samples")

    @classmethod
    def quick(cls) -> Config:
        """Return settings that end in under a minute."""
        return cls(
            forms=("linear",),
            num_samples=500,
            num_halvings=10,
            num_layers=2,
            num_steps=60,
            jit_compile=False,
        )
