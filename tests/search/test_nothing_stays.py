"""Searches leave neither threads nor open files behind."""

import gc
import os
import threading

import pytest

from jdend.search import HyperparameterSearcher

SPACE = {"n_neurons": (4, 10), "n_dendrites": (2, 6), "n_dendrite_inputs": [16, 24]}
EARLIER = 4


def kept(number, folder, kind):
    if kind == "journal":
        return {"out": folder / str(number)}
    return {"storage": f"sqlite:///{folder}/{number}.db", "study_name": "here"}


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="descriptors are listed on Linux")
@pytest.mark.parametrize(("kind", "n_searches"), [("journal", 36), ("database", 8)])
def test_searches_leave_no_threads_and_no_open_files(
    kind, n_searches, tmp_path, no_download, instant_training
):
    gc.collect()  # what earlier tests have left open
    counts = []
    searchers = []  # as in a notebook: none is collected
    for number in range(EARLIER + n_searches):
        searcher = HyperparameterSearcher(
            max_params=1500, verbose=False, **kept(number, tmp_path, kind)
        )
        assert len(searcher.random_search(SPACE, 2)) == 2
        searchers.append(searcher)
        counts.append((threading.active_count(), len(os.listdir("/proc/self/fd"))))
    assert counts[-1] == counts[EARLIER]
