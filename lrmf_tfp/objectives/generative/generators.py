"""What makes samples, and the objectives that compare them with data (level 3).

A generator is a flow, which moves the samples of a source, or a network that turns noise into
samples. The objectives take either, and are called on a batch of what the generator starts from
and a batch of data, or on data alone where noise is to be drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
from tensorflow_probability import bijectors as tfb

from lrmf_tfp._core.log_det import forward_and_log_det
from lrmf_tfp._core.seeds import seeded_normal
from lrmf_tfp._core.typing import Tensor
from lrmf_tfp._validation import check_choice, check_positive_int, check_seed
from lrmf_tfp.divergences import energy_distance
from lrmf_tfp.networks import MLP
from lrmf_tfp.objectives.base import Objective

__all__ = [
    "GeneratorObjective",
    "ImplicitGenerator",
    "NOISES",
    "glorot_mlp",
    "implicit_generator",
    "root_of_mmd",
]

NOISES = ("normal", "uniform")
"""What noise can be: standard normal, or uniform in [-1, 1]."""

_UNDER_ROOT = 1e-6  # keeps the slope of the root finite where the two sets agree


class ImplicitGenerator(tf.Module):
    """Network that turns noise into samples, whose density is known to nobody.

    Attributes:
        network: The network, `[B, Z] -> [B, D]`.
        noise_size: Z, columns of the noise.

    Examples:
        >>> generator = implicit_generator(2, noise_size=4, hidden_units=(8,), seed=0)
        >>> generator.sample(5, seed=1).shape.as_list()
        [5, 2]
    """

    def __init__(
        self,
        network: Callable[[Tensor], Tensor],
        *,
        noise_size: int,
        noise: str = "normal",
        output_fn: Callable[[Tensor], Tensor] | None = None,
        dtype: tf.DType = tf.float32,
        name: str = "generator",
    ) -> None:
        """Join a network and its noise.

        Args:
            network: Function or module `[B, Z] -> [B, D]`. It must not start as a constant.
            noise_size: Z, columns of the noise.
            noise: `"normal"`, standard normal, or `"uniform"`, in [-1, 1].
            output_fn: Applied to what the network returns, such as `tf.sigmoid` for images in
                [0, 1]; nothing when None.
            dtype: Floating-point type of the noise.
            name: Name of the module.

        Raises:
            TypeError: If `noise_size` is not a whole number.
            ValueError: If `noise_size` is below 1 or the noise is unknown.
        """
        super().__init__(name=name)
        self.network = network
        self.noise_size = check_positive_int(noise_size, "noise_size")
        self._output_fn = output_fn
        self._noise = check_choice(noise, "noise", NOISES)
        self._dtype = tf.as_dtype(dtype)

    def __call__(self, noise: Tensor) -> Tensor:
        """Return the samples `[B, D]` of noise `[B, Z]`."""
        samples = self.network(noise)
        return samples if self._output_fn is None else self._output_fn(samples)

    def sample(self, num_samples: int | Tensor, *, seed: int | Tensor) -> Tensor:
        """Return `num_samples` samples `[N, D]`, the same for one seed.

        Args:
            num_samples: N.
            seed: A whole number or a stateless seed `[2]`.

        Raises:
            TypeError: If the seed is neither, or `num_samples` is not a whole number.
            ValueError: If the seed is below 0 or `num_samples` below 1.
        """
        if not tf.is_tensor(num_samples):
            check_positive_int(num_samples, "num_samples")
        shape = [num_samples, self.noise_size]
        return self(_draw(self._noise, shape, _as_seed(seed), dtype=self._dtype))


def implicit_generator(
    event_size: int,
    *,
    noise_size: int = 20,
    hidden_units: Sequence[int] = (100, 100),
    activation: str = "relu",
    noise: str = "normal",
    dtype: tf.DType = tf.float32,
    seed: int = 0,
) -> ImplicitGenerator:
    """Build a generator out of a multilayer perceptron, which starts as a cloud around 0.

    Args:
        event_size: D, columns of a sample.
        noise_size: Z, columns of the noise.
        hidden_units: Widths of the hidden layers.
        activation: Name of their activation, or one for each.
        noise: `"normal"` or `"uniform"`, as in `ImplicitGenerator`.
        dtype: Floating-point type.
        seed: Seed of the weights.

    Raises:
        TypeError: If a size is not a whole number.
        ValueError: If a size is below 1 or a name is unknown.
    """
    network = glorot_mlp(
        check_positive_int(noise_size, "noise_size"),
        check_positive_int(event_size, "event_size"),
        hidden_units=hidden_units,
        activation=activation,
        seed=seed,
        dtype=dtype,
    )
    return ImplicitGenerator(network, noise_size=noise_size, noise=noise, dtype=dtype)


def glorot_mlp(in_features: int, out_features: int, *, scale: float = 1.0, **options: Any) -> MLP:
    """Build an `MLP` whose kernels have the variance `2 / (in + out)` of Glorot and Bengio.

    For two columns of input its first layer is a fiftieth as steep as that of He et al.

    Args:
        in_features: Columns of the input.
        out_features: Columns of the output.
        scale: Factor on the last kernel.
        **options: Passed to `MLP`.

    References:
        [1] Glorot and Bengio, Understanding the difficulty of training deep feedforward neural
            networks, AISTATS 2010, eq. (16).
    """
    network = MLP(in_features, out_features, last_gain=2.0 * scale**2, **options)
    for layer in network.layers:  # drawn with variance 2 / in, times scale^2 for the last
        rows, columns = layer.kernel.shape
        layer.kernel.assign(layer.kernel * (rows / (rows + columns)) ** 0.5)
    return network


class GeneratorObjective(Objective):
    """Base class of objectives that compare generated samples with data.

    They are called on `(start, data)`, where the generator is applied to `start`: a source's
    samples for a flow, noise for a network. Called on `(data,)` alone, they draw the noise from
    the step's seed. Losses in a learned or drawn space do not rank weights, so with held-out
    samples those with the least energy distance are kept, and without them the last ones.

    Attributes:
        generator: A `tfb.Bijector` or an `ImplicitGenerator`.
    """

    main_stage = "generator"
    loss_ranks_weights = False

    def __init__(self, generator: Any, *, name: str) -> None:
        super().__init__(name=name)
        self.generator = generator

    @property
    def flow(self) -> Any:
        """The generator, if it is a flow; only then can an `Aligner` use the objective."""
        if isinstance(self.generator, tfb.Bijector):
            return self.generator
        found = type(self.generator).__name__
        raise AttributeError(f"`generator` must be a flow to have a `flow`; got a {found}.")

    def generate(
        self, batches: tuple[Tensor, ...], seed: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return generated samples `[N, D]` and data `[M, D]`.

        Args:
            batches: `(start, data)`, or `(data,)`.
            seed: Stateless seed `[2]` of the noise.

        Raises:
            ValueError: If a set has fewer than 2 rows, the widths differ, or a flow gets nothing
                to move.
        """
        data = tf.convert_to_tensor(batches[-1])
        if len(batches) == 2:
            generated = self._apply(tf.convert_to_tensor(batches[0]))
        elif hasattr(self.generator, "sample"):
            seed = tf.constant([0, 0], tf.int64) if seed is None else seed
            num_rows = data.shape[0] or tf.shape(data)[0]
            generated = self.generator.sample(num_rows, seed=tf.cast(seed, tf.int32))
            generated = tf.ensure_shape(generated, [data.shape[0], None])
        else:
            raise ValueError(
                "`batches` must be a source and data where the generator is a flow; got 1 batch."
            )
        _check_batch(generated, "generated samples", like=data)
        _check_batch(data, "data", like=generated)
        return generated, data

    def validation_loss(self, *batches: Tensor) -> Tensor:
        """Return the energy distance of generated samples and data."""
        return energy_distance(*self.generate(batches))

    def _apply(self, start: Tensor) -> Tensor:
        if isinstance(self.generator, tfb.Bijector):
            return forward_and_log_det(self.generator, start)[0]
        return self.generator(start)


