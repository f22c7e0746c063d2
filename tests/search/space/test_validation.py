"""Spaces and seeds that are refused, and what is said."""

import numpy as np
import pytest

from jdend.models import Problem
from jdend.search import SearchError, SpaceError
from jdend.search.space.dimensions import parse_space
from jdend.search.space.validation import architectures_of, canonical, check_space, parse_seeds

IMAGES = Problem(784, 10, (28, 28, 1))
SIZES = {"n_neurons": (8, 20), "n_dendrites": (3, 12), "n_dendrite_inputs": (16, 200)}


def check(space, problem=IMAGES):
    check_space(parse_space(space), problem, {})


@pytest.mark.parametrize(
    ("space", "said"),
    [
        ({"n_nuerons": [8]}, "did you mean 'n_neurons'"),
        ({"architecture": ["dendritic_simpel"]}, "did you mean 'dendritic_simple'"),
        ({"strategy": ["randm"]}, "did you mean 'random'"),
        ({"strategy": "random", "connectivity": "random"}, "the same parameter"),
        ({"schedule": ["cosin"]}, "did you mean 'cosine'"),
        ({"n_dendrite_inputs": [785]}, "784 features"),
        ({"n_dendrite_inputs": (16, 785)}, "784 features"),
        ({"n_neurons": [0]}, "n_neurons must be a positive integer, got 0"),
        ({"n_neurons": (-3, 8)}, "n_neurons must be a positive integer, got -3"),
        ({"n_neurons": [8.5]}, "got 8.5"),
        ({"n_neurons": (8.0, 12.0)}, "got 8.0"),
        ({"n_neurons": ["8"]}, "got '8'"),
        ({"hidden_dim": [0], "architecture": "dendritic_with_hidden"}, "hidden_dim"),
        ({"soma_enabled": [1]}, "soma_enabled must be True or False"),
        ({"lr": [0.0]}, "lr must be above 0"),
        ({"lr": (-1.0, 1.0)}, "lr must be above 0"),
        ({"weight_decay": [-1]}, "weight_decay"),
        ({"percentage_resample": [1.5]}, "percentage_resample"),
        ({"steps_to_resample": [0]}, "steps_to_resample"),
        ({"field_std": [0.0]}, "field_std must be above 0"),
        ({"seed": [-1]}, "seed must be a whole number"),
        ({"seed": [0.5]}, "seed must be a whole number"),
        ({"n_epochs": [0]}, "n_epochs"),
        ({"batch_size": ["big"]}, "batch_size"),
    ],
)
def test_impossible_values(space, said):
    with pytest.raises(SearchError) as caught:
        check({**SIZES, **space})
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_images_are_needed_for_local_fields():
    with pytest.raises(SpaceError, match="needs images"):
        check({"strategy": ["local_receptive_fields"]}, Problem(784, 10))


def test_a_value_is_checked_although_it_plays_no_part():
    with pytest.raises(SpaceError, match="steps_to_resample must be a positive integer"):
        check({"synaptic_resampling": False, "steps_to_resample": [0]})


def test_what_no_architecture_of_the_space_reads_is_not_checked():
    check({"architecture": "mlp", "steps_to_resample": [0]})


def test_a_parameter_goes_by_its_fields_name():
    assert (canonical("strategy"), canonical("lr")) == ("connectivity", "lr")


def test_architectures_are_listed_not_bounded():
    assert architectures_of(parse_space({"lr": 0.1})) == ("dendritic_simple",)
    with pytest.raises(SpaceError, match="give names, not a range"):
        architectures_of(parse_space({"architecture": (1, 2)}))


@pytest.mark.parametrize(
    ("seeds", "meant"),
    [(3, (0, 1, 2)), ([5, 2, 5], (5, 2)), (np.array([1, 0]), (1, 0)), (np.int64(2), (0, 1))],
)
def test_seeds(seeds, meant):
    assert parse_seeds(seeds) == meant


@pytest.mark.parametrize(
    "seeds", [0, -1, True, 2.0, "3", [], [-1], [2**32], [0.5], [True], None, 10**10]
)
def test_impossible_seeds(seeds):
    with pytest.raises(SearchError, match="seeds"):
        parse_seeds(seeds)
