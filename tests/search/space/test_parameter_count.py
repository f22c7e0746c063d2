"""Parameters of one network and of many at once are those of the network that would be built."""

import numpy as np
import pytest
from flax import nnx

from jdend import HyperparameterSearcher
from jdend.connectivity import CONNECTIVITIES
from jdend.models import (
    Problem,
    architecture,
    architectures,
    configure,
    count_params,
    register_architecture,
    trace_params,
)
from jdend.models import _registry as registry
from jdend.search import SpaceError
from jdend.search.space.parameter_count import (
    confirmed_params,
    count_points,
    counts_many,
    dendritic_params,
    estimate_params,
)

IMAGES = Problem(784, 10, (28, 28, 1))


class Wide(nnx.Module):
    """A user's own architecture."""

    def __init__(self, in_features, n_classes, *, width=16, rngs):
        self.first = nnx.Linear(in_features, width, rngs=rngs)
        self.second = nnx.Linear(width, width, rngs=rngs)
        self.last = nnx.Linear(width, n_classes, rngs=rngs)

    def __call__(self, x):
        for layer in (self.first, self.second):
            x = nnx.relu(layer(x))
        return self.last(x)


@pytest.fixture
def wide():
    register_architecture("wide", Wide, fields=("width",))
    yield "wide"
    registry._ARCHITECTURES.pop("wide")


def _random_params(name, rng, problem):
    return {
        "architecture": name,
        "n_neurons": int(rng.integers(1, 60)),
        "n_dendrites": int(rng.integers(1, 60)),
        "n_dendrite_inputs": int(rng.integers(1, problem.in_features + 1)),
        "hidden_dim": int(rng.integers(1, 60)),
        "soma_enabled": bool(rng.integers(2)),
        "strategy": str(rng.choice(list(CONNECTIVITIES))),
    }


def test_the_toolkits_example():
    assert HyperparameterSearcher.estimate_params(784, 12, 6, 96) == 7198


@pytest.mark.parametrize("name", architectures())
def test_estimates_are_counts(name):
    rng = np.random.default_rng(0)
    problems = [
        Problem(7, 2, (1, 7, 1)),
        Problem(64, 10, (8, 8, 1)),
        Problem(3072, 47, (32, 32, 3)),
    ]
    for i in range(300):  # each of other sizes: all are counted by one formula
        problem = problems[i % 3]
        params = _random_params(name, rng, problem)
        counted = count_params(configure(params, problem).structure)
        of_data = {"n_classes": problem.n_classes, "image_shape": problem.image_shape}
        assert estimate_params(problem.in_features, **of_data, **params) == counted
        if not architecture(name).needs_images:
            assert (
                estimate_params(problem.in_features, n_classes=problem.n_classes, **params)
                == counted
            )


def test_an_estimate_for_images_alone_needs_their_shape():
    given = {"architecture": "dendritic_convolutional", "n_neurons": 2, "pooled_size": 1}
    assert estimate_params(64, image_shape=(8, 8, 1), **given) == 2 * (3 * 9 + 2 * 3 + 1) + 30
    with pytest.raises(SpaceError, match=r"is for images: give image_shape=\(H, W, C\)"):
        estimate_params(64, **given)
    with pytest.raises(SpaceError, match=r"image_shape=\(8, 8, 3\) has not 64 features"):
        estimate_params(64, image_shape=(8, 8, 3), **given)


def test_estimates_of_a_registered_architecture_are_counts(wide):
    rng = np.random.default_rng(0)
    for i in range(1000):
        width = int(rng.integers(1, 500))
        structure = configure({"architecture": wide, "width": width}, IMAGES).structure
        by_hand = 785 * width + (width + 1) * width + (width + 1) * 10
        assert estimate_params(784, architecture=wide, width=width) == by_hand
        if i < 3:
            assert confirmed_params(structure) == by_hand


def test_a_name_registered_anew_is_counted_anew():
    old = registry._ARCHITECTURES["mlp"]
    try:
        register_architecture("mlp", Wide, fields=("width",))
        assert estimate_params(784, architecture="mlp", width=2) == 785 * 2 + 3 * 2 + 3 * 10
    finally:
        registry._ARCHITECTURES["mlp"] = old


@pytest.mark.parametrize("name", architectures())
def test_many_points_are_counted_as_one_by_one(name):
    sizes = {
        "n_neurons": np.array([3, 7]).reshape(2, 1, 1, 1),
        "n_dendrites": np.array([2, 5, 6]).reshape(1, 3, 1, 1),
        "n_dendrite_inputs": np.array([1, 90]).reshape(1, 1, 2, 1),
        "hidden_dim": np.array([4, 9]).reshape(1, 1, 1, 2),
    }
    for soma in (True, False):
        frame = {"architecture": name, "soma_enabled": soma}
        counts = count_points(frame, sizes, IMAGES)
        for where in np.ndindex(2, 3, 2, 2):
            own = {
                field: int(np.broadcast_to(column, counts.shape)[where])
                for field, column in sizes.items()
            }
            assert counts[where] == count_params(configure({**frame, **own}, IMAGES).structure)


