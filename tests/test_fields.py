"""The table of fields: an entry added to it is found wherever a field is known."""

import json
import os
import subprocess
import sys
from dataclasses import asdict, fields
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from jdend.fields import (
    FIELDS,
    HYPERPARAMETERS,
    Derived,
    canonical_name,
    canonical_names,
    heading,
    label,
    that_play_a_part,
)
from jdend.models import Hyperparameters, Problem, architecture, architectures, configure
from jdend.models._values import parse_value

ROOT = Path(__file__).parents[1]
IMAGES = Problem(784, 10, (28, 28, 1))


@pytest.fixture(scope="module")
def added():
    """What a process finds of `momentum`, a number, and `new_weights`, a choice: new entries."""
    done = subprocess.run(
        [sys.executable, "tests/adding_fields.py"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


EXPECTED = {
    "parsed": [0.25, "zero"],
    "defaults": [0.5, "drawn"],
    "refused": "momentum must be at least 0 and at most 1, got 2",
    "refused name": "unknown new_weights 'zer'; did you mean 'zero'? allowed are drawn, zero",
    "neutral": True,
    "unread": True,
    "range": "0 to 1",
    "refused range": "momentum must be at least 0 and at most 1, got 2.0",
    "refused list": "unknown new_weights 'one'; allowed are drawn, zero",
    "dimensions": ["momentum", "new_weights"],
    "traced": [[[0.25, 0.5], "float32"], [[1, 0], "int32"]],
    "table": ["#", "test", "params", "mom.", "new_weights"],
    "report": ["momentum kept", "weights of new synapses"],
    "help": [True, True],
    "docs": [
        "| `new_weights` | `drawn`, `zero` | `drawn` | What a new synapse weighs. "
        "Plays a part only if `percentage_resample` is not `0.0`. |",
        "| `momentum` | a number, at least 0, at most 1 | `0.5` | A share of the step before. |",
    ],
    "saved before": 0.0,
}


@pytest.mark.parametrize("where", EXPECTED)
def test_an_added_field_is_found(added, where):
    assert added[where] == EXPECTED[where]


def test_nothing_else_is_looked_for(added):
    assert added.keys() == EXPECTED.keys()


@pytest.mark.parametrize("field", FIELDS.values(), ids=lambda field: field.name)
def test_a_default_is_allowed(field):
    if field.default is not None and not isinstance(field.default, Derived):
        assert parse_value(field, field.default) == field.default


@pytest.mark.parametrize("field", FIELDS.values(), ids=lambda field: field.name)
def test_what_may_play_no_part_has_a_neutral_value(field):
    assert field.neutral is not None or not field.only_if


@pytest.mark.parametrize("field", FIELDS.values(), ids=lambda field: field.name)
def test_conditions_and_defaults_name_fields(field):
    names = {condition.field for condition in field.only_if}
    names |= {field.default.source} if isinstance(field.default, Derived) else set()
    assert names <= FIELDS.keys() - {field.name}


def test_choices_that_need_images_are_choices():
    for field in FIELDS.values():
        assert {*field.needs_images, *field.needs_images.values()} <= set(field.allowed())


@pytest.mark.parametrize("name", architectures())
def test_an_architecture_reads_fields_of_the_table(name):
    assert set(architecture(name).reads) <= FIELDS.keys()


def test_the_hyperparameters_are_those_of_saved_models():
    hyper = configure({}, IMAGES).hyperparameters
    assert list(asdict(hyper)) == list(HYPERPARAMETERS) == [f.name for f in fields(Hyperparameters)]


def test_a_field_has_names_for_tables_and_reports():
    assert (heading("n_dendrite_inputs"), label("n_dendrite_inputs")) == ("inputs", "inputs")
    assert (heading("lr"), label("lr")) == ("lr", "learning rate")
    assert (heading("mine_alone"), label("mine_alone")) == ("mine_alone", "mine alone")


def test_the_older_toolkits_name_is_an_alias():
    assert canonical_name("strategy") == "connectivity"
    assert canonical_names({"strategy": "random", "lr": 1}) == {"connectivity": "random", "lr": 1}
    assert (heading("strategy"), label("strategy")) == ("connectivity", "connectivity")


@pytest.mark.parametrize("name", ["strategy", "connectivity"])
def test_the_older_toolkits_spelling_is_accepted(name):
    with_hyphens = configure({name: "local-receptive-fields"}, IMAGES)
    assert with_hyphens == configure({"connectivity": "local_receptive_fields"}, IMAGES)


def test_the_page_is_written_from_the_table():
    program = ROOT / "docs" / "tools" / "hyperparameters.py"
    spec = spec_from_file_location("hyperparameters", program)
    page = module_from_spec(spec)
    spec.loader.exec_module(page)
    written = page.PAGE.read_text(encoding="utf-8")
    assert written == page.page(), "run python docs/tools/hyperparameters.py"


def test_the_table_needs_nothing_heavy():
    heavy = "{'jax', 'numpy', 'jdend.models'}"
    code = f"import sys, jdend.fields; print(sorted({heavy} & {{*sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize(
    ("off", "left"),
    [
        ({"synaptic_resampling": False}, []),
        ({"percentage_resample": 0.0}, ["percentage_resample"]),
        ({"connectivity": "fully_connected"}, []),
        ({"connectivity": "shared-inputs"}, []),
        ({}, ["percentage_resample", "steps_to_resample"]),
    ],
)
def test_what_plays_no_part_beside_the_others_is_told(off, left):
    told = that_play_a_part({"percentage_resample": 0.2, "steps_to_resample": 64, **off})
    assert [name for name in told if "resample" in name] == left


def test_the_toolkits_spelling_plays_its_part():
    params = {"strategy": "local-receptive-fields", "field_std": 2.0}
    assert "field_std" in that_play_a_part(params)
