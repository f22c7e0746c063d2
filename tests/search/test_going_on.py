"""`--resume`: only the same search goes on, and what differs is said in one line."""

import numpy as np
import pytest

from jdend import HyperparameterSearcher
from jdend.data import from_arrays
from jdend.search import StudyError
from jdend.search.cli import main as cli
from jdend.search.executors import local

SEARCH = ("--dataset", "digits", "--budget", "900", "--trials", "8", "--quiet", "--resume")
SEARCH += ("--no-report",)
SPACE = "n_neurons = [3, 4, 5]\nn_dendrites = 4\nn_dendrite_inputs = [40, 45, 50, 60]\n"
SIZES = {"n_neurons": [3, 4, 5], "n_dendrites": 4, "n_dendrite_inputs": (30, 60)}


@pytest.fixture
def searched(tmp_path, no_download, instant_training):
    """Options of a search that is finished."""
    (tmp_path / "space.toml").write_text(SPACE)
    (tmp_path / "other.toml").write_text(SPACE.replace("5]", "6]"))
    given = (*SEARCH, "--out", str(tmp_path / "run"), "--space", str(tmp_path / "space.toml"))
    assert cli.main(given) == 0
    return given


def test_the_same_search_trains_nothing_more(searched, instant_training, capsys):
    instant_training.clear()
    assert cli.main(searched) == 0
    assert instant_training == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (("--split-seed", "1"), "split_seed is 0 there and 1 here"),
        (("--validation-fraction", "0.2"), "validation_fraction is 0.1 there and 0.2 here"),
        (("--subset", "300"), "subset_size is null there and 300 here"),
        (("--budget", "1000"), "max_params is 900 there and 1000 here"),
        (("--strategy", "random"), 'strategy is "tpe" there and "random" here'),
        (("--epochs", "3"), "n_epochs is null there and 3 here"),
        (("--search-seed", "1"), "search_seed is 0 there and 1 here"),
        (("--space", "other.toml"), "space.n_neurons is"),
    ],
)
def test_another_search_is_refused(searched, changed, said, tmp_path, capsys):
    option, value = changed
    value = str(tmp_path / value) if value.endswith(".toml") else value
    assert cli.main([*searched, option, value]) == 2
    shown = capsys.readouterr().err
    assert said in shown
    assert shown.count("\n") == 1


def test_other_data_are_refused(small_images, instant_training, tmp_path):
    brighter = from_arrays(
        small_images.train_images + np.uint8(1),
        small_images.train_labels,
        small_images.test_images,
        small_images.test_labels,
        name="small",
    )

    def search(data):
        return HyperparameterSearcher(
            data, max_params=900, verbose=False, out=tmp_path / "run", resume=True
        ).random_search(SIZES, 2)

    search(small_images)
    with pytest.raises(StudyError, match=r'data is "small [0-9a-f]+" there and "small'):
        search(brighter)


NAMES = ("strategy", "connectivity")
CONNECTIVITIES = ["random", "local_receptive_fields"]


@pytest.mark.parametrize("connectivity", ["random", CONNECTIVITIES])
def test_a_space_that_named_a_field_otherwise_goes_on(
    connectivity, small_images, instant_training, monkeypatch, tmp_path
):
    """The version before called connectivity `strategy` in its default space."""

    def search(name, folder):
        return HyperparameterSearcher(
            small_images, max_params=900, verbose=False, out=tmp_path / folder, resume=True
        ).optimize({**SIZES, "lr": (1e-3, 0.1), name: connectivity}, 36, generation=12)

    train = local.runs

    def interrupted(*arguments, **options):
        if sum(len(configurations) for _, configurations, _ in instant_training) >= 12:
            raise KeyboardInterrupt
        return train(*arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(local, "runs", interrupted)
        with pytest.raises(KeyboardInterrupt):
            search("strategy", "gone_on")
    gone_on = search("connectivity", "gone_on")
    assert len(gone_on) == 36
    names = [next(n for n in result.params if n in NAMES) for result in gone_on]
    assert names == ["strategy"] * 24 + ["connectivity"] * 12  # the second generation was begun
