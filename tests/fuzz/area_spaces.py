"""Search spaces, in Python and as TOML: whatever is proposed fits the budget and the space."""

import functools
import math
from pathlib import Path

import numpy as np
from fuzzing import Area, damaged
from hypothesis import strategies as st

from jdend.models import Problem, count_params, trace_params
from jdend.search import SearchError, read_space
from jdend.search.samplers.grid_and_random import random
from jdend.search.space.budget import Budget
from jdend.search.space.dimensions import Choice, parse_space
from jdend.search.space.problem import SearchProblem

BIG = [2**31 - 1, 2**31, 2**63, 10**400, 10**5000, -1, 0]
NUMBERS = st.one_of(
    st.integers(1, 12), st.floats(0, 1), st.floats(), st.integers(), st.sampled_from(BIG)
)
SCALARS = st.one_of(
    NUMBERS,
    NUMBERS,
    st.none(),
    st.booleans(),
    st.sampled_from(["mlp", "cosine", "random", "local-receptive-fields", "", "\0", "x" * 5000]),
    st.integers(1, 9).map(np.int64),
    st.floats(0, 1, width=32).map(np.float32),
    st.binary(max_size=2),
)
TYPES = st.one_of(st.sampled_from(["randint", "uniform", "choice"]), SCALARS, st.lists(SCALARS))
TYPED = st.fixed_dictionaries(
    {"type": TYPES},
    optional={"low": NUMBERS, "high": NUMBERS, "log": SCALARS, "values": st.lists(SCALARS)},
)
SIZES = st.one_of(
    st.integers(1, 12),
    st.lists(st.integers(1, 12), min_size=1, max_size=3),
    st.tuples(st.integers(1, 6), st.integers(6, 20)),
)
WRITTEN = st.one_of(
    SIZES,
    SCALARS,
    st.lists(SCALARS, max_size=3),
    st.tuples(NUMBERS, NUMBERS),
    TYPED,
    st.integers(2, 9).map(np.arange),
)
SIZED = ["n_neurons", "n_dendrites", "n_dendrite_inputs", "hidden_dim", "n_soma_inputs"]
SIZED += ["patch_size", "stride", "pooled_size"]
SIZED += ["second_n_neurons", "second_n_dendrites", "second_n_dendrite_inputs"]
OTHERS = ["architecture", "lr", "weight_decay", "schedule", "seed", "field_std", "connectivity"]
OTHERS += ["strategy", "n_epochs", "batch_size", "percentage_resample", "no_such", "a\nb"]
ARCHITECTURES = ["dendritic_simple", "soma_disabled", "dendritic_with_hidden", "sparse_somata"]
ARCHITECTURES += ["dendritic_convolutional", "dendritic_two_layers"]
GOOD = st.fixed_dictionaries(
    {"architecture": st.sampled_from([*ARCHITECTURES, ["mlp", "soma_disabled"]])},
    optional=dict.fromkeys(SIZED, SIZES),
)
SPACES = st.one_of(
    GOOD,
    st.builds(dict.__or__, GOOD, st.dictionaries(st.sampled_from(OTHERS), WRITTEN, max_size=2)),
    st.dictionaries(st.sampled_from([*SIZED, *OTHERS]), WRITTEN, max_size=4),
    SCALARS,
)
LINES = st.tuples(
    st.sampled_from([*SIZED, "lr", "architecture", "a.b", "[n_neurons]", '""']),
    st.sampled_from(
        [
            *["3", "[4, 8]", "'mlp'", "[", "1e999", "nan", "[[1]]", "9" * 5000, "2020-01-01"],
            *["{type = 'randint', low = 2, high = 9}", "{type = ['randint']}", "0x" + "f" * 40],
            '"\\u0000"',
        ]
    ),
).map(" = ".join)
FILES = st.lists(LINES, max_size=4).map(lambda lines: "\n".join(lines).encode())
BUDGETS = st.one_of(st.integers(20, 5000), st.sampled_from([1, 2**31 - 1, 2**31]))
PROBLEM = Problem(20, 2, (5, 4, 1))


@functools.lru_cache(maxsize=4000)
def traced(structure) -> int:
    return trace_params(structure)


def check(given: tuple[object, int], folder: Path) -> None:
    written, max_params = given
    if isinstance(written, bytes):
        (folder / "space.toml").write_bytes(written)
        space = read_space(folder / "space.toml")
    else:
        space = parse_space(written)
    again = parse_space(space.to_dict())
    assert again.dimensions == space.dimensions
    budget = Budget(max_params, 0.1)
    problem = SearchProblem(space, PROBLEM, budget, {"n_epochs": 1, "batch_size": 8})
    problem.check_sums((0, 1))
    for candidate in random(problem, np.random.default_rng(0), 3).candidates:
        structure = candidate.configuration.structure
        n = count_params(structure)
        assert math.ceil(0.1 * max_params - 1e-9) <= n <= max_params
        if n < 10**6:
            assert n == traced(structure)
        for name, value in candidate.params.items():
            dimension = space.dimensions[name]
            if isinstance(dimension, Choice):
                assert value in dimension.values
            else:
                assert dimension.low <= value <= dimension.high


AREA = Area(
    "spaces",
    st.one_of(
        *[st.tuples(GOOD, st.integers(60, 900))] * 12,
        st.tuples(st.one_of(SPACES, FILES, damaged(FILES)), BUDGETS),
    ),
    check,
    (SearchError,),
    corpus=[
        (b"n = " + b"[" * 2000, 100),
        ({"n_neurons": {"type": ["randint"], "low": 1, "high": 2}}, 100),
        ({"lr": (1, 10**400)}, 100),
        ({"architecture": "mlp", "hidden_dim": (2, 2**31 - 1)}, 100),
        ({"architecture": "mlp", "hidden_dim": range(1, 10**9)}, 100),
        ({"n_neurons": [2**30], "n_dendrites": [2**30], "n_dendrite_inputs": [14]}, 2**31 - 1),
    ],
)