def root_of_mmd(squared: Tensor) -> Tensor:
    """Return `sqrt(max(squared, 0) + 1e-6)` of a squared MMD, whose slope is finite at 0."""
    return tf.sqrt(tf.nn.relu(squared) + tf.constant(_UNDER_ROOT, squared.dtype))


def _check_batch(samples: Tensor, name: str, *, like: Tensor) -> None:
    rows, columns = samples.shape
    if rows is not None and rows < 2:
        raise ValueError(f"`{name}` must have at least 2 rows in a batch; got {rows}.")
    if columns != like.shape[1] and None not in (columns, like.shape[1]):
        raise ValueError(f"`{name}` must have {like.shape[1]} columns; got {columns}.")


def _draw(noise: str, shape: Sequence[Any], seed: Tensor, *, dtype: tf.DType) -> Tensor:
    if noise == "normal":
        return seeded_normal(shape, seed, dtype=dtype)
    draw = tf.random.stateless_uniform(shape, seed, -1.0, 1.0, tf.float64, alg="philox")
    return tf.cast(draw, dtype)


def _as_seed(seed: int | Tensor) -> Tensor:
    if tf.is_tensor(seed) or isinstance(seed, (tuple, list)):
        return tf.cast(seed, tf.int64)
    return tf.constant([0, check_seed(seed, "seed")], tf.int64)
