"""PyTorch: one network after another in two formulations, and `torch.func.vmap`.

The formulations are the fastest that we found. Weights are scattered to a matrix that stands on the
left of the product: under `vmap` PyTorch then multiplies all configurations' at once, whereas with
`x @ matrix.T` it copies the batch for every configuration of several seeds.
"""

import numpy as np
import torch  # pyright: ignore[reportMissingImports]
from torch import Tensor  # pyright: ignore[reportMissingImports]
from torch.func import grad_and_value, vmap  # pyright: ignore[reportMissingImports]
from torch.nn.functional import cross_entropy, leaky_relu, linear  # pyright: ignore[reportMissingImports]

from peers.sequential import Sequential
from peers.workload import (
    BETAS,
    CHECKED_STEPS,
    DECAY,
    EPSILON,
    RATE,
    SLOPE,
    Checked,
    Examples,
    Workload,
    draw_examples,
    draw_weights,
    rows_of_step,
)


class TorchData:
    """The data set on the device, as bytes."""

    def __init__(self, work: Workload, drawn: Examples):
        torch.set_num_threads(work.threads)
        self.device = torch.device("cuda" if work.device == "gpu" else "cpu")
        self.work = work
        self.x, self.y = self.put(drawn.x), self.put(drawn.y).long()
        self.order = self.put(drawn.order).long()
        self.offset, self.scale = drawn.offset, drawn.scale

    def put(self, array: np.ndarray) -> Tensor:
        """A tensor on the device that shares no memory with the array."""
        return torch.tensor(array, device=self.device)

    def batch(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The network's inputs and labels for some rows."""
        return (self.x[rows].to(torch.float32) - self.offset) * self.scale, self.y[rows]

    def finish(self) -> None:
        """Returns once the device has done all that was asked."""
        if self.device.type == "cuda":
            torch.cuda.synchronize()


def adamw(parameters: list[Tensor]) -> torch.optim.Optimizer:
    """The fused AdamW that all PyTorch implementations use."""
    return torch.optim.AdamW(
        parameters, lr=RATE, betas=BETAS, eps=EPSILON, weight_decay=DECAY, fused=True
    )


def sequential(work: Workload, *, masked: bool) -> Sequential:
    """The population, one trial after another."""
    data = TorchData(work, draw_examples(work))
    weights, indices = draw_weights(work)

    def make(s: int, c: int):
        drawn = {name: data.put(value[s, c]) for name, value in weights.items()}
        kind = MaskedTrial if masked else GatherTrial
        return kind(data, data.order[s], drawn, data.put(indices[s, c]).long())

    return Sequential(work, make)


class GatherTrial:
    """One network that gathers the input of every synapse."""

    def __init__(self, data: TorchData, order: Tensor, weights: dict[str, Tensor], indices: Tensor):
        self.data, self.order, self.indices = data, order, indices
        self.parameters = weights
        for parameter in weights.values():
            parameter.requires_grad_(True)
        self.optimizer = adamw(list(weights.values()))

    def dendrites(self, x: Tensor) -> Tensor:
        """Their weighted sums `[B, U]`."""
        p = self.parameters
        return (x[:, self.indices] * p["weight"]).sum(-1) + p["bias"]

    def somata(self, h: Tensor) -> Tensor:
        """Their weighted sums `[B, N]`, or the hidden layer's `[B, H]`."""
        p = self.parameters
        if "hidden" in p:
            return h @ p["hidden"] + p["hidden_bias"]
        h = h.reshape(len(h), *p["soma_weight"].shape)
        return (h * p["soma_weight"]).sum(-1) + p["soma_bias"]

    def logits(self, x: Tensor) -> Tensor:
        """The network's `[B, classes]`."""
        p = self.parameters
        s = leaky_relu(self.somata(leaky_relu(self.dendrites(x), SLOPE)), SLOPE)
        return s @ p["classifier"] + p["classifier_bias"]

    def step(self, number: int) -> Tensor:
        x, y = self.data.batch(self.order[rows_of_step(self.data.work, number)])
        loss = cross_entropy(self.logits(x), y)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def finish(self) -> None:
        self.data.finish()

    def weights(self) -> dict[str, np.ndarray]:
        return {name: p.detach().cpu().numpy().copy() for name, p in self.parameters.items()}


class MaskedTrial(GatherTrial):
    """One network whose dendrites have a weight for every input, most of them masked."""

    def __init__(self, data: TorchData, order: Tensor, weights: dict[str, Tensor], indices: Tensor):
        zeros = torch.zeros(len(indices), data.work.features, device=data.device)
        self.mask = zeros.scatter(1, indices, 1.0)
        dense = zeros.scatter(1, indices, weights["weight"])
        super().__init__(data, order, {**weights, "weight": dense}, indices)

    def dendrites(self, x: Tensor) -> Tensor:
        return linear(x, self.parameters["weight"] * self.mask, self.parameters["bias"])

    def weights(self) -> dict[str, np.ndarray]:
        sparse = self.parameters["weight"].detach().gather(1, self.indices)
        return {**super().weights(), "weight": sparse.cpu().numpy()}


def _loss(p: dict[str, Tensor], indices: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """One network's loss, with the batch as columns."""
    zeros = torch.zeros(len(indices), x.shape[1], device=x.device)
    matrix = zeros.scatter(1, indices, p["weight"])
    h = leaky_relu(matrix @ x.T + p["bias"][:, None], SLOPE)
    s = leaky_relu(_somata(p, h), SLOPE)
    return cross_entropy(s.T @ p["classifier"] + p["classifier_bias"], y)


def _somata(p: dict[str, Tensor], h: Tensor) -> Tensor:
    """The somata's sums `[N, B]`, or the hidden layer's `[H, B]`, of dendrites `[U, B]`."""
    if "hidden" in p:
        return p["hidden"].T @ h + p["hidden_bias"][:, None]
    h = h.reshape(*p["soma_weight"].shape, -1)
    return (h * p["soma_weight"][:, :, None]).sum(1) + p["soma_bias"][:, None]


class VmapPopulation:
    """All trials at once, by `vmap` over configurations and, if there are several, over seeds."""

    def __init__(self, work: Workload, *, compiled: bool):
        self.data = TorchData(work, draw_examples(work))
        self.trials_per_step = work.trials
        self.n_steps = 0
        weights, indices = draw_weights(work)
        # One seed needs no second vmap, and PyTorch is faster without.
        self.take = 0 if work.seeds == 1 else slice(None)
        self.order = self.data.order[self.take]
        self.parameters = {name: self.data.put(v[self.take]) for name, v in weights.items()}
        self.indices = self.data.put(indices[self.take]).long()
        self.optimizer = adamw(list(self.parameters.values()))
        gradients = vmap(grad_and_value(_loss), in_dims=(0, 0, None, None))
        self.gradients = vmap(gradients) if work.seeds > 1 else gradients
        self.gradients_of_rows = (
            torch.compile(self._gradients_of_rows) if compiled else self._gradients_of_rows
        )

    def _gradients_of_rows(self, parameters, indices: Tensor, rows: Tensor):
        x, y = self.data.batch(rows)
        return self.gradients(parameters, indices, x, y)

    def _step(self) -> Tensor:
        rows = self.order[..., rows_of_step(self.data.work, self.n_steps)]
        gradients, losses = self.gradients_of_rows(self.parameters, self.indices, rows)
        for name, parameter in self.parameters.items():
            parameter.grad = gradients[name]
        self.optimizer.step()
        self.n_steps += 1
        return losses

    def steps(self, n: int) -> None:
        """Trains the whole population for `n` steps more."""
        for _ in range(n):
            self._step()
        self.data.finish()

    def first_steps(self) -> Checked:
        """Trains all trials a few steps; the checked ones' losses and weights."""
        losses = [self._of_checked(self._step()) for _ in range(CHECKED_STEPS)]
        weights = {name: self._of_checked(p) for name, p in self.parameters.items()}
        return Checked(np.array(losses), weights)

    def _of_checked(self, tensor: Tensor) -> np.ndarray:
        whole = tensor.detach().cpu().numpy()
        if isinstance(self.take, int):
            whole = whole[None]
        return np.stack([whole[trial] for trial in self.data.work.checked])
