"""Parameters are counted without building the network."""

import itertools

import jax
import numpy as np
import pytest
from flax import nnx
from small_networks import NAMES, small_network, small_structure
from user_architecture import NAME

from jdend.models import (
    Problem,
    _count,
    bytes_of_variables,
    configure,
    count_params,
    register_architecture,
    trace_params,
)

PROBLEM = Problem(784, 10, (28, 28, 1))


def random_params(rng, name):
    return {
        "architecture": name,
        "n_neurons": rng.integers(1, 100),
        "n_dendrites": rng.integers(1, 100),
        "n_dendrite_inputs": rng.integers(1, 785),
        "n_soma_inputs": rng.integers(1, 120),
        "patch_size": rng.integers(1, 29),
        "stride": rng.integers(1, 29),
        "pooled_size": rng.integers(1, 29),
        "hidden_dim": rng.integers(1, 200),
        "second_hidden_dim": rng.integers(1, 200),
        "second_n_neurons": rng.integers(1, 100),
        "second_n_dendrites": rng.integers(1, 100),
        "second_n_dendrite_inputs": rng.integers(1, 120),
        "soma_enabled": bool(rng.random() < 0.5),
        **({"width": rng.integers(1, 99), "gain": 2.0} if name == NAME else {}),
    }


def by_formula(p, name, f=784, classes=10):
    n, d, k, hidden = (
        int(p[x]) for x in ("n_neurons", "n_dendrites", "n_dendrite_inputs", "hidden_dim")
    )
    second = int(p["second_hidden_dim"])
    n2, d2, k2 = (int(p[f"second_{x}"]) for x in ("n_neurons", "n_dendrites", "n_dendrite_inputs"))
    second_layer = n2 * (d2 * (min(k2, n) + 2) + 1)
    bare, somatic = d * k + d, n * d * k + n * d + n * d + n

    def linear(i, o):
        return i * o + o

    if name == NAME:
        half = 2 * int(p["width"]) + 1
        return linear(f, half) + 2 * k + 2 + linear(half, classes) + 2 * classes
    layer, units = (somatic, n) if p["soma_enabled"] else (bare, d)
    soma_inputs = min(int(p["n_soma_inputs"]), d)
    of_patch = min(k, int(p["patch_size"]) ** 2)
    regions = int(p["pooled_size"]) ** 2
    return {
        "dendritic_simple": layer + linear(units, classes),
        "soma_disabled": bare + linear(d, n) + linear(n, classes),
        "sparse_somata": bare + n * soma_inputs + n + linear(n, classes),
        "dendritic_convolutional": n * (d * of_patch + 2 * d + 1) + linear(n * regions, classes),
        "dendritic_with_hidden": layer + linear(units, hidden) + linear(hidden, classes),
        "mlp": linear(f, hidden) + linear(hidden, classes),
        "mlp_two_hidden": linear(f, hidden) + linear(hidden, second) + linear(second, classes),
        "dendritic_two_layers": somatic + second_layer + linear(n2, classes),
        "class_somata": classes * (d * k + 2 * d + 1),
        "linear": linear(f, classes),
    }[name]


@pytest.mark.parametrize("name", NAMES)
def test_1000_counts_are_the_formulas(name):
    rng = np.random.default_rng(0)
    for _ in range(1000):
        params = random_params(rng, name)
        assert count_params(configure(params, PROBLEM).structure) == by_formula(params, name)


@pytest.mark.parametrize("name", NAMES)
def test_counts_are_those_of_the_traced_shape(name):
    rng = np.random.default_rng(1)
    for _ in range(5):
        structure = configure(random_params(rng, name), PROBLEM).structure
        assert count_params(structure) == trace_params(structure)


@pytest.mark.parametrize("name", NAMES)
def test_counts_are_those_of_the_real_network(name):
    structure = small_structure(name)
    params = nnx.state(small_network(name), nnx.Param)
    real = sum(leaf.size for leaf in jax.tree.leaves(params))
    assert count_params(structure) == trace_params(structure) == real


@pytest.mark.parametrize("name", NAMES)
def test_bytes_are_those_of_the_real_network(name):
    state = nnx.state(small_network(name), nnx.Param, ...)
    real = tuple(sum(leaf.nbytes for leaf in jax.tree.leaves(part)) for part in state)
    assert bytes_of_variables(small_structure(name)) == real


