# pyright: reportUnknownMemberType=false
"""The dendritic layer: neurons with dendrites that each read a few of the inputs."""

from numbers import Integral
from typing import Any

import jax.numpy as jnp
from flax import nnx
from jax import export
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int, Shaped

from jdend import kernels
from jdend.connectivity import ImageShape, Size, check_indices, draw_indices
from jdend.kernels import Packed
from jdend.models._activations import NEGATIVE_SLOPE, Activation, activation_of
from jdend.models._initialization import dendrite_normal, dendrite_std

__all__ = ["DendriticLayer", "SynapseIndex", "TrueSizes"]

MAX_UNITS = 2**16  # neurons, or dendrites of a neuron: `dendrite_keys` has no more keys


class SynapseIndex(nnx.Variable[Array]):
    """The input that each synapse reads, int32 `[N, D, K]`. It is not an `nnx.Param`: optimizers do
    not change it, and the budget does not count it. Resampling replaces it."""


class TrueSizes(nnx.Variable[Array]):
    """The true `(N, D, K, F)`, int32 `[4]`, of a layer whose arrays are padded."""


class DendriticLayer(nnx.Module):
    """Neurons with dendrites that each read `n_dendrite_inputs` of the inputs.

    For `B` examples, `F` features, `N` neurons, `D` dendrites per neuron and `K` synapses per
    dendrite::

        h[b, n, d] = leaky(sum_k weight[n, d, k] * x[b, indices[n, d, k]] + bias[n, d])
        s[b, n]    = leaky(sum_d soma_weight[n, d] * h[b, n, d] + soma_bias[n])

    with LeakyReLUs of slope 0.1 below zero, unless other activations are given. Without somata
    there is one group of `D` dendrites; the layer returns them as `[B, D]`, and `n_neurons` is
    ignored.

    Example usage::

      >>> from flax import nnx
      >>> from jdend.models import DendriticLayer
      >>> import jax.numpy as jnp

      >>> layer = DendriticLayer(784, 12, 6, 96, rngs=nnx.Rngs(0))
      >>> layer.weight.shape, layer.indices.shape
      ((12, 6, 96), (12, 6, 96))
      >>> layer(jnp.ones((32, 784))).shape
      (32, 12)

    Args:
      in_features: `F`, the number of inputs.
      n_neurons: `N`.
      n_dendrites: `D`, the dendrites of each neuron.
      n_dendrite_inputs: `K`, the synapses of each dendrite, at most `F`.
      soma: whether there are somata, which sum the dendrites.
      connectivity: the rule that draws the inputs, a name of `jdend.connectivity.CONNECTIVITIES` or
        its traced position there.
      field_std: the width of a receptive field, in pixels; by default `K ** 0.5`.
      image_shape: `(H, W, C)` of the inputs, or `(H, W)`, which receptive fields need. The inputs
        may then be given as images.
      initialization: `reference`, dendrite weights N(0, 2/F) and soma weights N(0, 2/(N D)), or
        `fan_in`, N(0, 2/K) and N(0, 2/D); or the traced position of one of the two. Biases are 0.
      kernel_init: an initializer of JAX's in place of `initialization`; called with `(K, N D)` for
        the dendrites and `(D, N)` for the somata, so that a fan-in is `K` or `D`. Not for `sizes`.
      dendrite_slope, soma_slope: the slopes below zero of the LeakyReLUs of dendrites and somata;
        with 1 they are linear, below 0 not monotonic, with -1 absolute values.
      dendrite_activation, soma_activation: a name of `jdend.models.ACTIVATIONS`, or a function of
        arrays, elementwise. The kernel's own code computes `leaky_relu`, `relu` and `linear`; other
        activations are applied by JAX to the kernel's sums.
      dtype: of the computation and the result; by default that of inputs and parameters together.
        Sums are those of float32, or float64.
      param_dtype: of the parameters.
      precision: of products of matrices, see `jax.lax.Precision`; by default all of float32's.
      indices: int `[N, D, K]` to use instead of drawn ones; they are checked.
      kernel: the kernel that computes the weighted sum, see `jdend.kernels`.
      sizes: the true `(N, D, K)` of a padded layer, or `(N, D, K, F)` if it has fewer inputs as
        well; possibly traced. The other sizes are then a capacity. What lies beyond the true sizes
        is neither computed nor trained, and does not change what is drawn.
      use_bias: whether dendrites and somata have biases.
      rngs: keys are taken from its streams `params` and `connectivity`, or `params` alone.

    Raises:
      ValueError: if a size is not a positive integer, `K` exceeds `F`, `indices` are out of range,
        repeated or of another shape, or a name is unknown.
      TypeError: if a dtype is none of float16, bfloat16, float32 and float64.
    """

    def __init__(
        self,
        in_features: int,
        n_neurons: int,
        n_dendrites: int,
        n_dendrite_inputs: int,
        *,
        soma: bool = True,
        connectivity: str | Int[Array, ""] = "random",
        field_std: float | Float[Array, ""] | None = None,
        image_shape: tuple[Size, ...] | None = None,
        initialization: str | Int[Array, ""] = "reference",
        kernel_init: nnx.Initializer | None = None,
        dendrite_slope: float = NEGATIVE_SLOPE,
        soma_slope: float = NEGATIVE_SLOPE,
        dendrite_activation: str | Activation = "leaky_relu",
        soma_activation: str | Activation = "leaky_relu",
        indices: Int[Array, "N D K"] | None = None,
        kernel: str = "auto",
        sizes: Int[Array, "3"] | Int[Array, "4"] | None = None,
        use_bias: bool = True,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        precision: Any = None,
        rngs: nnx.Rngs,
    ):
        check_size("in_features", in_features)
        check_size("n_neurons", n_neurons, at_most=MAX_UNITS)
        check_size("n_dendrites", n_dendrites, at_most=MAX_UNITS)
        check_size("n_dendrite_inputs", n_dendrite_inputs)
        if isinstance(n_dendrite_inputs, Integral) and n_dendrite_inputs > in_features:
            raise ValueError(
                f"n_dendrite_inputs must be at most the number of inputs, {in_features}, "
                f"got {n_dendrite_inputs}"
            )
        shape = (n_neurons if soma else 1, n_dendrites, n_dendrite_inputs)
        true_features = None
        if sizes is not None:
            sizes = jnp.asarray(sizes, jnp.int32)
            if sizes.shape == (4,):
                true_features = sizes[3]
            else:
                sizes = jnp.append(sizes, in_features)
        true = (*shape, in_features) if sizes is None else sizes
        self.in_features = in_features
        self.out_features = n_neurons if soma else n_dendrites
        self.image_shape = of_images(image_shape)
        self.dendrite_slope, self.soma_slope = dendrite_slope, soma_slope
        self.dendrite_activation = activation_of(dendrite_activation, "dendrite_activation")
        self.soma_activation = activation_of(soma_activation, "soma_activation")
        self.kernel = kernel
        self.use_bias = use_bias
        self.dtype, self.param_dtype, self.precision = dtype, check_dtype(param_dtype), precision
        if dtype is not None:
            check_dtype(dtype)
        if kernel_init is not None and sizes is not None:
            raise ValueError("kernel_init draws for whole arrays: with sizes give initialization")
        self.sizes = None if sizes is None else TrueSizes(sizes)

        if indices is None:
            if field_std is None:
                field_std = jnp.sqrt(jnp.asarray(true[2], jnp.float32))
            indices = draw_indices(
                (rngs["connectivity"] if _has_connectivity(rngs) else rngs.params)(),
                shape,
                in_features,
                connectivity=connectivity,
                field_std=field_std,
                image_shape=self.image_shape,
                true_features=true_features,
                by_neuron=soma,
            )
        else:
            check_indices(indices, in_features)
            if jnp.shape(indices) != shape:
                raise ValueError(f"indices must be {list(shape)}, got {list(jnp.shape(indices))}")
        self.indices = SynapseIndex(jnp.asarray(indices, jnp.int32))

        weights: tuple[Array, Array]
        if kernel_init is None:
            # The soma's weight is drawn with its dendrite's, so that one program draws both.
            draws = dendrite_normal(rngs.params(), (*shape[:2], 1 + n_dendrite_inputs), param_dtype)
            weights = (
                draws[..., 1:] * dendrite_std(initialization, true[3], true[2]),
                draws[..., 0] * dendrite_std(initialization, true[0] * true[1], true[1]),
            )
        else:
            n, d, k = shape
            fans = [(k, n * d), (d, n)][: 1 + soma]
            drawn = [kernel_init(rngs.params(), fan, param_dtype).T for fan in fans]
            weights = drawn[0].reshape(shape), drawn[-1]

        def parameter(values: Array) -> nnx.Param[Array]:
            return nnx.Param(_mask(values, sizes).astype(param_dtype))

        self.weight = parameter(weights[0])
        self.bias = parameter(jnp.zeros(shape[:2])) if use_bias else None
        self.soma_weight = parameter(weights[1]) if soma else None
        self.soma_bias = parameter(jnp.zeros(shape[:1])) if soma and use_bias else None

    def __call__(self, x: Shaped[Array, "*B F"] | Packed) -> Float[Array, "*B out"]:
        """Returns the somata `[..., N]`, or without somata the dendrites `[..., D]`.

        Args:
          x: inputs `[..., F]` of any real dtype, or images `[..., *image_shape]`, or the rows of a
            data set `[B, F]` that `jdend.kernels.packed_rows` gives.
        """
        packed = x if isinstance(x, Packed) and x.x.shape[-1] == self.in_features else None
        x = self._flat(jnp.asarray(x.x if isinstance(x, Packed) else x))
        dendrite = self.dendrite_activation.slope(self.dendrite_slope)
        soma = self.soma_activation.slope(self.soma_slope)
        # The kernel has slopes alone: with another activation, somata are computed here.
        in_kernel = dendrite is not None and soma is not None
        soma_weight = None if self.soma_weight is None else self.soma_weight[...]
        bias, soma_bias = self.biases()
        sizes = None if self.sizes is None else self.sizes[:3]
        out = kernels.dendritic_layer(
            x.reshape(-1, x.shape[-1]) if packed is None else packed,
            self.weight[...],
            bias,
            self.indices[...],
            soma_weight if in_kernel else None,
            soma_bias if in_kernel else None,
            sizes=sizes,
            negative_slope=1.0 if dendrite is None else dendrite,
            soma_slope=soma,
            dtype=self.dtype,
            precision=self.precision,
            kernel=self.kernel,
        )
        dtype = out.dtype
        if dendrite is None:
            out = _mask(self.dendrite_activation.function(out), _behind_batch(sizes))
        if soma_weight is not None and soma_bias is not None and not in_kernel:
            wide = jnp.promote_types(dtype, jnp.float32)
            sums = jnp.sum(out.astype(wide) * soma_weight.astype(wide), -1) + soma_bias
            out = self.soma_activation.applied(sums, self.soma_slope)
            out = _mask(out, _behind_batch(sizes))
        return out.astype(dtype).reshape(*x.shape[:-1], self.out_features)

    def _flat(self, x: Shaped[Array, "*shape"]) -> Shaped[Array, "*B F"]:
        """Images as features."""
        if x.ndim and x.shape[-1] == self.in_features:
            return x
        shapes: list[tuple[int, ...]] = []
        if self.image_shape is not None:
            shapes = [self.image_shape]
            if self.image_shape[2] == 1:
                shapes.append(self.image_shape[:2])
        for shape in shapes:
            if x.shape[-len(shape) :] == shape:
                return x.reshape(*x.shape[: -len(shape)], self.in_features)
        images = "".join(f" or images {shape}" for shape in shapes)
        last = x.shape[-1] if x.ndim == 1 or not shapes else x.shape
        raise ValueError(f"the layer reads {self.in_features} features{images}, got {last}")

    def biases(self) -> tuple[Float[Array, "N D"], Float[Array, " N"] | None]:
        """The biases of dendrites and somata; zeros if the layer has none, None without somata."""
        n, d, _ = self.weight.shape
        dtype = self.weight[...].dtype
        of_somata = jnp.zeros(n, dtype) if self.soma_bias is None else self.soma_bias[...]
        return (
            jnp.zeros((n, d), dtype) if self.bias is None else self.bias[...],
            None if self.soma_weight is None else of_somata,
        )


