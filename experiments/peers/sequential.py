"""Training one trial after another, whatever a trial is made with."""

from collections.abc import Callable
from typing import Protocol, SupportsFloat

import numpy as np

from peers.workload import CHECKED_STEPS, Checked, Workload


class Trial(Protocol):
    """One network in training."""

    def step(self, number: int) -> SupportsFloat:
        """Trains on one batch; returns its loss, which need not be computed yet."""
        ...

    def finish(self) -> None:
        """Returns once all steps are done."""

    def weights(self) -> dict[str, np.ndarray]:
        """Copies of the parameters."""
        ...


class Sequential:
    """A population whose trials are trained one after another.

    All take the same time, so what is timed is one trial, and then the other of the two.
    """

    trials_per_step = 1

    def __init__(self, work: Workload, make: Callable[[int, int], Trial]):
        self.trials = [make(seed, configuration) for seed, configuration in work.checked]
        self.n_steps = 0
        self.turn = 0

    def first_steps(self) -> Checked:
        """Trains the checked trials a few steps."""
        numbers = range(CHECKED_STEPS)
        losses = [[float(trial.step(number)) for number in numbers] for trial in self.trials]
        self.n_steps = CHECKED_STEPS
        weights = [trial.weights() for trial in self.trials]
        return Checked(
            np.array(losses).T, {name: np.stack([w[name] for w in weights]) for name in weights[0]}
        )

    def steps(self, n: int) -> None:
        """Trains the trial whose turn it is for `n` steps more."""
        trial = self.trials[self.turn]
        for number in range(self.n_steps, self.n_steps + n):
            trial.step(number)
        trial.finish()
        self.turn = (self.turn + 1) % len(self.trials)
        if self.turn == 0:
            self.n_steps += n
