"""Settings of the experiment, and the models that there are."""

from __future__ import annotations

from dataclasses import dataclass, field

from experiments.common.settings import check_among, check_at_least

__all__ = ["Config", "TITLES"]

TITLES = {"gram": "GRAM", "mmd_net": "MMD-net", "mmd_gan": "MMD-GAN", "gan": "GAN"}
"""What pictures call a model, by its name."""


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    models: tuple[str, ...] = field(
        default=("gram", "mmd_net", "mmd_gan", "gan"), metadata={"help": "models to train"}
    )
    noise_size: int = field(default=20, metadata={"help": "columns of the noise"})
    width: int = field(default=100, metadata={"help": "units of each hidden layer"})
    num_features: int = field(default=10, metadata={"help": "columns of features and codes"})
    num_dims: int = field(default=2, metadata={"help": "of the ring, 2 or 3"})
    num_samples: int = field(default=60_000, metadata={"help": "training samples of the ring"})
    num_steps: int = field(default=4000, metadata={"help": "steps of each generator"})
    batch_size: int = field(default=100, metadata={"help": "rows of a batch"})
    projection_rate: float = field(
        default=2e-4, metadata={"help": "of the projection of GRAM; published: 1e-3"}
    )
    gan_rate: float = field(default=1e-3, metadata={"help": "of the GAN; published: 1e-4"})
    mmd_gan_rate: float = field(default=5e-4, metadata={"help": "of the MMD-GAN; published: 5e-5"})
    grid: bool = field(default=True, metadata={"help": "train over noise sizes and widths, too"})
    grid_noise_sizes: tuple[int, ...] = field(default=(2, 4, 8, 16))
    grid_widths: tuple[int, ...] = field(default=(20, 100, 200))
    digits: bool = field(default=True, metadata={"help": "GRAM on MNIST, too"})
    digits_steps: int = field(default=4000, metadata={"help": "steps of the digits' generator"})
    digits_batch_size: int = field(default=200, metadata={"help": "digits in a batch"})
    digits_bandwidths: tuple[float, ...] = field(default=(1.0, 3.0))
    jit_compile: bool = field(default=True, metadata={"help": "compile with XLA what gains by it"})
    seeds: int = field(default=1, metadata={"help": "number of seeds to run, from --seed on"})
    seed: int = field(default=0, metadata={"help": "first seed of data, start and batches"})

    def __post_init__(self) -> None:
        """Check what the library does not, before anything is trained."""
        check_among(self, sorted(TITLES), "models")
        check_at_least(self, 1, "num_steps", "batch_size", "digits_steps", "seeds")

    @classmethod
    def quick(cls) -> Config:
        """Return settings that end in under a minute."""
        return cls(
            num_samples=2000,
            num_steps=150,
            grid_noise_sizes=(2, 16),
            grid_widths=(20,),
            digits=False,
            jit_compile=False,
        )
