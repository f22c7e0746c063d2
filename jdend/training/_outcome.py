"""The progress of training, and the outcome of each trial.

Shape letters: `S` seeds, `C` configurations.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from jdend.models import Configuration

__all__ = [
    "HISTORY_FIGURES",
    "Outcome",
    "Progress",
    "as_fields",
    "empty_history",
    "outcomes_of",
    "so_far",
]

PARTS = ("train", "validation", "test")

# The figures that are measured after every epoch.
HISTORY_FIGURES = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")


@dataclass(frozen=True)
class Progress:
    """How far the training of a population is.

    Attributes:
      epoch: how many epochs are done, with a fraction.
      n_epochs: the epochs of the longest trial.
      n_trials: the number of trials × seeds that train together.
      score: how good every trial is after its last whole epoch: its validation figure by the
        metric, negative if less is better; NaN before the first.
      seconds: the time since training began.
      compile_seconds: the part of it that was spent on waiting for programs.
    """

    epoch: float
    n_epochs: int
    n_trials: int
    score: Float[np.ndarray, "S C"]
    seconds: float
    compile_seconds: float


@dataclass(frozen=True, eq=False)
class Outcome:
    """The figures of one trial: a configuration, trained with each of its seeds.

    Attributes:
      configuration: the configuration that was trained.
      seeds: its seeds. `S` is their number, with folds times that of the folds: those of a seed
        stand together.
      history: `[S, epochs]` for each name in `HISTORY_FIGURES`, and for `validation_<metric>`.
        Training figures are running means over an epoch; validation figures are measured at its
        end, and NaN without a validation part.
      train_loss, train_accuracy, validation_loss, validation_accuracy, test_loss, test_accuracy:
        `[S]`, the figures of the trained network, each from one full pass; but training figures of
        one that was stopped are the running means over its last epoch.
      failed_epoch: `[S]`, the epoch (from 0) in which a loss stopped being finite, or -1.
      seconds: its share of its population's wall time, without compiling.
      stopped_epoch: after how many epochs `Run.stop` ended it; None if it was trained to its end.
      measured: `[S]`, `validation_<metric>` and `test_<metric>` of the trained network; empty if
        the metric is accuracy.
    """

    configuration: Configuration
    seeds: tuple[int, ...]
    history: dict[str, Float[np.ndarray, "S epochs"]]
    train_loss: Float[np.ndarray, " S"]
    train_accuracy: Float[np.ndarray, " S"]
    validation_loss: Float[np.ndarray, " S"]
    validation_accuracy: Float[np.ndarray, " S"]
    test_loss: Float[np.ndarray, " S"]
    test_accuracy: Float[np.ndarray, " S"]
    failed_epoch: Int[np.ndarray, " S"]
    seconds: float
    stopped_epoch: int | None = None
    measured: Mapping[str, Float[np.ndarray, " S"]] = field(
        default_factory=dict[str, Float[np.ndarray, " S"]]
    )


def empty_history(shape: tuple[int, ...], metric: str) -> dict[str, Float[np.ndarray, "S C E"]]:
    """Of every figure that is measured after an epoch, that metric's included, NaN."""
    names = dict.fromkeys([*HISTORY_FIGURES, f"validation_{metric}"])
    return {name: np.full(shape, np.nan) for name in names}


def outcomes_of(
    configurations: Sequence[Configuration],
    seeds: tuple[int, ...],
    ends: Sequence[int],
    history: Mapping[str, Float[np.ndarray, "S C E"]],
    figures: Mapping[str, Float[np.ndarray, "S C"]],
    failed_step: Int[np.ndarray, "S C"],
    *,
    steps_per_epoch: int,
    seconds_per_epoch: float,
) -> list[Outcome]:
    """The outcomes of a population's configurations, in order.

    Args:
      configurations: those of the population.
      seeds: likewise.
      ends: after how many epochs each ended.
      history: the figures after every epoch, by name.
      figures: those of the trained networks.
      failed_step: the first step with a loss that was not finite, or -1.
      steps_per_epoch: of an epoch.
      seconds_per_epoch: the time of an epoch of one configuration.
    """
    failed_epoch = np.where(failed_step < 0, -1, failed_step // steps_per_epoch)
    # A network can be lost by its last step, whose loss is of the weights before it.
    lost = ~np.isfinite(figures["train_loss"]) & (failed_epoch < 0)
    failed_epoch = np.where(lost, np.array(ends) - 1, failed_epoch)
    return [
        Outcome(
            configuration=configuration,
            seeds=seeds,
            history={name: h[:, c, :end] for name, h in history.items()},
            **as_fields({name: values[:, c] for name, values in figures.items()}),
            failed_epoch=failed_epoch[:, c],
            seconds=seconds_per_epoch * end,
            stopped_epoch=end if end < configuration.hyperparameters.n_epochs else None,
        )
        for c, (configuration, end) in enumerate(zip(configurations, ends, strict=True))
    ]


def so_far(
    configuration: Configuration,
    seeds: Sequence[int],
    history: dict[str, Float[np.ndarray, "S epochs"]],
    seconds: float,
) -> Outcome:
    """The outcome of a trial as if it had been stopped after the epochs of its history, of which
    there is at least one. Its test figures are NaN."""
    figures = {name: values[:, -1] for name, values in history.items()}
    own = {name.removeprefix("validation_") for name in figures if name.startswith("validation_")}
    figures |= {f"test_{name}": np.full(len(seeds), np.nan) for name in own}
    lost = ~np.isfinite(history["train_loss"])
    return Outcome(
        configuration=configuration,
        seeds=tuple(seeds),
        history=history,
        **as_fields(figures),
        failed_epoch=np.where(lost.any(axis=1), lost.argmax(axis=1), -1),
        seconds=seconds,
        stopped_epoch=history["train_loss"].shape[1],
    )


def as_fields(figures: Mapping[str, Float[np.ndarray, " S"]]) -> dict[str, Any]:
    """The figures of a trained network as fields of `Outcome`, those of a metric as `measured`."""
    fields = {name for part in PARTS for name in (f"{part}_loss", f"{part}_accuracy")}
    named: dict[str, Any] = {name: v for name, v in figures.items() if name in fields}
    return {**named, "measured": {name: v for name, v in figures.items() if name not in fields}}
