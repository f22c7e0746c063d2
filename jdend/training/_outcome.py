"""What training tells: how far it is, and what came of each trial.

Shape letters: `S` seeds, `C` configurations.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from jdend.models import Configuration

__all__ = ["HISTORY_FIGURES", "Outcome", "Progress", "outcome_so_far"]

# What is measured after every epoch.
HISTORY_FIGURES = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")


@dataclass(frozen=True)
class Progress:
    """Where the training of a population stands.

    Attributes:
      epoch: epochs done, with a fraction.
      n_epochs: epochs of the longest trial.
      n_trials: trials × seeds that train together now.
      validation_accuracy: of every trial after its last whole epoch; NaN before the first.
      seconds: since training began.
      compile_seconds: of these, spent on waiting for programs.
    """

    epoch: float
    n_epochs: int
    n_trials: int
    validation_accuracy: Float[np.ndarray, "S C"]
    seconds: float
    compile_seconds: float


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of one trial: a configuration and its seeds.

    Attributes:
      configuration: what was trained.
      seeds: with which seeds, `S` of them.
      history: `[S, epochs]` by name in `HISTORY_FIGURES`. Training figures are running means over
        an epoch, those of validation are taken at its end (NaN without a validation part).
      train_loss, train_accuracy, validation_loss, validation_accuracy, test_loss, test_accuracy:
        `[S]`, of the trained network, each from one full pass.
      failed_epoch: `[S]`, the epoch (from 0) in which a loss stopped being finite, or -1.
      seconds: its share of its population's wall time, compiling left out.
      stopped_epoch: after how many epochs `Run.stop` ended it; None if it was trained to its end.
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


def outcome_so_far(
    configuration: Configuration,
    seeds: Sequence[int],
    history: dict[str, Float[np.ndarray, "S epochs"]],
    seconds: float,
) -> Outcome:
    """What had come of a trial after the epochs of its history, at least one, if it had stopped
    there. Test figures are NaN."""
    latest = {name: values[:, -1] for name, values in history.items()}
    unmeasured = np.full(len(seeds), np.nan)
    lost = ~np.isfinite(history["train_loss"])
    return Outcome(
        configuration=configuration,
        seeds=tuple(seeds),
        history=history,
        **latest,
        test_loss=unmeasured,
        test_accuracy=unmeasured,
        failed_epoch=np.where(lost.any(axis=1), lost.argmax(axis=1), -1),
        seconds=seconds,
        stopped_epoch=history["train_loss"].shape[1],
    )
