"""A table of one's own with text and holes: searched, saved, and back to predictions."""

import json

import numpy as np
import pandas
import polars
import pytest

import jdend
from jdend.data import DataError, read_table
from jdend.predict import main as predict
from jdend.report import portrait_of, read_record
from jdend.search.cli.main import main as search
from jdend.study import read_results

HEADER = "id,name,age,sex,member,y"
SPACE = 'architecture = "mlp"\nhidden_dim = [2, 3]\nlr = 0.05\nbatch_size = 16\nn_epochs = 2\n'
SAID = [
    "column 'id': dropped: it numbers the rows (named in numeric it is a feature)",
    "column 'name': dropped: an identifier: its 120 values all differ",
    "column 'age': number, standardised; 21 missing in training, taken as 34.5, the median",
    "column 'sex': one-hot: female, male",
    "column 'member': yes or no, as 1 or 0; 27 missing in training, taken as no, the most frequent",
]


def row(i):
    age = "" if i % 5 == 0 else f"{20 + i % 31}.5"
    return f"{i},Person {i},{age},{('male', 'female')[i % 2]},{('yes', 'no', '?')[i % 3]},{i % 2}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a table, new rows of it in another order, and a finished search."""
    folder = tmp_path_factory.mktemp("table")
    (folder / "space.toml").write_text(SPACE)
    (folder / "people.csv").write_text("\n".join([HEADER, *map(row, range(120))]))
    (folder / "new.csv").write_text("note,sex,age,member\nx,female,,no\nx,other,50,yes\n")
    assert search(options(folder, "--save-best", "--no-report")) == 0
    return folder


def options(folder, *others, out="run", table="people.csv"):
    given = ["--dataset", folder / table, "--space", folder / "space.toml", "--out", folder / out]
    given += ["--budget", 40, "--min-ratio", 0, "--strategy", "grid", "--seeds", 1, *others]
    return [str(word) for word in given]


def test_the_columns_are_said_in_a_line_each(folder, capsys):
    assert search(options(folder, "--dry-run", out="dry")) == 0
    assert capsys.readouterr().err.splitlines()[: len(SAID)] == SAID


def test_they_are_said_even_if_nothing_fits(folder, capsys):
    assert search(options(folder, "--categorical", "name,age", out="wide")) == 2
    said = capsys.readouterr().err.splitlines()
    assert said[1].startswith("column 'name': one-hot: Person 0, Person 10")
    assert "no network in this space fits" in said[-1]


def test_they_are_said_once(folder, capsys):
    searcher = jdend.HyperparameterSearcher(folder / "people.csv", max_params=24, dry_run=True)
    for _ in range(2):
        searcher.grid_search({"architecture": "mlp", "hidden_dim": [3], "lr": 0.05})
    assert capsys.readouterr().err.count("column 'age'") == 1


def test_new_rows_have_classes(folder, capsys):
    assert predict([str(folder / "run/best"), str(folder / "new.csv"), "--json"]) == 0
    out, err = capsys.readouterr()
    records = [json.loads(line) for line in out.splitlines()]
    assert [record["row"] for record in records] == [f"{folder / 'new.csv'}[{i}]" for i in (0, 1)]
    assert [line.split("new.csv: ")[1] for line in err.splitlines()] == [
        "not read, since training had no such column: note",
        "column 'sex' holds 'other', which training did not have: taken as none of its categories",
    ]
    model = jdend.load(folder / "run/best")
    shares = model.probabilities(read_table(folder / "new.csv"))
    assert [record["probability"] for record in records] == pytest.approx(shares.max(1), abs=1e-5)