def check_size(name: str, value: Any, *, at_most: int | None = None) -> None:
    """Raises `ValueError` unless a concrete size is a positive integer, at most `at_most`.

    Symbolic sizes (`jax.export.symbolic_shape`), with which parameters are counted, pass.
    """
    if export.is_symbolic_dim(value):
        return
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < 1:
        raise ValueError(f"{name} must be a positive integer, got {value!r}")
    if at_most is not None and int(value) > at_most:
        raise ValueError(f"{name} must be at most {at_most}, got {value}")


def check_dtype(dtype: DTypeLike) -> DTypeLike:
    """The dtype; `TypeError` unless a dendritic layer computes in it."""
    kernels.check_dtype(dtype)
    return dtype


def of_images(image_shape: tuple[Size, ...] | None) -> ImageShape | None:
    """`(H, W, C)` of `(H, W, C)` or `(H, W)`; `ValueError` for another number of axes."""
    if image_shape is None:
        return None
    if len(image_shape) not in (2, 3):
        raise ValueError(f"image_shape is (H, W, C) or (H, W), got {tuple(image_shape)}")
    height, width, channels = (*image_shape, 1)[:3]
    return height, width, channels


def _has_connectivity(rngs: nnx.Rngs) -> bool:
    return "connectivity" in rngs or "default" in rngs


def _behind_batch(sizes: Int[Array, "3"] | None) -> Int[Array, "4"] | None:
    """Sizes of the axes `(B, N, D)`."""
    return None if sizes is None else jnp.concatenate([jnp.array([2**31 - 1]), sizes])


def _mask(values: Float[Array, "..."], sizes: Int[Array, " axes"] | None) -> Float[Array, "..."]:
    """The values with zeros beyond the true sizes of the axes, `(N, D)` or `(N, D, K)`."""
    if sizes is None:
        return values
    for axis, size in enumerate(values.shape):
        real = jnp.arange(size) < sizes[axis]
        values = jnp.where(
            jnp.expand_dims(real, [a for a in range(values.ndim) if a != axis]), values, 0.0
        )
    return values
