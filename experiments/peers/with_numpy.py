"""The reference semantics as a loop in NumPy: forward, backward and AdamW by hand."""

import numpy as np

from peers.sequential import Sequential
from peers.workload import (
    BETAS,
    DECAY,
    EPSILON,
    RATE,
    SLOPE,
    Workload,
    draw_examples,
    draw_weights,
    rows_of_step,
)


def load(work: Workload) -> Sequential:
    """The population, one trial after another."""
    examples = draw_examples(work)
    weights, indices = draw_weights(work)

    def make(s: int, c: int):
        copies = {name: value[s, c].copy() for name, value in weights.items()}
        return NumpyTrial(work, examples, examples.order[s], copies, indices[s, c])

    return Sequential(work, make)


def _leaky(z):
    return np.where(z >= 0, z, np.float32(SLOPE) * z)


def _slope(z):
    return np.where(z >= 0, np.float32(1), np.float32(SLOPE))


def _somata(p, h):
    """The somata's sums `[B, N]`, or the hidden layer's `[B, H]`, of dendrites `[B, U]`."""
    if "hidden" in p:
        return h @ p["hidden"] + p["hidden_bias"]
    h = h.reshape(len(h), *p["soma_weight"].shape)
    return np.einsum("bnd,nd->bn", h, p["soma_weight"]) + p["soma_bias"]


def _somata_gradients(p, h, d_z):
    """Those of the dendrites, and by name those of the somata or the hidden layer."""
    if "hidden" in p:
        return d_z @ p["hidden"].T, {"hidden": h.T @ d_z, "hidden_bias": d_z.sum(0)}
    d_h = (d_z[:, :, None] * p["soma_weight"]).reshape(h.shape)
    h = h.reshape(len(h), *p["soma_weight"].shape)
    return d_h, {"soma_weight": np.einsum("bn,bnd->nd", d_z, h), "soma_bias": d_z.sum(0)}


class NumpyTrial:
    """One network. Weights are written into a dense matrix, which a BLAS multiplies fast."""

    def __init__(self, work: Workload, examples, order, weights, indices):
        self.work, self.examples, self.order = work, examples, order
        self.parameters = weights
        self.indices = indices
        self.first = {name: np.zeros_like(value) for name, value in weights.items()}
        self.second = {name: np.zeros_like(value) for name, value in weights.items()}

    def step(self, number: int) -> float:
        rows = self.order[rows_of_step(self.work, number)]
        x = self.examples.x[rows].astype(np.float32)
        x = (x - np.float32(self.examples.offset)) * np.float32(self.examples.scale)
        loss, gradients = self._gradients(x, self.examples.y[rows])
        self._adamw(gradients, number + 1)
        return loss

    def _gradients(self, x, y):
        p, batch = self.parameters, len(x)
        matrix = np.zeros((len(self.indices), x.shape[1]), np.float32)
        np.put_along_axis(matrix, self.indices, p["weight"], 1)
        pre = x @ matrix.T + p["bias"]
        h = _leaky(pre)
        z = _somata(p, h)
        s = _leaky(z)
        logits = s @ p["classifier"] + p["classifier_bias"]

        shifted = logits - logits.max(1, keepdims=True)
        exponentials = np.exp(shifted)
        sums = exponentials.sum(1)
        here = np.arange(batch)
        loss = float(np.mean(np.log(sums) - shifted[here, y]))

        d_logits = exponentials / sums[:, None]
        d_logits[here, y] -= 1
        d_logits /= batch
        d_z = d_logits @ p["classifier"].T * _slope(z)
        d_h, of_somata = _somata_gradients(p, h, d_z)
        d_pre = d_h * _slope(pre)
        return loss, {
            "weight": np.take_along_axis(d_pre.T @ x, self.indices, 1),
            "bias": d_pre.sum(0),
            **of_somata,
            "classifier": s.T @ d_logits,
            "classifier_bias": d_logits.sum(0),
        }

    def _adamw(self, gradients, count: int) -> None:
        b1, b2 = BETAS
        for name, p in self.parameters.items():
            first, second, gradient = self.first[name], self.second[name], gradients[name]
            first += np.float32(1 - b1) * (gradient - first)
            second += np.float32(1 - b2) * (gradient * gradient - second)
            root = np.sqrt(second / np.float32(1 - b2**count)) + np.float32(EPSILON)
            p -= np.float32(RATE) * (
                first / (np.float32(1 - b1**count) * root) + np.float32(DECAY) * p
            )

    def finish(self) -> None:
        pass

    def weights(self) -> dict[str, np.ndarray]:
        return {name: value.copy() for name, value in self.parameters.items()}
