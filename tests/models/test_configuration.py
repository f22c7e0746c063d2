"""A user's dict of parameters in canonical form, and what it refuses."""

import inspect

import numpy as np
import pytest
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st
from user_architecture import NAME

from jdend.connectivity import CONNECTIVITIES
from jdend.models import (
    DEFAULTS,
    Problem,
    architecture,
    architectures,
    check_names,
    configure,
    register_architecture,
)

IMAGES = Problem(36, 4, (6, 6, 1))
TABLE = Problem(36, 4)
NAMES = (*architectures(), NAME)
SMALL = {"n_neurons": 3, "n_dendrites": 2, "n_dendrite_inputs": 5, "hidden_dim": 4}


def configured(problem=IMAGES, **params):
    return configure({**SMALL, **params}, problem)


@pytest.mark.parametrize("name", NAMES)
def test_a_structure_holds_the_fields_that_its_architecture_reads(name):
    structure = configured(architecture=name).structure
    fields = {field for field, _ in structure.values}
    assert fields <= set(architecture(name).fields)
    assert all(structure[field] == SMALL.get(field, structure[field]) for field in fields)


@pytest.mark.parametrize("name", NAMES)
def test_a_structure_is_its_sizes_and_its_options(name):
    structure = configured(architecture=name).structure
    assert dict(structure.values) == {**structure.sizes, **structure.options}
    assert structure.with_sizes(structure.sizes) == structure
    assert structure.with_sizes({}).sizes == {}
    assert structure.with_sizes({}).options == structure.options


def test_a_structure_of_other_sizes_is_that_of_their_configuration():
    small, large = (configured(n_neurons=n).structure for n in (3, 50))
    assert small.with_sizes(large.sizes) == large


@pytest.mark.parametrize("name", NAMES)
def test_what_an_architecture_does_not_read_plays_no_role(name):
    everything = {
        **dict.fromkeys(SMALL, 7),
        "soma_enabled": False,
        "connectivity": "local_receptive_fields",
        "field_std": 1.5,
        "initialization": "fan_in",
        "percentage_resample": 0.5,
        "steps_to_resample": 9,
        "resampling_rule": "laplace",
        "resampling_inputs": "local",
    }
    plain = configured(architecture=name)
    unread = {k: v for k, v in everything.items() if k not in architecture(name).fields}
    assert configured(architecture=name, **unread) == plain