def test_a_missing_column_is_refused_in_one_line(folder, capsys):
    (folder / "lacks.csv").write_text("sex,age\nmale,1\n")
    assert predict([str(folder / "run/best"), str(folder / "lacks.csv")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "lacks.csv has no column 'member'; needed are age, sex, member; there are" in err
    assert err.count("\n") == 1


def test_the_saved_network_has_its_columns_as_json(folder):
    record = json.loads((folder / "run/best/config.json").read_text())["table"]
    assert record["target"] == "y"
    columns = {column["name"]: column for column in record["columns"]}
    assert list(columns) == HEADER.split(",")[:-1]
    assert columns["sex"] == {
        "name": "sex", "kind": "categories", "fill": "female", "n_missing": 0,
        "categories": ["female", "male"],
    }  # fmt: skip
    model = jdend.load(folder / "run/best")
    age = model.table.features.index("age")
    assert columns["age"]["mean"] == model.offset[age]
    assert columns["age"]["scale"] == model.scale[age]
    assert columns["age"]["fill"] == 34.5
    card = (folder / "run/best/README.md").read_text()
    assert "It reads tables with 3 columns, which become 4 features" in card
    assert "| sex | one-hot: female, male |" in card


def test_a_table_of_numbers_takes_new_rows_too(tmp_path, capsys):
    lines = [f"{i % 7},{i % 11},{i % 2}" for i in range(120)]
    (tmp_path / "space.toml").write_text(SPACE)
    (tmp_path / "numbers.csv").write_text("\n".join(["a,b,y", *lines]))
    (tmp_path / "new.csv").write_text("b,a\n2,1\n,300.5\n")
    assert search(options(tmp_path, "--save-best", "--no-report", table="numbers.csv")) == 0
    assert "column" not in capsys.readouterr().err
    model = jdend.load(tmp_path / "run/best")
    assert model.inputs == "uint8"
    assert predict([str(tmp_path / "run/best"), str(tmp_path / "new.csv")]) == 0
    filled = model.probabilities(np.array([[1, 2], [300.5, 5]]))
    np.testing.assert_array_equal(model.probabilities(read_table(tmp_path / "new.csv")), filled)


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ("--drop=age", 'drop is null there and ["age"] here'),
        ("--categorical=sex", 'categorical is null there and ["sex"] here'),
    ],
)
def test_a_search_with_other_columns_does_not_go_on(folder, wish, said, capsys):
    assert search(options(folder, "--resume", "--no-report", wish)) == 2
    assert said in capsys.readouterr().err


def test_wishes_are_recorded_and_the_report_reads_the_same_table(folder):
    wishes = ["--drop", "age,name", "--numeric", "id", "--no-report"]
    assert search(options(folder, *wishes, out="wishes")) == 0
    config = json.loads((folder / "wishes/run.json").read_text())["config"]
    config = config[0] if isinstance(config, list) else config
    assert (config["drop"], config["numeric"]) == (["age", "name"], ["id"])
    assert len(read_results(folder / "wishes/results.json")) == 2
    features = portrait_of(read_record(folder / "wishes")).model.table.features
    assert features == ("id", "sex=female", "sex=male", "member")


@pytest.mark.parametrize("made", ["pandas", "polars", "parquet"])
def test_frames_and_parquet_files_are_searched_and_classified(made, folder, tmp_path, capsys):
    frame = pandas.read_csv(folder / "people.csv")
    new = pandas.read_csv(folder / "new.csv")
    if made == "polars":
        frame, new = polars.from_pandas(frame), polars.from_pandas(new)
    if made == "parquet":
        frame.to_parquet(tmp_path / "people.parquet")
        new.to_parquet(tmp_path / "new.parquet")
    data = tmp_path / "people.parquet" if made == "parquet" else frame
    searcher = jdend.HyperparameterSearcher(data, target="y", max_params=26, numeric=["id"])
    assert searcher.in_dim == 5
    searcher.grid_search(
        {"architecture": "mlp", "hidden_dim": [3], "batch_size": 16, "n_epochs": 1}
    )
    assert "column 'name': dropped: an identifier" in capsys.readouterr().err
    saved = jdend.save(searcher.best_model(), tmp_path / "model")
    model = jdend.load(saved)
    lacking = "has no column 'id'"
    with pytest.raises(ValueError, match=lacking):
        model.predict(new)
    if made == "parquet":
        assert predict([str(saved), str(tmp_path / "new.parquet")]) == 2
        assert lacking in capsys.readouterr().err
        assert predict([str(saved), str(tmp_path / "people.parquet")]) == 0
        assert len(capsys.readouterr().out.splitlines()) == 120
    assert len(model.predict(frame)) == 120


@pytest.mark.parametrize("wish", ["drop", "categorical", "numeric"])
def test_wishes_are_for_tables(wish):
    with pytest.raises(DataError, match=f"{wish}=.*is for tables; digits is none"):
        jdend.HyperparameterSearcher("digits", **{wish: ["a"]})
