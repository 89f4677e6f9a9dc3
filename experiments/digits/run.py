"""MNIST and USPS digits in one embedding, moved onto each other: the paper's figure 6.

One autoencoder is trained on the images of both domains. The vectors of one domain are moved
onto those of the other by LRMF and by what it is compared with; classifiers that were fitted on
the other domain then tell the moved test digits. Training, stopping and selection see no label
of the moved domain.
"""

from __future__ import annotations

import dataclasses
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import lrmf_tfp as lt
from experiments.common.runner import report, run_experiment, save_figure
from experiments.digits.embeddings import CANDIDATES, changed, make_autoencoder, retrieval
from experiments.digits.maps import METHODS, Fitted, fit_map
from experiments.digits.measures import CLASSIFIERS, Judge, mcnemar_p
from experiments.digits.pictures import draw_accuracies, draw_images, draw_moved, draw_projection

__all__ = ["Config", "main", "run"]

Array = NDArray[np.floating[Any]]
Images = dict[str, dict[str, lt.datasets.DigitImages]]
_DIRECTIONS = {"usps_to_mnist": ("usps", "mnist"), "mnist_to_usps": ("mnist", "usps")}
_SCORED = ("value", "lower", "upper", "normalized", "private_nll_source", "private_nll_target")


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
        default=tuple(_DIRECTIONS), metadata={"help": "which domain is moved onto which"}
    )
    jit_compile: bool = field(default=True, metadata={"help": "compile the maps' training"})
    seeds: int = field(default=1, metadata={"help": "number of seeds to run, from --seed on"})
    seed: int = field(default=0, metadata={"help": "first seed of images, weights and batches"})

    def __post_init__(self) -> None:
        """Check what the library does not."""
        counts = ("num_images", "train_images", "test_images")  # every digit is among a hundred
        for name, least in (*((name, 100) for name in counts), ("emd_samples", 2), ("seeds", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"`{name}` must be at least {least}; got {getattr(self, name)}.")
        for name, known in (("methods", METHODS), ("directions", tuple(_DIRECTIONS))):
            for value in getattr(self, name):
                if value not in known:
                    raise ValueError(f"`{name}` must be among {list(known)}; got {value!r}.")
        if "lrmf" not in self.methods:
            raise ValueError(f"`methods` must have 'lrmf'; got {list(self.methods)}.")
        if self.autoencoder not in ("vae", "vae_gan"):
            raise ValueError(f"`autoencoder` must be vae or vae_gan; got {self.autoencoder!r}.")

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


class Domain(NamedTuple):
    """One domain: images, labels for the judge alone, and vectors."""

    train: lt.datasets.DigitImages
    test: lt.datasets.DigitImages
    train_vectors: Array
    test_vectors: Array
    fitted: Array  # vectors of the images that maps are fitted to


def run(config: Config, *, output: Path | None = None) -> dict[str, Any]:
    """Return the metrics; draw the pictures of the first seed into `output` if it is given."""
    per_seed = []
    for seed in range(config.seed, config.seed + config.seeds):
        began, worked = time.monotonic(), time.process_time()
        drawn = output if seed == config.seed else None
        found = run_seed(config, seed=seed, output=drawn)
        found["seconds"] = round(time.monotonic() - began, 1)
        found["cpu_seconds"] = round(time.process_time() - worked, 1)
        per_seed.append({"seed": seed, **found})
    metrics = {name: summary(per_seed, name) for name in config.directions}
    first = metrics.pop(config.directions[0])
    metrics = {"direction": config.directions[0], **first, "others": metrics}
    metrics["cpu_seconds"] = [each["cpu_seconds"] for each in per_seed]
    if config.compare_embeddings:
        metrics["embeddings"] = compare_embeddings(config)
    if output is not None:
        for name in config.directions:
            figure = draw_accuracies([each[name] for each in per_seed], config.methods, name)
            save_figure(figure, output / f"accuracy_{name}.png")
    return metrics | {"per_seed": per_seed}


def run_seed(config: Config, *, seed: int, output: Path | None) -> dict[str, Any]:
    """Embed the images once, then move them in each direction."""
    images = read_images(config)
    autoencoder = fit_autoencoder(config, images, seed=seed)
    domains = {
        name: make_domain(config, autoencoder, splits, seed=seed)
        for name, splits in images.items()
    }
    scores = dict(zip(images, autoencoder.held_out_scores_, strict=True))
    found: dict[str, Any] = {"embedding": {name: each._asdict() for name, each in scores.items()}}
    report(f"digits: seed {seed}, embedded, {found['embedding']}")
    if output is not None:
        shown = {name.upper(): domain.test for name, domain in domains.items()}
        save_figure(draw_images(autoencoder, shown, seed=seed), output / "embedding.png")
    for direction in config.directions:
        source, target = (domains[name] for name in _DIRECTIONS[direction])
        maps = {
            name: fit_map(name, source.fitted, target.fitted, config, seed=seed)
            for name in config.methods
        }
        judge = Judge(target.train_vectors, target.train.labels)
        score = maps["lrmf"].map.score(source.fitted, target.fitted)
        told = score._asdict()
        found[direction] = {
            **measure(maps, source, judge),
            "score": {key: told[key] for key in (*_SCORED, "converged", "verdict")},
            "cpu_seconds_of": {name: round(each.seconds, 1) for name, each in maps.items()},
        }
        report(f"digits: seed {seed}, {direction}: 1-NN {found[direction]['accuracy_1nn']}")
        if output is not None:
            draw(maps, autoencoder, source, target, direction=direction, output=output)
            figure = lt.plotting.plot_history(maps["lrmf"].map.history, score=score)
            save_figure(figure, output / f"loss_{direction}.png")
    return found


def read_images(config: Config) -> Images:
    """Return the images of both splits of both domains, the first ones of each."""
    most = {"train": config.train_images, "test": config.test_images}
    found: Images = {}
    for name in ("usps", "mnist"):
        whole = {
            split: lt.datasets.digit_images(name, split=split, framing=config.framing)
            for split in most
        }
        found[name] = {
            split: type(each)(each.images[: most[split]], each.labels[: most[split]])
            for split, each in whole.items()
        }
    return found


def fit_autoencoder(config: Config, images: Images, *, seed: int) -> Any:
    """Return the autoencoder, trained on the images of both domains."""
    autoencoder = make_autoencoder(config, seed=seed)
    return autoencoder.fit(*(splits["train"].images for splits in images.values()))


def make_domain(
    config: Config, autoencoder: Any, splits: dict[str, lt.datasets.DigitImages], *, seed: int
) -> Domain:
    """Embed the images of a domain; draw those that maps are fitted to."""
    train, test = splits["train"], splits["test"]
    vectors = autoencoder.encode(train.images)
    rows = np.random.default_rng([seed, 2]).permutation(len(vectors))[: config.num_images]
    return Domain(train, test, vectors, autoencoder.encode(test.images), vectors[rows])


def compare_embeddings(config: Config) -> dict[str, Any]:
    """Return, of each candidate, what ranks it without moved labels, and how USPS then fares."""
    found, seed, images = {}, config.seed, read_images(config)
    for name, changes in CANDIDATES.items():
        settings = dataclasses.replace(config, **changes)
        autoencoder = fit_autoencoder(settings, images, seed=seed)
        usps, mnist = (
            make_domain(settings, autoencoder, splits, seed=seed) for splits in images.values()
        )
        maps = {
            method: fit_map(method, usps.fitted, mnist.fitted, settings, seed=seed)
            for method in ("none", "lrmf")
        }
        judge = Judge(mnist.train_vectors, mnist.train.labels)
        judged = measure(maps, usps, judge)
        found[name] = {
            "target": target_accuracy(autoencoder, mnist, judge, seed=seed),
            "retrieval": retrieval(autoencoder, mnist.test.images[:1000], seed=seed),
            **{key: judged[key] for key in ("accuracy_1nn", "mcnemar_p")},
        }
        report(f"digits: embedding {name!r}: {found[name]}")
    return found


def target_accuracy(
    autoencoder: Any, target: Domain, judge: Judge, *, seed: int
) -> dict[str, float]:
    """Return the 1-NN accuracy on the target's own test images, as they are and changed."""
    tests = {
        "plain": target.test_vectors,
        "changed": autoencoder.encode(changed(target.test.images, seed=seed)),
    }
    hits = judge.hits(tests, target.test.labels)["1nn"]
    return {name: float(np.mean(each)) for name, each in hits.items()}


def measure(maps: dict[str, Fitted], source: Domain, judge: Judge) -> dict[str, Any]:
    """Return accuracies on the source's test digits, and tests between methods."""
    moved = {name: each.move(source.test_vectors) for name, each in maps.items()}
    found: dict[str, Any] = {}
    for kind, hits in judge.hits(moved, source.test.labels).items():
        found[f"accuracy_{kind}"] = {name: float(np.mean(each)) for name, each in hits.items()}
        found[f"mcnemar_p{'' if kind == '1nn' else '_' + kind}"] = {
            name: mcnemar_p(hits["lrmf"], each) for name, each in hits.items() if name != "lrmf"
        }
    return found


def summary(per_seed: list[dict[str, Any]], direction: str) -> dict[str, Any]:
    """Return the means over seeds, their spread, and the largest p of each test."""
    entries = [each[direction] for each in per_seed]
    found: dict[str, Any] = {}
    for kind in CLASSIFIERS:
        table = [each[f"accuracy_{kind}"] for each in entries]
        found[f"accuracy_{kind}"] = {n: float(np.mean([t[n] for t in table])) for n in table[0]}
        found[f"std_{kind}"] = {n: float(np.std([t[n] for t in table])) for n in table[0]}
    for key in ("mcnemar_p", "mcnemar_p_logistic"):
        found[key] = {n: max(each[key][n] for each in entries) for n in entries[0][key]}
    found["score"] = {
        name: float(np.mean([each["score"][name] for each in entries])) for name in _SCORED
    }
    found["score"]["converged"] = all(each["score"]["converged"] for each in entries)
    return found


def draw(
    maps: dict[str, Fitted],
    autoencoder: Any,
    source: Domain,
    target: Domain,
    *,
    direction: str,
    output: Path,
) -> None:
    """Write the decoded digits and the projections of one direction."""
    names = [name.upper() for name in _DIRECTIONS[direction]]
    figure = draw_moved(maps, autoencoder, source.test, target.test, names=names)
    save_figure(figure, output / f"moved_{direction}.png")
    figure = draw_projection(maps, source, target, names=names)
    save_figure(figure, output / f"projection_{direction}.png", num_colors=128)


def main() -> int:
    """Run from the command line."""
    return run_experiment("digits", Config, run)


if __name__ == "__main__":
    sys.exit(main())
