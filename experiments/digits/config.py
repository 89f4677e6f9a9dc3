"""Settings of the experiment, the methods and the directions."""

from __future__ import annotations

from dataclasses import dataclass, field

from experiments.common.settings import check_among, check_at_least

__all__ = ["Config", "DIRECTIONS", "METHODS"]

METHODS = ("none", "coral", "gaussian", "emd", "mmd", "gram", "lrmf")
"""What vectors are moved by, in the order of the pictures."""
DIRECTIONS = {"usps_to_mnist": ("usps", "mnist"), "mnist_to_usps": ("mnist", "usps")}
"""Which domain is moved onto which, by the name of the direction."""


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    framing: str = field(
        default="published", metadata={"help": "published or matched, see digit_images"}
    )
    autoencoder: str = field(default="vae", metadata={"help": "vae or vae_gan"})
    latent_size: int = field(default=16, metadata={"help": "length of a vector"})
    beta: float = field(default=0.1, metadata={"help": "weight of the autoencoder's KL"})
    augment: bool = field(
        default=True, metadata={"help": "train the encoder on images moved at random"}
    )
    early_stopping: bool = field(
        default=False, metadata={"help": "stop the VAE when held-out images get no better"}
    )
    compare_embeddings: bool = field(
        default=False, metadata={"help": "compare other embeddings on the first seed, too"}
    )
    vae_steps: int = field(default=4000, metadata={"help": "steps of the autoencoder"})
    num_images: int = field(
        default=20_000, metadata={"help": "most images a domain that maps are fitted to"}
    )
    num_steps: int = field(default=2000, metadata={"help": "largest number of LRMF steps a stage"})
    baseline_steps: int = field(default=1500, metadata={"help": "steps of the MMD and GRAM flows"})
    batch_size: int = field(default=256, metadata={"help": "vectors of each domain in a step"})
    emd_samples: int = field(default=4000, metadata={"help": "images a domain for exact EMD"})
    train_images: int = field(default=60_000, metadata={"help": "most training images a domain"})
    test_images: int = field(default=10_000, metadata={"help": "most test images a domain"})
    methods: tuple[str, ...] = field(default=METHODS, metadata={"help": "how vectors are moved"})
    directions: tuple[str, ...] = field(
        default=tuple(DIRECTIONS), metadata={"help": "which domain is moved onto which"}
    )
    jit_compile: bool = field(default=True, metadata={"help": "compile the maps' training"})
    seeds: int = field(default=1, metadata={"help": "number of seeds to run, from --seed on"})
    seed: int = field(default=0, metadata={"help": "first seed of images, weights and batches"})

    def __post_init__(self) -> None:
        """Check what the library does not."""
        # Every digit is among a hundred images.
        check_at_least(self, 100, "num_images", "train_images", "test_images")
        check_at_least(self, 2, "emd_samples")
        check_at_least(self, 1, "seeds")
        check_among(self, METHODS, "methods")
        check_among(self, DIRECTIONS, "directions")
        check_among(self, ("vae", "vae_gan"), "autoencoder")
        if "lrmf" not in self.methods:
            raise ValueError(f"`methods` must have 'lrmf'; got {list(self.methods)}.")

    @classmethod
    def quick(cls) -> Config:
        """Return settings that end in under a minute."""
        return cls(
            vae_steps=60,
            num_images=500,
            num_steps=40,
            baseline_steps=20,
            emd_samples=200,
            train_images=3000,
            test_images=300,
            methods=("none", "coral", "gaussian", "emd", "mmd", "lrmf"),
            directions=("usps_to_mnist",),
            jit_compile=False,
        )
