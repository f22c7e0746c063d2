"""The space that is searched when nobody names one."""

import math

import numpy as np
import pytest

from jdend.fields import FIELDS
from jdend.models import Problem
from jdend.search import SpaceError, default_space
from jdend.search.space.budget import Budget
from jdend.search.space.default_space import (
    ARCHITECTURES,
    DEFAULT_ARCHITECTURES,
    default_training,
    left_out,
)
from jdend.search.space.dimensions import Choice, IntRange, RealRange, parse_space
from jdend.search.space.encoding import Encoding
from jdend.search.space.feasible import feasible_shapes
from jdend.search.space.problem import SearchProblem
from jdend.search.space.validation import check_space

DATA = [Problem(784, 10, (28, 28, 1)), Problem(64, 10, (8, 8, 1)), Problem(4, 3)]


@pytest.mark.parametrize("problem", DATA)
@pytest.mark.parametrize("budget", [50, 500, 8000, 100_000])
def test_it_is_allowed_for_all_data(budget, problem):
    check_space(parse_space(default_space(budget, problem)), problem, {})


def test_fields_go_by_their_own_names():
    assert default_space(8000, DATA[0]).keys() <= FIELDS.keys()


def test_only_images_have_receptive_fields():
    assert "field_std" in default_space(8000, DATA[0])
    assert default_space(8000, DATA[2]).keys().isdisjoint(["connectivity", "field_std"])


@pytest.mark.parametrize("budget", [500, 8000, 32_000])
def test_more_than_one_architecture_fits(budget):
    problem = SearchProblem(
        parse_space(default_space(budget, DATA[0])), DATA[0], Budget(budget), {}
    )
    encoding = Encoding(problem)
    assert set(encoding.dimensions["architecture"].values) == {"sparse_somata", "soma_disabled"}
    assert encoding.n_fit > 50


@pytest.mark.parametrize("budget", [110, 250])
def test_the_somata_of_the_smallest_networks_are_the_logits(budget):
    problem = SearchProblem(
        parse_space(default_space(budget, DATA[0])), DATA[0], Budget(budget, 0.8), {}
    )
    assert set(problem.space.dimensions["architecture"].values) == {"class_somata"}
    assert Encoding(problem).n_fit > 3


def test_the_smallest_networks_may_grow_by_gradient():
    grow = [default_space(budget, DATA[0])["resampling_inputs"] for budget in (110, 1000, 8000)]
    assert grow == [
        ["local_free", "uniform_free", "gradient"], ["local_free", "uniform_free"], "local_free"
    ]  # fmt: skip
    assert default_space(110, DATA[2])["resampling_inputs"] == ["uniform_free", "gradient"]


def test_large_networks_whose_neurons_share_dendrites_fold_them():
    assert default_space(4000, DATA[2])["dendrite_slope"] == -1.0
    assert "dendrite_slope" not in default_space(3999, DATA[2])
    assert "dendrite_slope" not in default_space(8000, DATA[0], ARCHITECTURES)


def test_small_data_are_passed_over_more_often_in_smaller_batches():
    assert default_training(8000, 54_000) == {"batch_size": 256, "n_epochs": 18}
    assert default_training(8000, 1294) == {"batch_size": 32, "n_epochs": 38}
    assert default_training(8000, 5) == {"batch_size": 16, "n_epochs": 1500}


def test_small_networks_are_trained_for_longer():
    epochs = [default_training(budget, 54_000)["n_epochs"] for budget in (110, 2000, 100_000)]
    assert epochs == [72, 36, 18]


def test_epochs_grow_with_the_square_root_of_the_time():
    epochs = [default_training(8000, 54_000, s)["n_epochs"] for s in (10.0, 60.0, 240.0)]
    assert epochs == [18, 18, 36]


@pytest.mark.parametrize(
    "architecture", [*DEFAULT_ARCHITECTURES, *ARCHITECTURES, "dendritic_two_layers", "mlp"]
)
@pytest.mark.parametrize("problem", [*DATA[:2], Problem(30, 10), Problem(3072, 10, (32, 32, 3))])
@pytest.mark.parametrize("budget", [500, 1000, 2000, 8000, 20_000])
def test_each_architecture_has_networks_of_every_budget(architecture, problem, budget):
    if architecture == "mlp" and budget < problem.in_features + 2 * problem.n_classes + 1:
        return  # not even one hidden unit fits
    space = parse_space(default_space(budget, problem, [architecture]))
    ratio = 0.0 if architecture == "mlp" else 0.8  # few sizes of an MLP are near a budget
    shapes = feasible_shapes(space, problem, Budget(budget, ratio), np.random.default_rng(0))
    assert shapes.n_fit > 0.02 * (shapes.n_fit + shapes.n_over + shapes.n_under)


