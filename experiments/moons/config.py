"""Settings of the experiment, and the objectives that there are."""

from __future__ import annotations

from dataclasses import dataclass, field

from experiments.common.settings import check_among, check_at_least

__all__ = ["OBJECTIVE_TITLES", "Config"]

OBJECTIVE_TITLES = {
    "adversarial": "SN-GAN",
    "back_to_back": "back-to-back",
    "emd": "on EMD",
    "energy": "on energy",
    "gram": "GRAM",
    "lrmf": "LRMF",
    "mmd": "on MMD",
    "sinkhorn": "on Sinkhorn",
    "sliced_wasserstein": "on sliced W",
}
"""What pictures call a flow trained on an objective, by the objective's name."""


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    flow: str = field(default="real_nvp", metadata={"help": "name of the flow"})
    rotation: float = field(default=-50.0, metadata={"help": "degrees, negative is clockwise"})
    num_samples: int = field(default=1000, metadata={"help": "training samples a domain"})
    num_fresh: int = field(default=5000, metadata={"help": "fresh samples a domain, for scores"})
    raw: bool = field(default=False, metadata={"help": "do not standardise the coordinates"})
    num_steps: int = field(default=4000, metadata={"help": "largest number of steps a stage"})
    mmd_steps: int = field(default=1000, metadata={"help": "steps of the points on MMD"})
    emd_steps: int = field(default=150, metadata={"help": "steps of the points on EMD"})
    objectives: tuple[str, ...] = field(
        default=("mmd",), metadata={"help": "more objectives to train a flow on"}
    )
    slow_back_to_back: bool = field(
        default=True, metadata={"help": "back-to-back at rate 1e-4 on all rows, near its start"}
    )
    only_lrmf: bool = field(
        default=False, metadata={"help": "leave out what LRMF is compared with"}
    )
    stability: bool = field(
        default=False, metadata={"help": "adversarial and LRMF over rates and batch sizes, too"}
    )
    score_others: bool = field(
        default=False, metadata={"help": "score doing nothing and the other flows, too"}
    )
    jit_compile: bool = field(default=True, metadata={"help": "compile with XLA"})
    seeds: int = field(default=1, metadata={"help": "number of seeds to run, from --seed on"})
    seed: int = field(default=0, metadata={"help": "first seed of data, start and batches"})

    def __post_init__(self) -> None:
        """Check what the library does not."""
        counts = ("num_samples", "num_fresh", "num_steps", "mmd_steps", "emd_steps", "seeds")
        check_at_least(self, 1, *counts)
        others = sorted(set(OBJECTIVE_TITLES) - {"back_to_back", "lrmf"})
        check_among(self, others, "objectives")

    @classmethod
    def quick(cls) -> Config:
        """Return settings that end in under a minute."""
        return cls(
            num_samples=400,
            num_fresh=1000,
            num_steps=600,
            mmd_steps=200,
            emd_steps=30,
            objectives=(),
            jit_compile=False,
        )
