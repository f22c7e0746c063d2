"""A network of a table in C says what its features are, and checks itself."""

import dataclasses
import subprocess

import numpy as np
import pytest
from compiled_c import STRICT, compiled, run
from exported_models import KINDS, small_model

import jdend
from jdend.data import Column, Preprocessing, Table
from jdend.models import Problem, architecture

TABLE = Preprocessing(
    (
        Column("id", "dropped", reason="it numbers the rows"),
        Column("age", "number", fill=29.5),
        Column("größe */", "categories", ("a", "b */", "c"), fill="b */"),
        Column("member", "yes/no", fill=0.0),
    ),
    targets=("class",),
)

OF_TABLES = [
    kind
    for kind, fields in KINDS.items()
    if not architecture(fields.get("architecture", "dendritic_simple")).needs_images
]


def model_of(kind="dendritic_simple", inputs="float32"):
    offset, scale = np.float32([30, 0, 0, 0, 0] * 2), np.float32([0.1, 1, 1, 1, 1] * 2)
    columns = [dataclasses.replace(column, name=f"{column.name}2") for column in TABLE.columns]
    table = dataclasses.replace(TABLE, columns=(*TABLE.columns, *columns))
    made = small_model(kind, Problem(10, 3), inputs=inputs)
    return dataclasses.replace(made, offset=offset, scale=scale, table=table)


def checked(path):
    program = path.with_suffix(".out")
    subprocess.run(["cc", *STRICT, "-DJDEND_CHECK", str(path), "-o", str(program)], check=True)
    return subprocess.run([str(program)], check=False).returncode


@pytest.mark.parametrize("kind", OF_TABLES)
def test_it_checks_itself(kind, tmp_path):
    path = jdend.export(model_of(kind), "c", tmp_path / "network.c").path
    assert checked(path) == 0


@pytest.mark.parametrize("table", ["check_features", "dendrite_weight", "classifier_bias"])
def test_the_check_finds_another_number(table, tmp_path):
    path = jdend.export(model_of(), "c", tmp_path / "network.c").path
    lines = path.read_text().splitlines()
    at = next(i for i, line in enumerate(lines) if f" {table}[" in line) + 1
    lines[at] = "    9.5f," + lines[at].split(",", 1)[1]
    path.write_text("\n".join([*lines, ""]))
    assert checked(path) > 0


@pytest.mark.parametrize("inputs", ["float32", "uint8"])
@pytest.mark.parametrize("weights", ["float32", "int8"])
def test_the_header_says_what_the_features_are(inputs, weights, tmp_path):
    written = jdend.export(model_of(inputs=inputs), "c", tmp_path / "network.c", weights=weights)
    text = written.path.read_text()
    kind = "uint8_t" if inputs == "uint8" else "float"
    assert f"int jdend_predict(const {kind} *features, float *logits)" in text
    for line in (
        "features: 10 values,",
        " *       0 age: a number; if it is missing 29.5",
        " *       1 gr__e *_=a: 1 if gr__e *_ is a, else 0; if it is missing 0",
        " *       2 gr__e *_=b *_: 1 if gr__e *_ is b *_, else 0; if it is missing 1",
        " *       4 member: 1 for yes, 0 for no; if it is missing 0",
        " *       5 age2: a number; if it is missing 29.5",
    ):
        assert line in text
    assert ("JDEND_CHECK" in text) == (weights == "float32")
    if weights == "float32":
        assert checked(written.path) == 0


def test_rows_of_a_table_have_the_same_classes_in_c(tmp_path):
    model = model_of()
    library = compiled(jdend.export(model, "c", tmp_path / "network.c").path)
    cells = {
        "age": np.array([20, np.nan, 40.5]),
        "größe */": np.array(["c", "", "other"], object),
        "member": np.array(["yes", "no", "?"], object),
    }
    rows = Table({**cells, **{f"{name}2": values for name, values in cells.items()}}, "rows")
    logits, classes = run(library, model.examples(rows), 3)
    np.testing.assert_allclose(logits, model.logits(rows), rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(classes, model.predict(rows))