SAME = [
    ({"soma_enabled": False, "n_neurons": 3}, {"soma_enabled": False, "n_neurons": 8}),
    (
        {"synaptic_resampling": False},
        {"synaptic_resampling": False, "percentage_resample": 0.7, "steps_to_resample": 3},
    ),
    (
        {"synaptic_resampling": False},
        {"synaptic_resampling": False, "resampling_rule": "sigmoid", "resampling_inputs": "local"},
    ),
    ({"synaptic_resampling": False}, {"percentage_resample": 0.0}),
    ({"field_std": 1.0}, {"field_std": 9.0}),
    (
        {"connectivity": "local_receptive_fields"},
        {"connectivity": "local_receptive_fields", "field_std": 5**0.5},
    ),
    (
        {"connectivity": "fully_connected", "n_dendrite_inputs": 5},
        {"connectivity": "fully_connected", "n_dendrite_inputs": 30, "synaptic_resampling": False},
    ),
    ({"strategy": "fully_connected"}, {"connectivity": "fully_connected"}),
    (
        {"connectivity": "shared_inputs"},
        {"connectivity": "shared_inputs", "synaptic_resampling": False, "initial_density": 3.0},
    ),
    ({"seed": 1}, {"seed": 2}),
    ({"lr": None, "field_std": None, "architecture": None}, {}),
    ({"architecture": "dendritic_with_hidden"}, {"architecture": "dendritic_with_hidden"}),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_equal_in_canonical_form(one, other):
    assert configured(**one) == configured(**other)
    assert hash(configured(**one)) == hash(configured(**other))


DIFFERENT = [
    ({"lr": 1e-3}, {"lr": 2e-3}),
    ({"n_neurons": 3}, {"n_neurons": 4}),
    (
        {"connectivity": "shared_receptive_fields", "field_std": 1.0},
        {"connectivity": "shared_receptive_fields", "field_std": 2.0},
    ),
    ({"soma_enabled": True}, {"soma_enabled": False}),
    ({"percentage_resample": 0.1}, {"percentage_resample": 0.2}),
    ({"resampling_inputs": "local", "field_std": 1.0}, {"resampling_inputs": "local"}),
    (
        {"architecture": "soma_disabled", "n_neurons": 3},
        {"architecture": "soma_disabled", "n_neurons": 4},
    ),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different_in_canonical_form(one, other):
    assert configured(**one) != configured(**other)


def test_fully_connected_reads_every_feature():
    assert configured(connectivity="fully_connected").structure["n_dendrite_inputs"] == 36


@pytest.mark.parametrize("rule", ["fully_connected", "shared_inputs", "shared_receptive_fields"])
def test_inputs_that_are_all_or_shared_are_not_resampled(rule):
    assert configured(connectivity=rule).hyperparameters.steps_to_resample == 0


def test_the_default_hidden_dim_is_n_neurons():
    structure = configured(architecture="dendritic_with_hidden", hidden_dim=None).structure
    assert structure["hidden_dim"] == structure["n_neurons"] == 3


@pytest.mark.parametrize("rule", ["local_receptive_fields", "global_receptive_fields"])
def test_the_default_field_std_is_the_root_of_the_inputs(rule):
    hyper = configured(connectivity=rule).hyperparameters
    assert hyper.field_std == pytest.approx(5**0.5)


def test_what_is_left_out_is_the_references():
    hyper = configured().hyperparameters
    for field in ("n_epochs", "lr", "weight_decay", "schedule", "steps_to_resample"):
        assert getattr(hyper, field) == DEFAULTS[field]


def test_defaults_stand_between_the_params_and_the_references():
    made = configure({**SMALL, "lr": 0.1}, IMAGES, {"lr": 0.2, "n_epochs": 3, "batch_size": 8})
    assert (made.hyperparameters.lr, made.hyperparameters.n_epochs) == (0.1, 3)
    assert made.structure.batch_size == 8


def test_numpy_scalars_are_what_they_hold():
    given_numpy = configured(
        n_neurons=np.int64(3),
        n_dendrites=np.uint8(2),
        lr=np.float32(0.5),
        weight_decay=np.int32(0),
        soma_enabled=np.bool_(True),
        connectivity=np.str_("random"),
    )
    assert given_numpy == configured(lr=0.5, weight_decay=0.0, soma_enabled=True)
    assert type(given_numpy.structure["n_neurons"]) is int
    assert type(given_numpy.hyperparameters.lr) is float


def test_sizes_are_the_whole_numbers():
    assert configured(architecture=NAME, width=8).structure.sizes == {
        "n_dendrite_inputs": 5,
        "width": 8,
    }


WRONG = [
    (
        {"architecture": "dendritic_simpel"},
        "unknown architecture .*did you mean 'dendritic_simple'",
    ),
    ({"architecture": 3}, "unknown architecture '3'; allowed are dendritic_simple"),
    ({"n_neuron": 3}, "unknown parameter 'n_neuron'; did you mean 'n_neurons'"),
    ({"stratgy": "random"}, "unknown parameter 'stratgy'; did you mean 'strategy'"),
    ({"zzzzzz": 1}, "unknown parameter 'zzzzzz'; allowed are architecture"),
    ({"strategy": "random", "connectivity": "random"}, "'connectivity' is given twice"),
    ({"connectivity": "randm"}, "unknown connectivity 'randm'; did you mean 'random'"),
    ({"connectivity": ["random"]}, "unknown connectivity"),
    ({"schedule": "cosin"}, "unknown schedule 'cosin'; did you mean 'cosine'"),
    ({"initialization": "he"}, "unknown initialization 'he'"),
    ({"resampling_rule": "flatt"}, "unknown resampling_rule 'flatt'; did you mean 'flat'"),
    ({"resampling_inputs": "far"}, "unknown resampling_inputs 'far'"),
    ({"n_dendrite_inputs": 37}, "n_dendrite_inputs=37 is more than the data's 36 features"),
    ({"percentage_resample": 1.1}, "percentage_resample must be at least 0 and at most 1, got 1.1"),
    ({"percentage_resample": -0.1}, "percentage_resample must be at least 0"),
    ({"lr": 0}, "lr must be above 0, got 0"),
    ({"lr": -1e-3}, "lr must be above 0"),
    ({"weight_decay": -1e-9}, "weight_decay must be at least 0"),
    ({"connectivity": "local_receptive_fields", "field_std": 0}, "field_std must be above 0"),
    ({"soma_enabled": 1}, "soma_enabled must be True or False, got 1"),
    ({"soma_enabled": "no"}, "soma_enabled must be True or False"),
    ({"synaptic_resampling": 0}, "synaptic_resampling must be True or False"),
]


@pytest.mark.parametrize(("params", "message"), WRONG)
def test_bad_values_are_refused(params, message):
    with pytest.raises(ValueError, match=message):
        configured(**params)


@pytest.mark.parametrize("field", [*SMALL, "n_epochs", "batch_size", "steps_to_resample"])
@pytest.mark.parametrize(
    "value", [0, -1, 2.5, 3.0, True, np.bool_(True), "3", np.nan, [3], np.float64(3), 2**31]
)
def test_sizes_must_be_positive_integers(field, value):
    name = "dendritic_with_hidden" if field == "hidden_dim" else "dendritic_simple"
    with pytest.raises(ValueError, match=f"{field} must be "):
        configured(architecture=name, **{field: value})


@pytest.mark.parametrize("field", ["lr", "weight_decay", "percentage_resample", "field_std"])
@pytest.mark.parametrize(
    "value", ["1", True, np.nan, np.inf, -np.inf, 1e39, 10**400, [1.0], 1j, np.bool_(True)]
)
def test_numbers_must_be_finite_in_float32(field, value):
    with pytest.raises(ValueError, match=f"{field} must be a finite number"):
        configured(connectivity="local_receptive_fields", **{field: value})


@pytest.mark.parametrize(
    "params",
    [
        {"connectivity": "local_receptive_fields"},
        {"connectivity": "global_receptive_fields"},
        {"connectivity": "shared_receptive_fields"},
        {"resampling_inputs": "local"},
    ],
)
def test_local_rules_need_images(params):
    with pytest.raises(ValueError, match="needs images"):
        configured(TABLE, **params)


@given(st.text())
@settings(max_examples=50)
def test_any_unknown_name_is_a_value_error(name):
    if name not in (*SMALL, *DEFAULTS):
        with pytest.raises(ValueError, match="unknown parameter"):
            check_names({name: 1})


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=4),
    st.sampled_from([*CONNECTIVITIES, "cosine", "local"]),
)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from([*SMALL, *DEFAULTS, "field_std", "soma_enabled"]), values))
def test_anything_is_configured_or_refused_by_a_value_error(name, params):
    params = {**SMALL, **params, "architecture": name}
    try:
        made = configure(params, IMAGES)
    except ValueError:
        return
    assert made == configure(params, IMAGES)


