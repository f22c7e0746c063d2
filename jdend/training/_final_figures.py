"""What the networks of a population are measured by in the end.

Shape letters: `S` seeds, `C` configurations.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from jaxtyping import Float

from jdend.models import Configuration
from jdend.training._state import State, take

__all__ = ["final_figures"]

Figures = dict[str, Float[np.ndarray, "S C"]]


def final_figures(
    state: State,
    configurations: Sequence[Configuration],
    ends: Sequence[int],
    history: Mapping[str, Float[np.ndarray, "S C E"]],
    measured: Callable[[State, str], Figures],
) -> Figures:
    """The figures of all configurations, by name.

    Validation figures are those of the last epoch. Training figures are, too, of configurations
    that were stopped: nobody compares these, and measuring them would take longer than all that
    training measures. Of one that may be lost, they are measured nevertheless.

    Args:
      state: of all configurations as they were when they ended, on the host.
      configurations: those of the population.
      ends: after how many epochs each ended.
      history: the figures after every epoch, by name.
      measured: measures the columns of a state on a part of the data; it may add others.
    """
    last = np.array(ends) - 1
    figures = {name: values[:, range(len(last)), last] for name, values in history.items()}
    is_whole = last + 1 == [c.hyperparameters.n_epochs for c in configurations]
    is_known = np.isfinite(figures["validation_loss"]).all(axis=0)
    columns = np.flatnonzero(is_whole | ~is_known)
    if len(columns):
        for name, values in measured(take(state, columns), "train").items():
            figures[name][:, columns] = values[:, : len(columns)]
    for name, values in measured(take(state, range(len(last))), "test").items():
        figures[name] = values[:, : len(last)].astype(np.float64)
    return figures
