"""What users write as a search space, and what it means."""

import numpy as np
import pytest

from jdend.search import SpaceError, read_space
from jdend.search.space.dimensions import Choice, IntRange, RealRange, parse_space


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ([8, 10], Choice((8, 10))),
        ("cosine", Choice(("cosine",))),
        (True, Choice((True,))),
        (np.int64(3), Choice((3,))),
        (range(2, 5), Choice((2, 3, 4))),
        (np.array([0.5, 1.5]), Choice((0.5, 1.5))),
        (np.array(3), Choice((3,))),
        ([np.int32(2), np.float32(0.5), np.bool_(True), np.str_("a")], Choice((2, 0.5, True, "a"))),
        ((np.int64(8), np.uint8(15)), IntRange(8, 15)),
        ((np.float32(0.5), 2), RealRange(0.5, 2.0)),
        ({"type": "randint", "low": np.int64(32), "high": np.int16(200)}, IntRange(32, 200)),
        ((8, 15), IntRange(8, 15)),
        ((0.5, 2), RealRange(0.5, 2.0)),
        ({"type": "randint", "low": 32, "high": 200}, IntRange(32, 200)),
        ({"type": "uniform", "low": 1, "high": 2}, RealRange(1.0, 2.0)),
        ({"type": "uniform", "low": 1e-4, "high": 1e-2, "log": True}, RealRange(1e-4, 1e-2, True)),
        ({"type": "choice", "values": [1, 2]}, Choice((1, 2))),
        ({"type": "choice", "choices": ["a"]}, Choice(("a",))),
    ],
)
def test_forms(written, meant):
    assert parse_space({"some_size": written}).dimensions["some_size"] == meant


def test_whole_numbers_bound_a_real_parameter():
    assert parse_space({"field_std": (1, 4)}).dimensions["field_std"] == RealRange(1.0, 4.0)


@pytest.mark.parametrize("written", [(8, 11), {"type": "randint", "low": 8, "high": 11}])
def test_ranges_of_whole_numbers_include_both_ends(written):
    dimension = parse_space({"n_neurons": written}).dimensions["n_neurons"]
    rng = np.random.default_rng(0)
    assert {dimension.draw(rng) for _ in range(200)} == {8, 9, 10, 11}


def test_logarithmic_draws_are_as_many_in_each_decade():
    dimension = RealRange(1e-4, 1e-2, log=True)
    rng = np.random.default_rng(0)
    draws = np.array([dimension.draw(rng) for _ in range(4000)])
    assert draws.min() >= 1e-4
    assert draws.max() <= 1e-2
    assert abs(np.mean(draws < 1e-3) - 0.5) < 0.04


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("space", "said"),
    [
        ([], "a dict of parameters"),
        ({}, "empty"),
        ({"n_neurons": []}, "n_neurons: the list of values is empty"),
        ({"n_neurons": (8,)}, "a range (low, high)"),
        ({"n_neurons": (8, 10, 12)}, "as a list"),
        ({"n_neurons": ("a", "b")}, "as a list"),
        ({"n_neurons": (12, 8)}, "begins at 12, above its end 8"),
        ({"lr": (1e-3, float("nan"))}, "nan"),
        ({"lr": (1e-3, float("inf"))}, "inf"),
        ({"n_neurons": {}}, "unknown type None"),
        ({"n_neurons": {"type": "randin", "low": 1, "high": 2}}, "did you mean 'randint'"),
        ({"n_neurons": {"type": "randint", "low": 1}}, "needs high"),
        ({"n_neurons": {"type": "randint", "low": 1.5, "high": 2}}, "1.5"),
        ({"n_neurons": {"type": "randint", "low": 1, "high": 2, "step": 1}}, "takes no 'step'"),
        ({"lr": {"type": "uniform", "low": 0, "high": 1, "log": True}}, "begin above 0"),
        ({"lr": {"type": "uniform", "low": 1, "high": 2, "log": "yes"}}, "true or false"),
        ({"schedule": {"type": "choice"}}, "values=[…]"),
        ({"schedule": {"type": "choice", "values": "cosine"}}, "values=[…]"),
        ({"n_neurons": [[8, 10]]}, "is no value"),
        ({"n_neurons": {8, 10}}, "is no value"),
        ({"n_neurons": {"type": ["randint"], "low": 1, "high": 2}}, "unknown type ['randint']"),
        ({"n_neurons": 10**400}, "is too large"),
        ({"n_neurons": [8, 10**5000]}, "a very large int is too large"),
        ({"n_neurons": (8, 10**400)}, "cannot end at"),
        ({"lr": (1, 10**400)}, "cannot end at"),
        ({"lr": {"type": "uniform", "low": 1, "high": 10**5000}}, "cannot end at a very large int"),
        ({"n_neurons": (nested(2000), 1)}, "n_neurons=a very large tuple: a tuple is a range"),
        ({"n_neurons": [nested(2000)]}, "a very large list is no value"),
        ({"n_neurons": range(1, 10**9)}, "at most 100,000 values, this one 999,999,999"),
        ({"lr": [np.datetime64("2020")]}, "is no value"),
    ],
)
def test_wrong_forms(space, said):
    with pytest.raises(SpaceError) as caught:
        parse_space(space)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_toml_file(tmp_path):
    path = tmp_path / "space.toml"
    path.write_text(
        'n_neurons = [8, 10]\nlr = {type = "uniform", low = 1e-4, high = 1e-2, log = true}\n'
        'schedule = "cosine"\n[n_dendrites]\ntype = "randint"\nlow = 2\nhigh = 6\n'
    )
    assert dict(read_space(path).dimensions) == {
        "n_neurons": Choice((8, 10)),
        "lr": RealRange(1e-4, 1e-2, log=True),
        "schedule": Choice(("cosine",)),
        "n_dendrites": IntRange(2, 6),
    }


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot read"),
        (b"", "is empty"),
        (b"# nothing\n", "is empty"),
        (b"n_neurons = [8,", "is not TOML"),
        (b"\xff\xfe", "is not TOML"),
        (b"n_neurons = []\n", "the list of values is empty"),
        (b"n_neurons = " + b"[" * 2000 + b"]" * 2000, "is nested too deeply"),
        (b"n = " + b"{n = " * 2000 + b"1" + b"}" * 2000, "is nested too deeply"),
        (b"n_neurons = 1" + b"0" * 5000, "is not TOML: Exceeds the limit"),
    ],
)
def test_unreadable_files(tmp_path, content, said):
    path = tmp_path / "space.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SpaceError) as caught:
        read_space(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_space_written_out_means_the_same():
    space = parse_space({"a": [1, 2], "b": (3, 4), "c": (0.5, 1.0), "d": "x"})
    assert parse_space(space.to_dict()) == space