class Narrow(nnx.Module):
    def __init__(self, in_features, n_classes, *, width=3, depth, label="a", rngs):
        self.last = nnx.Linear(in_features, n_classes, rngs=rngs)


def test_a_field_that_the_constructor_does_not_take_is_refused():
    with pytest.raises(ValueError, match=r"Narrow's constructor takes no wdth; it takes .*width"):
        register_architecture("narrow", Narrow, fields=("wdth", "depth"))


def test_an_argument_that_no_field_gives_is_refused():
    with pytest.raises(ValueError, match="Narrow needs depth: list them in fields"):
        register_architecture("narrow", Narrow, fields=("width",))


def test_a_positional_argument_that_no_field_gives_is_refused():
    class Positional(nnx.Module):
        def __init__(self, n_in, n_out, width, rngs):
            self.last = nnx.Linear(n_in, n_out, rngs=rngs)

    with pytest.raises(ValueError, match="Positional needs width"):
        register_architecture("positional", Positional, fields=())
    register_architecture("positional", Positional, fields=("width",))


def test_a_constructor_without_rngs_is_refused():
    class Keyless(nnx.Module):
        def __init__(self, in_features, n_classes):
            self.size = (in_features, n_classes)

    with pytest.raises(ValueError, match="constructor takes no rngs"):
        register_architecture("keyless", Keyless, fields=())


def test_a_field_without_default_must_be_given():
    register_architecture("narrow", Narrow, fields=("width", "depth"))
    assert configured(architecture="narrow", depth=2).structure.sizes == {"width": 3, "depth": 2}
    with pytest.raises(ValueError, match="depth must be a positive integer, got None"):
        configured(architecture="narrow")


def test_a_field_is_of_its_defaults_kind():
    register_architecture("narrow", Narrow, fields=("depth", "label"))
    assert configured(architecture="narrow", depth=2, label="b").structure["label"] == "b"
    with pytest.raises(ValueError, match="label must be a string, got 2"):
        configured(architecture="narrow", depth=2, label=2)


@pytest.mark.parametrize("name", NAMES)
def test_a_constructor_takes_what_its_fields_list(name):
    arch = architecture(name)
    parameters = inspect.signature(arch.module.__init__).parameters
    assert arch.context <= set(parameters)
    assert set(arch.defaults) <= set(parameters)


def test_a_default_is_never_more_inputs_than_there_are_features():
    structure = configure({"n_neurons": 3}, Problem(64, 10)).structure
    assert structure["n_dendrite_inputs"] == 64