@pytest.mark.parametrize(
    ("shape", "budget"),
    [((28, 28, 1), budget) for budget in (110, 500, 2000, 8000, 50_000)]
    + [((8, 8, 1), 110), ((8, 8, 1), 8000), ((2, 2, 3), 110)],
)
def test_convolutional_networks_have_patches_within_the_image(shape, budget):
    problem = Problem(math.prod(shape), 10, shape)
    space = default_space(budget, problem, ["dendritic_convolutional"])
    assert max(space["patch_size"]) <= min(shape[:2])
    shapes = feasible_shapes(
        parse_space(space), problem, Budget(budget, 0.5), np.random.default_rng(0)
    )
    assert shapes.n_fit > 0.02 * (shapes.n_fit + shapes.n_over + shapes.n_under)


def test_a_space_of_their_name_alone_has_all_that_they_need():
    added = of_left_out({"architecture": "dendritic_convolutional"})
    assert {"patch_size", "stride", "pooled_size", "n_neurons", "n_dendrites"} <= added.keys()
    assert added["patch_size"] == Choice((5, 7))


def test_a_space_of_two_layers_has_the_sizes_of_both():
    added = of_left_out({"architecture": "dendritic_two_layers"})
    of_first = {"n_neurons", "n_dendrites", "n_dendrite_inputs"}
    assert of_first | {f"second_{name}" for name in of_first} <= added.keys()
    assert isinstance(added["second_n_dendrite_inputs"], IntRange)


def test_an_architecture_without_known_ranges_is_refused_by_name():
    with pytest.raises(SpaceError, match="'sparse_soma'; did you mean 'sparse_somata'"):
        default_space(8000, DATA[0], ["sparse_soma"])


def of_left_out(space, *, budget=8000, sizes="ranges", training=None, problem=None):
    problem = problem or Problem(784, 10, (28, 28, 1))
    return left_out(parse_space(space), budget, problem, training or {}, sizes=sizes)


SIZES = {"n_neurons": [10, 20], "n_dendrites": [4], "n_dendrite_inputs": (8, 32)}


def test_a_rate_left_out_is_in_the_middle_of_the_default_spaces():
    (rate,) = of_left_out(SIZES)["lr"].values
    default = parse_space(default_space(8000, Problem(784, 10, (28, 28, 1)))).dimensions["lr"]
    assert isinstance(default, RealRange)
    assert rate == pytest.approx((default.low * default.high) ** 0.5, rel=0.01)


def test_hyperparameters_left_out_do_not_vary():
    added = of_left_out(SIZES)
    assert all(isinstance(d, Choice) and len(d.values) == 1 for d in added.values())


def test_what_a_space_has_is_not_added_under_any_of_its_names():
    added = of_left_out({**SIZES, "lr": 0.1, "strategy": "random"})
    assert not added.keys() & {*SIZES, "lr", "strategy", "connectivity"}


def test_new_inputs_come_from_anywhere_where_the_first_ones_do():
    added = of_left_out({**SIZES, "connectivity": "random"})
    assert added["resampling_inputs"].values == ("uniform_free",)
    assert "field_std" not in added


def test_new_inputs_are_near_where_the_first_ones_are():
    added = of_left_out({**SIZES, "connectivity": ["random", "global_receptive_fields"]})
    assert added["resampling_inputs"].values == ("local_free",)
    assert "field_std" in added


@pytest.mark.parametrize(
    "off",
    [
        {"synaptic_resampling": False},
        {"percentage_resample": 0.0},
        {"connectivity": ["shared_inputs", "shared_receptive_fields"]},
    ],
)
def test_what_plays_no_part_is_not_added(off):
    assert not [name for name in of_left_out({**SIZES, **off}) if "resampl" in name]


def test_an_mlp_has_nothing_of_dendrites():
    added = of_left_out({"architecture": "mlp"})
    assert isinstance(added["hidden_dim"], IntRange)
    assert not [name for name in added if "dendrite" in name or "resampl" in name]


def test_a_space_without_sizes_has_the_default_architectures_and_theirs():
    added = of_left_out({"lr": (0.01, 0.1)})
    assert added["architecture"] == Choice(("sparse_somata", "soma_disabled"))
    assert {"n_neurons", "n_dendrites", "n_soma_inputs", "n_dendrite_inputs"} <= added.keys()


def test_in_a_grid_sizes_left_out_are_constants():
    added = of_left_out({"n_neurons": [10]}, sizes="constants")
    assert isinstance(added["n_dendrite_inputs"], Choice)


def test_inputs_left_out_are_what_the_budget_leaves():
    space = parse_space({"n_neurons": (8, 20)})
    problem = Problem(784, 10, (28, 28, 1))
    whole = parse_space({**space.dimensions, **of_left_out({"n_neurons": (8, 20)})})
    encoding = Encoding(SearchProblem(whole, problem, Budget(8000, 0.8), {}))
    assert encoding.derived == "n_dendrite_inputs"


def test_settings_come_before_the_default_space():
    assert of_left_out(SIZES, training={"lr": 0.5, "n_epochs": 3})["lr"] == Choice((0.5,))


def test_an_architecture_of_ones_own_leaves_its_sizes_alone():
    assert "n_neurons" not in of_left_out({"architecture": "linear"})
