"""A network that is trained to be kept is the one that a search measured."""

from dataclasses import replace

import numpy as np
import pytest
from small_populations import bucket_of, configured, data

from jdend.models import load, save
from jdend.training import train, train_model

MEASURED = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "test_loss")


@pytest.fixture(scope="module")
def configuration():
    return configured(percentage_resample=0.3, schedule="cosine", lr=1e-2)


@pytest.fixture(scope="module")
def model(configuration):
    return train_model(configuration, 3, data())


def test_its_figures_are_those_of_the_search(configuration, model):
    outcome = train(bucket_of(configuration), [configuration], [1, 3], data())[0]
    for name in (*MEASURED, "test_accuracy"):
        assert model.figures[name] == pytest.approx(getattr(outcome, name)[1], abs=1e-6), name


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_it_classifies_raw_examples_as_well_as_its_figures_say(model, part):
    x, y = getattr(data(), f"{part}_x"), getattr(data(), f"{part}_y")
    accuracy = np.mean(model.predict(x) == y)
    assert accuracy == pytest.approx(model.figures[f"{part}_accuracy"], abs=1e-6)


def test_resampling_moved_its_synapses(configuration, model):
    before = train_model(configured(synaptic_resampling=False), 3, data(), n_epochs=1)
    moved = model.module.dendritic.indices[...] != before.module.dendritic.indices[...]
    assert moved.any()
    assert not moved.all()


def test_it_is_saved_and_loaded(model, tmp_path):
    loaded = load(save(model, tmp_path / "model"))
    x = data().test_x
    np.testing.assert_array_equal(loaded.logits(x), model.logits(x))
    parts = data()
    assert loaded.origin == {
        "dataset": parts.name,
        "source": parts.source,
        "fingerprint": parts.fingerprint,
        "seed": 3,
    }


def test_its_length_may_be_another(configuration):
    longer = train_model(configuration, 0, data(), n_epochs=4)
    hyper = replace(configuration.hyperparameters, n_epochs=4)
    assert longer.configuration == replace(configuration, hyperparameters=hyper)
    same = train_model(longer.configuration, 0, data())
    assert same.figures == longer.figures


def test_without_a_validation_part_it_has_no_such_figure(configuration):
    model = train_model(configuration, 0, data(validation_fraction=0.0), n_epochs=1)
    assert not {"validation_loss", "validation_accuracy"} & model.figures.keys()


@pytest.mark.wrong_types
@pytest.mark.parametrize("seed", [-1, 2**32, 0.5, True])
def test_a_seed_out_of_range_is_refused(configuration, seed):
    with pytest.raises(ValueError, match="seed must be an integer from 0"):
        train_model(configuration, seed, data())


@pytest.mark.wrong_types
@pytest.mark.parametrize("n_epochs", [0, -1, 2.0, True])
def test_epochs_must_be_positive_integers(configuration, n_epochs):
    with pytest.raises(ValueError, match="n_epochs must be a positive integer"):
        train_model(configuration, 0, data(), n_epochs=n_epochs)


def test_what_diverges_is_no_model():
    with pytest.raises(ValueError, match=r"seed 0 diverged .*; lower lr"):
        train_model(configured(lr=1e30, weight_decay=0.0), 0, data())


def test_every_epoch_is_shown_from_the_untrained_network_on(configuration, model):
    seen = {}

    def note(epoch, network):
        seen[epoch] = np.asarray(network.dendritic.weight[...])

    train_model(configuration, 3, data(), on_epoch=note)
    assert list(seen) == list(range(configuration.hyperparameters.n_epochs + 1))
    assert np.array_equal(seen[max(seen)], model.module.dendritic.weight[...])
    assert not np.array_equal(seen[0], seen[1])
