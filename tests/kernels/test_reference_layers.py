"""The layer inside whole networks, against numbers of the toolkit that jdend reimplements."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jdend.kernels import dendritic_layer
from jdend.kernels._registry import KERNELS

FILES = Path(__file__).parents[1] / "reference"


def leaky(x):
    return jnp.where(x >= 0, x, 0.1 * x)


def simple(h, linear):
    return h @ linear[0] + linear[1]


def soma_disabled(h, linear):
    return leaky(h @ linear[0] + linear[1]) @ linear[2] + linear[3]


def with_hidden(h, linear):
    return soma_disabled(leaky(h), linear)


HEADS = {
    "dendritic_simple": simple,
    "soma_disabled": soma_disabled,
    "dendritic_with_hidden": with_hidden,
}


class Reference:
    """One file, with the layer's arrays brought to [N, D, K]."""

    def __init__(self, name: str):
        self.numbers = np.load(FILES / f"{name}.npz")
        _, n, d, k, *_ = self.numbers["hyper"]
        self.soma = "initial/soma_weight" in self.numbers
        self.shape = (n if self.soma else 1, d, k)
        self.head = HEADS[name]
        self.indices = self.numbers["initial/dendrite_indices"].reshape(self.shape)
        self.linear = [
            jnp.float32(self.numbers[f"initial/linear{i}_{part}"])
            for i in range(2)
            for part in ("kernel", "bias")
            if f"initial/linear{i}_{part}" in self.numbers
        ]

    def arrays(self, prefix: str) -> dict[str, np.ndarray]:
        names = {"weight": "dendrite_weight", "bias": "dendrite_bias"}
        if self.soma:
            names |= {"soma_weight": "soma_weight", "soma_bias": "soma_bias"}
        arrays = {ours: self.numbers[f"{prefix}/{theirs}"] for ours, theirs in names.items()}
        arrays["weight"] = arrays["weight"].reshape(self.shape)
        arrays["bias"] = arrays["bias"].reshape(self.shape[:2])
        return {name: np.float32(array) for name, array in arrays.items()}

    def logits(self, arrays: dict, kernel: str):
        x = jnp.float32(self.numbers["x"][0])
        out = dendritic_layer(x, indices=self.indices, **arrays, kernel=kernel)
        return self.head(out.reshape(len(x), -1), self.linear)


@pytest.fixture(params=list(HEADS))
def reference(request) -> Reference:
    return Reference(request.param)


def close(a, b, tolerance) -> bool:
    return np.abs(a - b).max() <= tolerance * np.abs(b).max()


def test_logits(reference, kernel):
    logits = jax.jit(reference.logits, static_argnums=1)(reference.arrays("initial"), kernel)
    assert close(logits, reference.numbers["first_logits"], KERNELS[kernel].tolerance)


def test_gradients(reference, kernel):
    def loss(arrays):
        log_probabilities = jax.nn.log_softmax(reference.logits(arrays, kernel))
        labels = reference.numbers["labels"][0]
        return -log_probabilities[jnp.arange(len(labels)), labels].mean()

    gradients = jax.jit(jax.grad(loss))(reference.arrays("initial"))
    far = [
        name
        for name, expected in reference.arrays("first_grad").items()
        if not close(gradients[name], expected, KERNELS[kernel].tolerance)
    ]
    assert far == []
