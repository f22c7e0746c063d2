"""A cluster that several tests share, and what one process finds."""

import pytest
from clusters import cluster, ended, figures, options, start


@pytest.fixture(scope="module")
def two_nodes():
    with cluster(2) as made:
        yield made


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """A search's words, its table, and the figures of its 64 trials, by one process."""
    folder = tmp_path_factory.mktemp("alone")
    words = options(folder, trials=64, epochs=650, generation=64)
    shown, _ = ended(start(*words, "--quiet", "--out", folder / "out"))
    return words, shown, figures(folder / "out")