def test_the_toolkits_network_has_7198():
    params = {"n_neurons": 12, "n_dendrites": 6, "n_dendrite_inputs": 96}
    assert count_params(configure(params, PROBLEM).structure) == 7198


@pytest.mark.parametrize("name", NAMES)
def test_an_architecture_is_traced_once(name, monkeypatch):
    """Once for each choice of its options, whatever its sizes; or a few times where symbols fail,
    as they do in JAX 0.12's own initialisers."""
    traced = []
    trace = _count._traced
    monkeypatch.setattr(_count, "_traced", lambda s: traced.append(s) or trace(s))
    _count._formula_of.cache_clear()
    _count._symbolic.cache_clear()
    rng = np.random.default_rng(2)
    for _ in range(50):
        params = random_params(rng, name) | {"soma_enabled": True}
        count_params(configure(params, PROBLEM).structure)
    assert len(traced) == 1 or (name == NAME and len(traced) == 6)


class Pyramid(nnx.Module):
    """Its constructor asks its size a question that a symbol cannot answer."""

    def __init__(self, in_features, n_classes, *, height=3, rngs):
        layers = [nnx.Linear(in_features, 2**height, rngs=rngs)]
        for level in range(height, 0, -1):
            layers.append(nnx.Linear(2**level, 2 ** (level - 1), rngs=rngs))
        self.layers = nnx.List([*layers, nnx.Linear(1, n_classes, rngs=rngs)])


def test_a_network_that_symbols_do_not_allow_is_counted_shape_by_shape():
    register_architecture("pyramid", Pyramid, fields=("height",))
    for height in (1, 3, 2):
        structure = configure({"architecture": "pyramid", "height": height}, PROBLEM).structure
        widths = [784, *(2**level for level in range(height, -1, -1)), 10]
        expected = sum(a * b + b for a, b in itertools.pairwise(widths))
        assert count_params(structure) == trace_params(structure) == expected
        assert bytes_of_variables(structure) == (4 * expected, 0)


def test_dimensions_that_follow_the_sizes_in_a_straight_line_need_no_symbols():
    params = {"architecture": "mlp_two_hidden", "hidden_dim": 1, "second_hidden_dim": 1}
    count = _count._affine(
        configure(params, PROBLEM).structure, ("hidden_dim", "second_hidden_dim")
    )
    assert count is not None
    for hidden, second in ((3, 70), (40, 9)):
        expected = by_formula({**params, **sizes_of(hidden, second)}, "mlp_two_hidden")
        assert count(hidden_dim=hidden, second_hidden_dim=second) == expected
    both = count(hidden_dim=np.array([3, 40]), second_hidden_dim=np.array([70, 9]))
    assert both.tolist() == [count(hidden_dim=3, second_hidden_dim=70), expected]


def sizes_of(hidden, second):
    names = ("n_neurons", "n_dendrites", "n_dendrite_inputs", "n_soma_inputs")
    of_second = ("second_n_neurons", "second_n_dendrites", "second_n_dendrite_inputs")
    others = dict.fromkeys((*names, *of_second, "patch_size", "stride", "pooled_size"), 1)
    return {**others, "hidden_dim": hidden, "second_hidden_dim": second, "soma_enabled": True}


def test_other_dimensions_are_no_straight_lines():
    register_architecture("pyramid", Pyramid, fields=("height",))
    structure = configure({"architecture": "pyramid"}, PROBLEM).structure
    assert _count._affine(structure, ("height",)) is None


def test_an_architecture_registered_anew_is_counted_anew():
    class One(nnx.Module):
        def __init__(self, in_features, n_classes, *, width=1, rngs):
            self.last = nnx.Linear(in_features, n_classes, rngs=rngs)

    class Two(nnx.Module):
        def __init__(self, in_features, n_classes, *, width=1, rngs):
            self.last = nnx.Linear(in_features, n_classes, use_bias=False, rngs=rngs)

    counts = []
    for module in (One, Two):
        register_architecture("again", module, fields=("width",))
        counts.append(count_params(configure({"architecture": "again"}, PROBLEM).structure))
    assert counts == [7850, 7840]
