"""Settings of the experiment, and the methods that there are."""

from __future__ import annotations

from dataclasses import dataclass, field

import lrmf_tfp as lt
from experiments.common.settings import check_at_least

__all__ = ["TITLES", "Config"]

TITLES = {
    "mean_variance": "mean-variance",
    "coral": "CORAL",
    "gaussian_ot": "Gaussian OT",
    "emd": "exact EMD",
    "lrmf": "LRMF",
}
"""What pictures call a method, by its name; in this order they are tried."""
_HALF_LEVEL = 1.0 / 512.0  # from the middle of a level to its end, in [0, 1]


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    flow: str = field(default="real_nvp", metadata={"help": "name of the flow of LRMF"})
    width: int = field(default=160, metadata={"help": "of the photographs, pixels"})
    num_samples: int = field(default=3000, metadata={"help": "training pixels a photograph"})
    num_fresh: int = field(default=3000, metadata={"help": "other pixels, for the distances"})
    margin: float = field(
        default=0.0, metadata={"help": "by how much LRMF may leave [0, 1] at either end"}
    )
    noise: float = field(
        default=0.0019, metadata={"help": "half width of uniform noise on training pixels"}
    )
    num_steps: int = field(default=1200, metadata={"help": "largest number of steps a stage"})
    score_others: bool = field(
        default=True, metadata={"help": "score the closed-form maps of the first seed, too"}
    )
    jit_compile: bool = field(default=True, metadata={"help": "compile with XLA"})
    seeds: int = field(default=3, metadata={"help": "number of seeds to run, from --seed on"})
    seed: int = field(default=0, metadata={"help": "first seed of pixels, start and batches"})

    def __post_init__(self) -> None:
        """Check what the library does not."""
        check_at_least(self, 10, "num_samples", "num_fresh")
        check_at_least(self, 1, "seeds")
        if not self.margin >= 0.0:
            raise ValueError(f"`margin` must be at least 0; got {self.margin}.")
        if not 0.0 < self.noise < self.margin + _HALF_LEVEL:
            raise ValueError(
                f"`noise` must be above 0 and below `margin` + 1/512; got {self.noise}."
            )
        pixels = lt.datasets.photographs(width=self.width)["china"].size // 3
        if self.num_samples + self.num_fresh > pixels:
            raise ValueError(
                f"`num_samples` + `num_fresh` must be at most {pixels}, the number of pixels; "
                f"got {self.num_samples + self.num_fresh}."
            )

    @classmethod
    def quick(cls) -> Config:
        """Return settings that end in under a minute."""
        return cls(
            flow="affine",
            width=64,
            num_samples=500,
            num_fresh=500,
            num_steps=200,
            score_others=False,
            jit_compile=False,
            seeds=1,
        )
