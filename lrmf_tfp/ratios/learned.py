"""The critic of an f-divergence: a network trained to the highest lower bound."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf

from lrmf_tfp._core.spec import described
from lrmf_tfp._core.typing import Array, Samples, Tensor
from lrmf_tfp._validation import check_fraction, check_positive_ints, check_seed
from lrmf_tfp.divergences import DonskerVaradhan, VariationalBound
from lrmf_tfp.divergences.f_divergence.variational import as_variational_bound
from lrmf_tfp.networks import MLP
from lrmf_tfp.objectives import VariationalObjective
from lrmf_tfp.objectives.variational import weighted_bound, weighted_log_mean_exp
from lrmf_tfp.ratios._network_modules import LearnedModule
from lrmf_tfp.ratios._records import arrays_of, described_result, result_of
from lrmf_tfp.ratios._rows import as_pair, quiet
from lrmf_tfp.ratios._training import check_network, dtype_of, prepared
from lrmf_tfp.ratios.critic import SavedCritic
from lrmf_tfp.ratios.saved import described_pair
from lrmf_tfp.samples import Batch, Sample
from lrmf_tfp.samples.batch import map_parts
from lrmf_tfp.training import FitConfig, FitResult, fit

__all__ = ["LearnedCritic", "fit_critic"]

_CONFIG = FitConfig(num_steps=3000, batch_size=500)


class LearnedCritic(SavedCritic):
    """A trained network v, and what it estimates of `D_f(p || q)` at a point x.

    * `output` is v(x), what the network returns; what it tells depends on the divergence.
    * `value`, which is what calling the critic returns, is `T(x) = g(v(x))`, an estimate of
      `f'(p / q)`.
    * `log_ratio`, from v, is one of `log(p / q)`.
    * `ratio`, its exponential, is one of `p / q`.

    `gradient`, `log_ratio_gradient` and `ratio_gradient` are the gradients in x of the last three.
    They differ: for the KL `T = 1 + log(p / q)`, so that `gradient` is `log_ratio_gradient`, and
    `ratio_gradient` is that times the ratio. Where neither sample set has points the network
    extrapolates, and all of this tells about the network alone.

    All methods take samples `[B, D]` and give NumPy arrays in the dtype of the network. The same
    functions of tensors, which a `tf.GradientTape` sees through, are attributes of `module`.

    Attributes:
        module: The `LearnedModule` or loaded SavedModel that computes; `module.network` is the
            trained network, on standardised samples.
        metadata: Versions, settings and results, as written to `assets.extra/critic.json`.
    """

    @property
    def divergence(self) -> VariationalBound:
        """The bound that was maximised.

        Raises:
            ValueError: If it is none of the library's and the critic was loaded.
        """
        if isinstance(self.module, LearnedModule):
            return self.module.divergence
        return as_variational_bound(self.metadata["divergence"])

    @property
    def result(self) -> FitResult:
        """The record of the training.

        `history["validation_loss"]` is minus the held-out bound.
        """
        return result_of(self.metadata["result"], self.arrays)

    @property
    def held_out_bound(self) -> float:
        """The bound on held-out samples.

        They chose which weights were kept, so that it is a little optimistic; `bound` on fresh
        samples is not.
        """
        return float(self.metadata["held_out_bound"])

    @property
    def offset(self) -> float:
        """What was taken off the network's output, 0 for all bounds but one.

        Donsker and Varadhan's leaves a constant free: `log(mean(exp(v(y))))` over the training
        rows of q.
        """
        return float(self.metadata["offset"])

    def output(self, x: Samples | Sample) -> Array:
        """Return the raw output v `[B]`.

        Raises:
            TypeError: If `x` is not numeric.
            ValueError: If `x` is not finite, of another width or has other columns.
        """
        return self.evaluate("output", x)

    def value(self, x: Samples | Sample) -> Array:
        """Return the critic `T = g(v)` `[B]`, an estimate of `f'(p / q)`; errors as `output`."""
        return self(x)

    def log_ratio(self, x: Samples | Sample) -> Array:
        """Return the estimate of `log(p / q)` `[B]`, nats.

        Raises:
            ValueError: If the divergence's critic does not tell the ratio; else as `output`.
        """
        return self._told("log_ratio", x)

    def ratio(self, x: Samples | Sample) -> Array:
        """Return the estimate of `p / q` `[B]`, >= 0; errors as `log_ratio`.

        Above `exp(40)` the exponential goes on as its tangent.
        """
        return self._told("ratio", x)

    def gradient(self, x: Samples | Sample) -> Array:
        """Return `dT/dx` `[B, D]`, what a generator trained against the critic would follow."""
        return self.evaluate("gradient", x)

    def log_ratio_gradient(self, x: Samples | Sample) -> Array:
        """Return `d log(p / q) / dx` `[B, D]` of the estimate; errors as `log_ratio`."""
        return self._told("log_ratio_gradient", x)

    def ratio_gradient(self, x: Samples | Sample) -> Array:
        """Return `d (p / q) / dx` `[B, D]` of the estimate; errors as `log_ratio`."""
        return self._told("ratio_gradient", x)

    def bound(self, numerator: Samples | Sample, denominator: Samples | Sample) -> float:
        """Return the lower bound of the divergence on samples, weighted if they are.

        On samples that the training did not see it is unbiased for a number that is at most
        the divergence (up to `DonskerVaradhan`'s own bias); on those that it saw it is too high.

        Args:
            numerator: Samples `[N, D]` of p.
            denominator: Samples `[M, D]` of q.

        Returns:
            Nats for the divergences made of logarithms.

        Errors as `output`.
        """
        pair = as_pair(numerator, denominator, min_rows=1)
        of_p, of_q = (tf.constant(self.output(sample)) for sample in pair)
        weights = pair.numerator.training_weights, pair.denominator.training_weights
        return float(weighted_bound(self.divergence, (of_p, of_q), weights))

    def _told(self, name: str, x: Samples | Sample) -> Array:
        if not self.metadata["tells_ratio"]:
            raise ValueError(
                "`divergence` must be one whose critic tells the ratio; "
                f"got {self.metadata['divergence']!r}, which tells only where p > q."
            )
        return self.evaluate(name, x)


@quiet
def fit_critic(
    numerator: Samples | Sample,
    denominator: Samples | Sample,
    *,
    divergence: str | VariationalBound = "kl",
    network: Callable[[Tensor], Tensor] | None = None,
    hidden_units: Sequence[int] = (32, 32),
    config: FitConfig | None = None,
    seed: int = 0,
    validation_fraction: float = 0.2,
) -> LearnedCritic:
    """Train a critic whose output tells the density ratio of two sample sets.

    Maximises `mean(g(v(x))) - mean(f*(g(v(y))))`, x from p and y from q, over the weights of a
    network v; at the best v the value is the divergence and v tells `p / q`. Inputs are
    standardised by the training samples of both, which count one half each. Where rows have
    weights, they are drawn by them, and all means are weighted. Where p has samples that q has
    none near, the KL is infinite and the bound never settles: held-out samples do not stop that.

    Args:
        numerator: Samples `[N, D]` of p, N >= 2; a `Sample` where rows have weights.
        denominator: Samples `[M, D]` of q, M >= 2, likewise.
        divergence: A name of `lrmf_tfp.divergences.VARIATIONAL_BOUNDS` or an object of it.
        network: Any `tf.Module` `[B, D] -> [B]` or `[B, 1]` of standardised inputs, trained in
            place as `lrmf_tfp.fit` does; a multilayer perceptron with tanh units by default, in
            the dtype of the samples.
        hidden_units: Widths of that perceptron.
        config: Settings of the fit; 3000 steps on batches of 500 by default.
        seed: Seed of the split, of the perceptron's start and of the batches.
        validation_fraction: Share of each sample set that is held out, to choose the weights.

    Returns:
        The critic.

    Raises:
        FloatingPointError: If training stays non-finite.
        TypeError: If samples are not numbers or the network cannot be called or trained.
        ValueError: If shapes do not fit, values are not finite, rows are too few, the divergence
            is unknown, or the network has no weights or another output.

    Examples:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> x, y = rng.normal(1.0, 1.0, [500, 1]), rng.normal(0.0, 1.0, [500, 1])
        >>> critic = fit_critic(x, y, config=FitConfig(num_steps=300, jit_compile=False))
        >>> bool(critic.log_ratio([[2.0]]) > critic.log_ratio([[-1.0]]))
        True

    References:
        [1] Nguyen, Wainwright, Jordan, Estimating divergence functionals and the likelihood
            ratio by convex risk minimization, IEEE Trans. Inf. Theory 2010, arXiv:0809.0853,
            lemma 1.
        [2] Nowozin, Cseke, Tomioka, f-GAN, NeurIPS 2016, arXiv:1606.00709,
            eq. (4)-(6).
        [3] Belghazi et al., Mutual Information Neural Estimation, ICML 2018, arXiv:1801.04062,
            theorem 1.
    """
    seed = check_seed(seed, "seed")
    fraction = check_fraction(validation_fraction, "validation_fraction")
    widths = check_positive_ints(hidden_units, "hidden_units")
    pair = as_pair(numerator, denominator)
    dtype = dtype_of(network, pair)
    data = prepared(pair, fraction, seed=seed, dtype=dtype)
    if network is None:
        network = MLP(
            pair.num_dims,
            1,
            hidden_units=widths,
            activation="tanh",
            last_gain=1.0,
            seed=seed,
            dtype=tf.as_dtype(dtype),
        )
    objective = VariationalObjective(network, divergence=divergence)
    check_network(network, objective.outputs, data.train[0].values)
    result = fit(objective, data.train, config or _CONFIG, validation=data.held_out, seed=seed)
    offset = _offset(objective, data.train[1])
    metadata = {
        **described_pair(pair, "LearnedCritic"),
        "dtype": dtype.name,
        "divergence": objective.divergence.name,
        "tells_ratio": objective.divergence.log_ratio_of_output is not None,
        "settings": {"config": described(config or _CONFIG), "seed": seed},
        "held_out_bound": -float(objective.validation_loss(*map(_tensors, data.held_out))),
        "offset": offset,
        "result": described_result(result),
    }
    module = LearnedModule(objective, data.standardizer, offset=offset, dtype=dtype)
    return LearnedCritic(module, metadata, arrays=arrays_of(result))


def _offset(objective: VariationalObjective, denominator: Sample) -> float:
    """Return the constant that the bound leaves free in the output."""
    if not isinstance(objective.divergence, DonskerVaradhan):
        return 0.0
    values, weights, _ = _tensors(denominator)
    return float(weighted_log_mean_exp(objective.outputs(values), weights))


def _tensors(sample: Sample) -> Batch:
    return map_parts(tf.convert_to_tensor, sample.batch())
