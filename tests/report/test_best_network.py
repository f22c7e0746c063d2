"""The best network of a real search, trained again and looked at."""

import dataclasses

import numpy as np
import pytest
from flax import nnx

from jdend.data import load, split
from jdend.models import DendriticLayer
from jdend.report import Observed, SearchRecord, portrait_of, read_record
from jdend.report._best_network import Dendrites
from jdend.study import StudyError, rank


@pytest.fixture(scope="module")
def portrait(folder):
    return portrait_of(read_record(folder))


@pytest.fixture(scope="module")
def test_part():
    return split(load("fashion-mnist"), subset_size=3000)


def test_it_is_the_best_trial_with_the_best_of_its_seeds(portrait, folder):
    best = rank(read_record(folder).results)[0]
    assert portrait.result == best
    by_seed = best.seed_figures["validation_accuracy"]
    assert portrait.seed == best.seeds[int(np.argmax(by_seed))]


def test_its_figures_are_those_that_the_search_had(portrait):
    known = portrait.measured_before
    assert list(known) == ["validation_accuracy", "test_accuracy"]
    for name, value in known.items():  # up to rounding, which three epochs amplify
        assert portrait.model.figures[name] == pytest.approx(value, abs=0.02), name


def test_one_that_was_observed_is_not_trained_again(portrait, folder):
    """And another one that was observed is not taken for it."""
    record = read_record(folder)
    observed = Observed(784)
    observed.model, observed.history = portrait.model, list(portrait.history)
    said = []
    again = portrait_of(record, observed=observed, say=said.append)
    assert said == []
    assert again.model is portrait.model
    assert again.history == portrait.history
    assert again.confused == portrait.confused
    observed.model = dataclasses.replace(portrait.model, origin={"seed": portrait.seed + 1})
    other = portrait_of(record, observed=observed, say=said.append)
    assert other.model.origin["seed"] == portrait.seed
    assert ["is another than the one that was saved" in line for line in said] == [True]


def test_the_confusion_matrix_counts_every_test_example(portrait, test_part):
    assert portrait.confusion.sum(axis=1).tolist() == np.bincount(test_part.test_y).tolist()
    accuracy = np.trace(portrait.confusion) / portrait.confusion.sum()
    assert accuracy == pytest.approx(portrait.model.figures["test_accuracy"], abs=1e-6)


def test_the_most_confused_are_wrong_and_the_surest_first(portrait, test_part):
    rows, true, guesses, probabilities = map(list, zip(*portrait.confused, strict=True))
    assert test_part.test_y[rows].tolist() == true
    assert portrait.model.predict(test_part.test_x[rows]).tolist() == guesses
    assert all(t != g for t, g in zip(true, guesses, strict=True))
    assert probabilities == sorted(probabilities, reverse=True)


def test_its_dendrites_are_seen_before_training_and_after_every_epoch(portrait):
    layer = portrait.model.module.dendritic
    assert len(portrait.history) == 4
    assert np.array_equal(portrait.history[-1].indices, layer.indices[...])
    assert not np.array_equal(portrait.history[0].weight, portrait.history[-1].weight)


def test_its_dendrites_compute_what_the_layer_does(portrait, test_part):
    x = (test_part.test_x[:20].astype(np.float32) - test_part.offset) * test_part.scale
    layer, last = portrait.model.module.dendritic, portrait.history[-1]
    n_neurons, n_dendrites = last.bias.shape
    every = [(n, d) for n in range(n_neurons) for d in range(n_dendrites)]
    h = last.activations(x, every).reshape(20, n_neurons, n_dendrites)
    s = np.einsum("bnd,nd->bn", h, last.soma_weight) + layer.soma_bias[...]
    np.testing.assert_allclose(np.where(s > 0, s, 0.1 * s), layer(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "options",
    [{"dendrite_slope": -1.0}, {"dendrite_slope": 1.0}, {"dendrite_activation": "tanh"}],
    ids=str,
)
def test_its_dendrites_have_the_slope_or_the_activation_of_their_layer(options):
    layer = DendriticLayer(9, 1, 4, 3, soma=False, **options, rngs=nnx.Rngs(0))
    x = np.random.default_rng(0).normal(size=(20, 9)).astype(np.float32)
    dendrites = Dendrites.of(layer, 9)
    assert dendrites is not None
    every = [(0, d) for d in range(4)]
    np.testing.assert_allclose(dendrites.activations(x, every), layer(x), rtol=1e-5, atol=1e-6)


def test_a_favourite_excites_its_dendrite_most(portrait, test_part):
    x = (test_part.test_x.astype(np.float32) - test_part.offset) * test_part.scale
    excited = portrait.history[-1].activations(x, portrait.fields)
    assert excited.argmax(axis=0).tolist() == list(portrait.favourites)


def test_of_each_neuron_one_dendrite_is_shown_first(portrait):
    neurons = [neuron for neuron, _ in portrait.fields]
    assert len(set(neurons)) == len(neurons) == 12


def test_data_that_have_changed_are_refused(folder):
    record = read_record(folder)
    config = {**record.configs[0], "fingerprint": "0" * 64}
    changed = SearchRecord(record.results, configs=(config,))
    with pytest.raises(StudyError, match="no longer what the search was made with"):
        portrait_of(changed)


def test_a_file_that_is_gone_is_named(folder):
    record = read_record(folder)
    config = {**record.configs[0], "dataset": "gone.csv"}
    with pytest.raises(StudyError, match=r"its data, gone\.csv, are not here"):
        portrait_of(SearchRecord(record.results, configs=(config,)))


def test_results_without_settings_say_that_they_do_not_suffice(folder):
    record = read_record(folder)
    with pytest.raises(StudyError, match="does not say which data"):
        portrait_of(SearchRecord(record.results))
