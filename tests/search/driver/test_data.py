"""The data of a search: when they are loaded, and what is known without."""

import pytest

from jdend.data import DataError
from jdend.search.driver import data as search_data
from jdend.search.driver.data import SearchData


@pytest.fixture
def loads(monkeypatch, small_images):
    """The names that were loaded; each has the contents of `small_images`."""
    names = []

    def load(name, **options):
        names.append(name)
        return small_images

    monkeypatch.setattr(search_data, "load", load)
    return names


def test_shapes_are_known_by_name_without_loading(loads):
    data = SearchData("fashion-mnist", subset_size=1000, validation_fraction=0.2)
    outline = data.outline
    assert (len(outline.train_y), len(outline.validation_y), len(outline.test_y)) == (
        800, 200, 10_000,
    )  # fmt: skip
    assert data.problem.in_features == 784
    assert loads == []


def test_they_are_loaded_once(loads):
    data = SearchData("mnist")
    assert data.split is data.split
    assert loads == ["mnist"]


def test_the_outline_is_of_what_was_loaded(loads):
    data = SearchData("mnist")
    assert data.split is data.outline


def test_the_record_has_a_fingerprint_once_they_are_loaded(loads):
    data = SearchData("mnist", split_seed=3)
    assert list(data.describe()) == [
        "dataset", "target", "subset_size", "validation_fraction", "split_seed",
    ]  # fmt: skip
    fingerprint = data.split.fingerprint
    assert data.describe()["fingerprint"] == fingerprint


def test_what_identifies_them_does_not_say_where_they_were_found(loads):
    identity = SearchData("mnist").identify()
    assert identity["data"] != "mnist"
    assert not {"dataset", "source", "fingerprint"} & identity.keys()


@pytest.mark.parametrize(("fraction", "held_out"), [(0.1, True), (0, False)])
def test_whether_there_is_a_validation_part(small_images, fraction, held_out):
    assert SearchData(small_images, validation_fraction=fraction).has_validation == held_out


def test_what_is_no_data_set_is_refused():
    with pytest.raises(DataError, match="dataset=7 is not allowed"):
        SearchData(7)  # pyright: ignore[reportArgumentType]


def test_the_record_says_how_many_examples_there_are_and_what_guessing_has(small_images):
    data = SearchData(small_images, validation_fraction=0.1)
    assert "n_validation" not in data.describe()
    parts = data.split
    record = data.describe()
    assert record["n_train"] + record["n_validation"] == 600
    assert record["n_test"] == len(parts.test_y)
    assert record["majority_accuracy"] == pytest.approx(0.1)
    assert not [name for name in data.identify() if name.startswith(("n_", "majority"))]
