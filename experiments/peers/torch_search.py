"""A search as a loop: one network after another in PyTorch, with the measurements of jdend's."""

import time
from typing import NamedTuple

import numpy as np
import torch  # pyright: ignore[reportMissingImports]
from torch import Tensor  # pyright: ignore[reportMissingImports]
from torch.nn.functional import cross_entropy  # pyright: ignore[reportMissingImports]

from jdend.data import Split
from peers.with_torch import MaskedTrial, TorchData
from peers.workload import Examples, Workload

EVALUATION_ROWS = 1024


class Trained(NamedTuple):
    """One network: what training and measuring it took, and how good it is."""

    seconds: float
    validation_accuracy: float
    test_accuracy: float


def train_all(
    work: Workload, data: Split, settings: list[dict[str, float]], seeds: list[int], n_epochs: int
) -> list[Trained]:
    """Trains every setting with every seed, one after another.

    As in a search of jdend, the validation part is measured after every epoch, the training and
    test parts once at the end.
    """
    parts = {
        "train": _on_device(work, data, data.train_x, data.train_y),
        "validation": _on_device(work, data, data.validation_x, data.validation_y),
        "test": _on_device(work, data, data.test_x, data.test_y),
    }
    return [_train(work, parts, setting, seed, n_epochs) for setting in settings for seed in seeds]


def _on_device(work: Workload, data: Split, x: np.ndarray, y: np.ndarray) -> TorchData:
    nothing = np.zeros((0, 0), np.int32)
    return TorchData(work, Examples(x, y, nothing, float(data.offset), float(data.scale)))


def _train(work: Workload, parts: dict[str, TorchData], setting, seed: int, n_epochs: int):
    begun = time.perf_counter()
    draws = torch.Generator().manual_seed(seed)
    train = parts["train"]
    n = len(train.y)
    trial = MaskedTrial(train, torch.empty(0), *_drawn(work, draws))
    for group in trial.optimizer.param_groups:
        group.update(setting)
    validation = 0.0
    for _ in range(n_epochs):
        trial.order = torch.randperm(n, generator=draws).to(train.device)
        # Training figures per epoch are running means, so a loss is kept of every step.
        losses = [trial.step(number) for number in range(n // work.batch)]
        torch.stack(losses).mean().item()
        _, validation = _measured(trial, parts["validation"])
    _measured(trial, train)
    _, test = _measured(trial, parts["test"])
    return Trained(time.perf_counter() - begun, validation, test)


def _drawn(work: Workload, draws: torch.Generator) -> tuple[dict[str, Tensor], Tensor]:
    """A network's weights and indices, from the older toolkit's initialisation."""
    n, d, k = work.neurons, work.dendrites, work.synapses

    def normal(variance: float, *shape: int) -> Tensor:
        return torch.randn(*shape, generator=draws) * variance**0.5

    weights = {
        "weight": normal(2 / work.features, n * d, k),
        "bias": torch.zeros(n * d),
        "soma_weight": normal(2 / (n * d), n, d),
        "soma_bias": torch.zeros(n),
        "classifier": normal(2 / n, n, work.classes),
        "classifier_bias": torch.zeros(work.classes),
    }
    indices = torch.rand(n * d, work.features, generator=draws).argsort(1)[:, :k].contiguous()
    return weights, indices


@torch.no_grad()
def _measured(trial: MaskedTrial, data: TorchData) -> tuple[float, float]:
    """Mean loss and accuracy over a part."""
    loss, right = torch.zeros(()), torch.zeros(())
    for begin in range(0, len(data.y), EVALUATION_ROWS):
        rows = slice(begin, begin + EVALUATION_ROWS)
        x, y = data.batch(rows)
        logits = trial.logits(x)
        loss += cross_entropy(logits, y, reduction="sum")
        right += (logits.argmax(1) == y).sum()
    return loss.item() / len(data.y), right.item() / len(data.y)
