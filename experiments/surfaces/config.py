"""Settings of the experiment, and the methods that there are."""

from __future__ import annotations

from dataclasses import dataclass, field

import lrmf_tfp as lt
from experiments.common.settings import check_among, check_at_least

__all__ = ["Config", "METHODS"]

METHODS = ("none", "gaussian_ot", "emd", "mmd", "lrmf", "lrmf_spline")
"""What moves the source, in the order in which it is tried."""


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    source: str = field(default="bumpy_sphere", metadata={"help": "surface that is moved"})
    target: str = field(default="bean", metadata={"help": "surface that stays"})
    noise: float = field(default=0.03, metadata={"help": "standard deviation on each axis"})
    num_samples: int = field(default=3000, metadata={"help": "training samples a domain"})
    num_fresh: int = field(default=2000, metadata={"help": "fresh samples a domain"})
    num_neighbors: int = field(default=10, metadata={"help": "size of a neighbourhood"})
    num_steps: int = field(default=2500, metadata={"help": "largest number of steps a stage"})
    methods: tuple[str, ...] = field(
        default=METHODS, metadata={"help": "what is compared, beside the exact map"}
    )
    score_others: bool = field(
        default=False, metadata={"help": "score every bijector, not only those by LRMF"}
    )
    jit_compile: bool = field(default=True, metadata={"help": "compile with XLA"})
    seeds: int = field(default=3, metadata={"help": "number of seeds to run, from --seed on"})
    seed: int = field(default=0, metadata={"help": "first seed of data, start and batches"})

    def __post_init__(self) -> None:
        """Check what the library does not."""
        check_at_least(self, 1, "num_samples", "num_fresh", "num_neighbors", "seeds")
        check_among(self, sorted(METHODS), "methods")
        check_among(self, sorted(lt.datasets.SURFACES), "source", "target")

    @classmethod
    def quick(cls) -> Config:
        """Return settings that end in under a minute."""
        return cls(
            num_samples=400,
            num_fresh=400,
            num_steps=100,
            methods=("gaussian_ot", "emd", "lrmf"),
            jit_compile=False,
            seeds=1,
        )
