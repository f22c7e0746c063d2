"""Hyperparameters that take a program of their own: alike alone, beside others and resumed."""

import functools

import numpy as np
import pytest
from small_populations import advance, bucket_of, configured, data, on_host, start

from jdend.fields import HYPERPARAMETERS
from jdend.models import load, save
from jdend.training import Bucket, Run, let_go_of_populations, take, train_model
from jdend.training._state import concat_seeds

# One entry a program; what is traced differs between members.
PROGRAMS = {
    "optimizer": [
        {"clip_norm": 0.1, "adam_b1": 0.8, "adam_b2": 0.99},
        {"clip_norm": 0.5, "adam_b1": 0.5, "adam_b2": 0.95},
    ],
    "SGD": [{"optimizer": "sgd"}, {"optimizer": "sgd", "adam_b1": 0.5}],
    "averages and noise": [
        {
            "averaging": 0.9,
            "label_smoothing": 0.1,
            "input_noise": 0.5,
            "synapse_dropout": 0.3,
            "initial_density": 2.0,
        },
        {
            "averaging": 0.5,
            "label_smoothing": 0.2,
            "input_noise": 1.0,
            "synapse_dropout": 0.1,
            "initial_density": 1.5,
        },
    ],
    "linear dendrites": [{"dendrite_slope": 1.0}, {"dendrite_slope": 1.0}],
    "folded dendrites": [{"dendrite_slope": -1.0}, {"dendrite_slope": -1.0}],
    "teacher": [
        {"distillation_weight": 0.5, "distillation_temperature": 2.0},
        {"distillation_weight": 1.0},
    ],
    "inputs by gradient": [
        {"resampling_inputs": "gradient", "resampling_weights": "zero"},
        {"resampling_inputs": "local_gradient", "resampling_rule": "soft"},
    ],
    "more synapses at first": [
        {"initial_density": 2.5, "steps_to_prune": 7},
        {"initial_density": 3.0, "pruning_end": 0.9},
    ],
    "flips and shifts": [
        {"augmentation": "flips_and_shifts"},
        {"augmentation": "flips_and_shifts"},
    ],
}
RESAMPLED = ("SGD", "averages and noise", "inputs by gradient", "more synapses at first")
# Of one shape, smaller than that of their padded bucket: alone they share the programs.
TRAITS = [{"lr": 1e-2, "n_neurons": 2}, {"lr": 3e-3, "n_neurons": 2, "percentage_resample": 0.5}]


@pytest.fixture(scope="module", params=PROGRAMS)
def name(request):
    """One after another, each with all tests, since what they compile takes memory."""
    yield request.param
    let_go_of_populations(0)


def members(name):
    shared = {"synaptic_resampling": name in RESAMPLED}
    pairs = zip(PROGRAMS[name], TRAITS, strict=True)
    return [configured(**one, **traits, **shared) for one, traits in pairs]


def padded_bucket(name):
    return bucket_of(configured(**PROGRAMS[name][1]), padded=True)


def at_30(bucket, configurations):
    """Of two seeds, one after the other: by the programs of one, which runs have, too."""
    of_seeds = [advance(bucket, start(bucket, configurations, (s,)), 30) for s in (0, 5)]
    return concat_seeds([on_host(state) for state in of_seeds])


@functools.cache
def padded(name):
    return at_30(padded_bucket(name), members(name))


@pytest.mark.parametrize("c", [0, 1])
def test_alone_in_a_bucket_of_its_own_as_padded_beside_another(name, c):
    alone = at_30(bucket_of(members(name)[c]), [members(name)[c]])
    together = take(padded(name), [c])
    assert np.isfinite(alone.loss_sum).all()
    np.testing.assert_allclose(together.loss_sum, alone.loss_sum, rtol=1e-3)
    np.testing.assert_allclose(together.n_correct, alone.n_correct, atol=1)


@functools.cache
def without(resampled):
    plain = [configured(**traits, synaptic_resampling=resampled) for traits in TRAITS]
    return at_30(bucket_of(configured(), padded=True), plain)


def test_it_changes_training(name):
    assert (without(name in RESAMPLED).loss_sum != padded(name).loss_sum).all()


def test_broken_off_it_goes_on_with_the_figures_of_an_undisturbed_run(name):
    bucket = padded_bucket(name)
    whole, first, second = (Run(bucket, members(name), (0, 5), data()) for _ in range(3))
    whole.train_to(3)
    first.train_to(2)
    second.restore(first.snapshot().to_bytes())
    second.train_to(3)
    for one, other in zip(second.outcomes(), whole.outcomes(), strict=True):
        np.testing.assert_array_equal(one.test_loss, other.test_loss)
        np.testing.assert_array_equal(one.validation_accuracy, other.validation_accuracy)


def test_trials_without_it_train_in_another_population(name):
    bucket, plain = padded_bucket(name), configured()
    with pytest.raises(ValueError, match="does not fit"):
        bucket.check_fits(plain.structure)
    with pytest.raises(ValueError, match="does not fit"):
        Bucket(plain.structure, padded=True).check_fits(members(name)[1].structure)


def test_a_saved_network_says_how_it_was_trained(name, tmp_path):
    model = train_model(members(name)[0], 0, data(), n_epochs=1)
    loaded = load(save(model, tmp_path / "model"))
    assert loaded.configuration == model.configuration
    np.testing.assert_array_equal(loaded.logits(data().test_x), model.logits(data().test_x))


def test_its_network_has_the_figures_of_the_search(name):
    member = members(name)[0]
    run = Run(bucket_of(member), [member], (0,), data())
    run.train_to(run.last_epoch)
    accuracy = run.outcomes()[0].test_accuracy[0]
    model = train_model(member, 0, data())
    assert np.mean(model.predict(data().test_x) == data().test_y) == pytest.approx(accuracy)


def test_all_that_take_a_program_of_their_own_are_here():
    of_here = {name for pair in PROGRAMS.values() for one in pair for name in one}
    own = {name for name, field in HYPERPARAMETERS.items() if field.own_program != "never"}
    assert own - of_here == {"shift_pixels"}  # goes with the augmentation
