"""Settings of where a search trains."""

import sys

import pytest

from jdend import HyperparameterSearcher
from jdend.search import SearchError
from jdend.search.executors.local import LocalExecutor


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"cluster": "somewhere"}, "cluster 'somewhere' is none: give local, auto or HOST:PORT"),
        ({"cluster": "local", "cores_per_worker": 0}, "cores_per_worker must be a positive"),
        ({"cores_per_worker": 2}, "cores_per_worker goes with cluster"),
        ({"cluster": "local", "devices": 1}, "devices and population are for training in this"),
        ({"cluster": "local", "population": 4}, "devices and population are for training in this"),
        ({"cluster": "auto", "executor": LocalExecutor()}, "give cluster or executor, not both"),
    ],
)
def test_what_is_not_allowed_is_one_line(settings, said):
    with pytest.raises(SearchError, match=f"^{said}"):
        HyperparameterSearcher("digits", **settings)


def test_an_executor_of_ones_own_trains(small_images, instant_training):
    class Counting(LocalExecutor):
        asked = 0

        def submit(self, works, epoch, watcher):
            self.asked += len(works)
            yield from super().submit(works, epoch, watcher)

    executor = Counting()
    searcher = HyperparameterSearcher(
        small_images, max_params=1000, min_param_ratio=0.5, verbose=False, executor=executor
    )
    space = {"n_neurons": [5, 6], "n_dendrites": [4], "n_dendrite_inputs": [32]}
    assert len(searcher.grid_search(space)) == 2
    assert executor.asked == 1


def test_without_ray_it_says_what_to_install(small_images, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SearchError, match=r"^a cluster needs Ray: pip install 'jdend\[ray\]'$"):
        HyperparameterSearcher(small_images, max_params=1000, verbose=False, cluster="local")
