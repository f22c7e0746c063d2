"""One real search on a part of Fashion-MNIST, and its report, which several tests look at."""

import pytest

from jdend import HyperparameterSearcher

SPACE = {
    "n_neurons": 16,
    "n_dendrites": 4,
    "n_dendrite_inputs": 16,
    "lr": {"type": "uniform", "low": 3e-3, "high": 3e-2, "log": True},
    "strategy": "local_receptive_fields",
    "field_std": (1.5, 5.0),
    "steps_to_resample": 16,
}


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """What `--out` holds after a search in which a rung stopped trials."""
    out = tmp_path_factory.mktemp("study") / "search"
    searcher = HyperparameterSearcher(
        "fashion-mnist",
        subset_size=3000,
        max_params=1500,
        min_param_ratio=0.5,
        n_epochs=3,
        batch_size=100,
        seeds=2,
        verbose=False,
        out=out,
    )
    searcher.optimize(SPACE, 12, "random", pruner="halving")
    return out


@pytest.fixture(scope="session")
def report(folder):
    """The page about it."""
    from jdend.report.__main__ import main

    assert main([str(folder)]) == 0
    return folder / "report.html"