NEURONS = np.array([3, 7])


def counted_one_by_one(frame, sizes):
    columns = np.broadcast_arrays(*sizes.values())
    rows = zip(*(column.reshape(-1).tolist() for column in columns), strict=True)
    each = [configure({**frame, **dict(zip(sizes, row, strict=True))}, IMAGES) for row in rows]
    return np.array([count_params(c.structure) for c in each]).reshape(columns[0].shape)


@pytest.mark.parametrize(
    ("frame", "sizes"),
    [
        ({"connectivity": "fully_connected"}, {"n_dendrite_inputs": NEURONS}),
        ({"connectivity": "fully-connected"}, {"n_dendrite_inputs": NEURONS}),
        ({"architecture": "dendritic_with_hidden"}, {"n_neurons": NEURONS}),  # and hidden_dim
        ({"architecture": "dendritic_with_hidden", "hidden_dim": 4}, {"n_neurons": NEURONS}),
        ({"soma_enabled": False}, {"n_neurons": NEURONS}),
        ({"architecture": "mlp"}, {"n_neurons": NEURONS}),
    ],
)
def test_sizes_that_others_fix_or_follow_are_counted(frame, sizes):
    assert (count_points(frame, sizes, IMAGES) == counted_one_by_one(frame, sizes)).all()


def test_a_frame_without_sizes_is_one_count():
    assert count_points({"architecture": "mlp"}, {}, IMAGES) == 785 * 10 + 11 * 10


def test_what_is_ignored_for_some_sizes_is_counted_one_by_one(monkeypatch):
    class Deep(nnx.Module):
        def __init__(self, in_features, n_classes, *, depth=1, width=5, rngs):
            middle = width if depth > 1 else n_classes
            self.first = nnx.Linear(in_features, middle, rngs=rngs)
            self.last = nnx.Linear(middle, n_classes, rngs=rngs)

    monkeypatch.setattr(registry, "_ARCHITECTURES", dict(registry._ARCHITECTURES))
    register_architecture(
        "deep",
        Deep,
        fields=("depth", "width"),
        ignores=lambda values: ("width",) if values["depth"] == 1 else (),
    )
    frame, sizes = {"architecture": "deep"}, {"depth": NEURONS[:, None] - 2, "width": NEURONS}
    assert not counts_many(frame, sizes, IMAGES)
    assert (count_points(frame, sizes, IMAGES) == counted_one_by_one(frame, sizes)).all()


def test_whole_numbers_that_stand_for_an_option_are_counted_one_by_one(monkeypatch):
    class Scaled(nnx.Module):
        def __init__(self, in_features, n_classes, *, width=5, scale=2.0, rngs):
            self.first = nnx.Linear(in_features, width * round(scale), rngs=rngs)

    monkeypatch.setattr(registry, "_ARCHITECTURES", dict(registry._ARCHITECTURES))
    register_architecture("scaled", Scaled, fields=("width", "scale"))
    frame, sizes = {"architecture": "scaled"}, {"scale": np.array([1, 4]), "width": NEURONS}
    assert not counts_many(frame, sizes, IMAGES)
    assert count_points(frame, sizes, IMAGES).tolist() == [785 * 3, 785 * 28]


def test_the_first_linear_layer_may_say_or_leave_open_what_it_reads():
    dendrites = (6 * 97 + 6 + 1) * 12
    linear = 13 * 20 + 21 * 10
    for layers in ([(-1, 20), (-1, 10)], [(12, 20), (20, 10)]):
        assert dendritic_params(12, 6, 96, True, layers) == dendrites + linear
    assert dendritic_params(12, 6, 96, True, [(30, 20), (-1, 10)]) == dendrites + linear + 18 * 20


@pytest.mark.parametrize("name", architectures())
def test_an_architecture_inside_has_a_formula(name):
    assert counts_many({"architecture": name}, {"n_neurons": NEURONS}, IMAGES)


def test_confirmed_counts_are_traced():
    structure = configure({"n_neurons": 5, "n_dendrites": 3, "n_dendrite_inputs": 7}, IMAGES)
    assert confirmed_params(structure.structure) == trace_params(structure.structure)


def test_estimates_refuse_impossible_sizes():
    with pytest.raises(SpaceError, match="784 features"):
        estimate_params(784, 12, 6, 900)


def test_a_linear_network_has_one_count():
    assert estimate_params(784, architecture="linear") == 7850
    assert (count_points({"architecture": "linear"}, {"n_neurons": NEURONS}, IMAGES) == 7850).all()
