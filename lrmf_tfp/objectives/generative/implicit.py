"""Networks that turn noise into samples, whose density is known to nobody."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf

from lrmf_tfp._core.seeds import seeded_normal, seeded_uniform
from lrmf_tfp._core.typing import Tensor
from lrmf_tfp._validation import check_choice, check_positive_int
from lrmf_tfp.divergences._arguments import as_seed
from lrmf_tfp.networks import MLP

__all__ = ["ImplicitGenerator", "NOISES", "glorot_mlp", "implicit_generator"]

NOISES = {"normal": seeded_normal, "uniform": seeded_uniform}
"""What noise can be: standard normal, or uniform in [-1, 1]."""


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
        return self(NOISES[self._noise](shape, as_seed(seed), dtype=self._dtype))


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


def glorot_mlp(
    in_features: int,
    out_features: int,
    *,
    hidden_units: Sequence[int],
    activation: str | Sequence[str] = "relu",
    scale: float = 1.0,
    dtype: tf.DType = tf.float32,
    seed: int = 0,
) -> MLP:
    """Build an `MLP` whose kernels have the variance `2 / (in + out)` of Glorot and Bengio.

    For two columns of input its first layer is a fiftieth as steep as that of He et al.

    Args:
        in_features: Columns of the input.
        out_features: Columns of the output.
        hidden_units: Widths of the hidden layers.
        activation: Name of their activation, or one for each.
        scale: Factor on the last kernel.
        dtype: Floating-point type.
        seed: Seed of the weights.

    References:
        [1] Glorot and Bengio, Understanding the difficulty of training deep feedforward neural
            networks, AISTATS 2010, eq. (16).
    """
    network = MLP(
        in_features,
        out_features,
        hidden_units=hidden_units,
        activation=activation,
        last_gain=2.0 * scale**2,
        dtype=dtype,
        seed=seed,
    )
    for layer in network.layers:  # drawn with variance 2 / in, times scale^2 for the last
        rows, columns = layer.kernel.shape
        layer.kernel.assign(layer.kernel * (rows / (rows + columns)) ** 0.5)
    return network
