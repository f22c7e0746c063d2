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
        ({"cluster": "local", "devices": 1}, "devices, population and stream are for training"),
        ({"cluster": "local", "population": 4}, "devices, population and stream are for training"),
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


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        (
            "n_workers",
            "executor Own has no method 'n_workers': an executor has is_local, n_workers",
        ),
        (
            "close",
            "executor Own has no method 'close': an executor has is_local, n_workers, submit",
        ),
        ("submit", "executor Own has no method 'submit': "),
        ("is_local", "executor Own has no attribute 'is_local': "),
    ],
)
def test_an_executor_that_lacks_a_part_is_one_line(missing, said, small_images):
    parts = {"is_local": True, "n_workers": print, "submit": print, "close": print}
    own = type("Own", (), {name: part for name, part in parts.items() if name != missing})()
    with pytest.raises(SearchError, match=f"^{said}"):
        HyperparameterSearcher(small_images, verbose=False, executor=own)


def test_an_executor_whose_method_is_none_is_one_line(small_images):
    own = type("Own", (), {"is_local": True, "n_workers": 2, "submit": print, "close": print})()
    with pytest.raises(SearchError, match="has no method 'n_workers'"):
        HyperparameterSearcher(small_images, verbose=False, executor=own)


def test_without_ray_it_says_what_to_install(small_images, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SearchError, match=r"^a cluster needs Ray: pip install 'jdend\[ray\]'$"):
        HyperparameterSearcher(small_images, max_params=1000, verbose=False, cluster="local")
