"""A search whose populations are divided over more workers finds the same."""

import pytest

from jdend import HyperparameterSearcher
from jdend.data import load
from jdend.search.executors.local import LocalExecutor
from jdend.search.planning import planner


class ThreeWorkers(LocalExecutor):
    """What has three workers, one after the other."""

    def __init__(self):
        super().__init__()
        self.sizes = []

    def n_workers(self, data):
        return 3

    def submit(self, works, epoch, watcher):
        self.sizes += [work.n_members for work in works]
        return super().submit(works, epoch, watcher)


@pytest.mark.parametrize("pruner", ["none", "halving"])
def test_figures_are_those_of_one_worker(pruner, monkeypatch):
    monkeypatch.setattr(planner, "MIN_SECONDS_OF_PART", 0.0)
    space = {"n_neurons": 6, "n_dendrites": 4, "n_dendrite_inputs": 16, "lr": (1e-3, 5e-2)}

    def found(executor=None):
        searcher = HyperparameterSearcher(
            load("digits"), max_params=600, verbose=False, executor=executor
        )
        training = {"n_epochs": 6, "batch_size": 128}
        return searcher.optimize({**space, **training}, 9, "random", pruner=pruner)

    executor = ThreeWorkers()
    for one, other in zip(found(), found(executor), strict=True):
        assert one.params == other.params
        assert one.stopped_epoch == other.stopped_epoch
        assert other.test_accuracy == pytest.approx(one.test_accuracy, abs=1e-6, nan_ok=True)
        assert other.history["train_loss"] == pytest.approx(one.history["train_loss"], rel=1e-5)
    assert set(executor.sizes) == {3}
