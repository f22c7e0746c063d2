"""Dendritic layers by every kernel against NumPy: dtypes, true sizes, odd numbers, batches."""

import functools
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from fuzzing import Area
from hypothesis import strategies as st

from jdend.kernels import available, dendritic_layer

# Few, since each takes a program.
SHAPES = [(3, 5, 2, 3, 4), (33, 2, 3, 1, 2), (1, 7, 1, 2, 1)]
DENDRITE_SLOPE, SOMA_SLOPE = -0.5, 0.1
DTYPES = ["f4", "f2", "i4", "u1", "?"]


@functools.cache
def program(kernel: str, transformation: str):
    def layer(arrays):
        slopes = {"negative_slope": DENDRITE_SLOPE, "soma_slope": SOMA_SLOPE}
        return dendritic_layer(**arrays, **slopes, kernel=kernel)

    def gradient(arrays):
        def loss(weight):
            return layer({**arrays, "weight": weight}).sum()

        return jax.grad(loss)(arrays["weight"])

    if transformation == "vmap":
        batched = jax.vmap(layer, in_axes=({**dict.fromkeys(NAMES), "weight": 0},))
        return jax.jit(lambda a: batched({**a, "weight": jnp.stack([a["weight"]] * 2)})[1])
    return jax.jit(gradient if transformation == "grad" else layer)


NAMES = ["x", "weight", "bias", "indices", "soma_weight", "soma_bias", "sizes"]


def expected(a: dict, *, gradient: bool) -> tuple[np.ndarray, float]:
    """By loops over what is inside, in float64; and how near the nearest sum is to zero, where
    slopes jump."""
    x = np.asarray(a["x"], np.float64)
    n_true, d_true, k_true = np.maximum(a["sizes"], 0)
    out = np.zeros((len(x), len(a["bias"])))
    of_weight = np.zeros(a["weight"].shape)
    nearest = np.inf

    def leaky(z, below):
        return np.where(z >= 0, z, below * z), np.where(z >= 0, 1, below)

    for n in range(min(n_true, len(a["bias"]))):
        inside = range(min(d_true, a["bias"].shape[1]))
        synapses = slice(min(k_true, a["weight"].shape[2]))
        inputs = [x[:, a["indices"][n, d, synapses]] for d in inside]
        w = np.asarray(a["weight"], np.float64)
        pre = [i @ w[n, d, synapses] + a["bias"][n, d] for d, i in zip(inside, inputs, strict=True)]
        h = [leaky(sums, DENDRITE_SLOPE) for sums in pre]
        z = sum((a["soma_weight"][n, d] * h[d][0] for d in inside), a["soma_bias"][n])
        out[:, n], slope = leaky(np.broadcast_to(np.asarray(z, np.float64), len(x)), SOMA_SLOPE)
        nearest = min(nearest, *(float(np.abs(sums).min()) for sums in (z, *pre)))
        for d in inside:
            q = slope * a["soma_weight"][n, d] * h[d][1]
            of_weight[n, d, synapses] = q @ inputs[d]
    return (of_weight if gradient else out), nearest


def check(given: tuple, folder: Path) -> None:
    kernel, transformation, (batch, f, n, d, k), dtype, seed, sizes = given
    rng = np.random.default_rng(seed)
    arrays = {
        "x": np.abs(rng.normal(0, 3, (batch, f))).astype(dtype),
        "weight": rng.normal(size=(n, d, k)).astype("f"),
        "bias": rng.normal(size=(n, d)).astype("f"),
        "indices": rng.integers(0, f, (n, d, k)).astype("i4"),
        "soma_weight": rng.normal(size=(n, d)).astype("f"),
        "soma_bias": rng.normal(size=n).astype("f"),
        "sizes": np.array(sizes, "i4"),
    }
    value = program(kernel, transformation)(arrays)
    want, from_jump = expected(arrays, gradient=transformation == "grad")
    near = 0.06 if "bf16" in kernel or dtype == "f2" else 1e-4
    if transformation == "grad" and from_jump < near * (1 + float(arrays["x"].max())) / 10:
        assert np.isfinite(value).all()  # rounding may put a sum on the other side of the jump
        return
    np.testing.assert_allclose(value, want, rtol=near, atol=near * (1 + np.abs(want).max()))


AREA = Area(
    "kernels",
    st.tuples(
        st.sampled_from(available()),
        st.sampled_from(["plain", "grad", "vmap"]),
        st.sampled_from(SHAPES),
        st.sampled_from(DTYPES),
        st.integers(0, 2**32 - 1),
        st.tuples(*[st.one_of(st.integers(0, 4), st.sampled_from([99, 2**31 - 1, -1]))] * 3),
    ),
    check,
    (),
    corpus=[("dense_bf16", "grad", (3, 5, 2, 3, 4), "i4", 1131, (2**31 - 1, 1, 3))],
)
