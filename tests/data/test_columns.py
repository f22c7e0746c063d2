"""Text, yes and no, holes and identifiers: what the columns of a table become."""

import numpy as np
import pytest

from jdend.data import DataError, from_arrays, from_csv, load, read_table, split

HEADER = "id,name,age,sex,member,code,spent,y"


def row(i):
    age = "" if i % 5 == 0 else f"{20 + i % 31}.5"
    member = ("Yes", "no", "NA")[i % 3]
    sex = ("male", "female", "", "male")[i % 4]
    return f"{i + 7},Person {i},{age},{sex},{member},c{i % 70},{i * i % 97 / 4},{'ab'[i % 2]}"


TABLE = "\n".join([HEADER, *map(row, range(120))])


@pytest.fixture
def path(tmp_path):
    return written(tmp_path, TABLE)


def written(tmp_path, text, name="people.csv"):
    (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path / name


def kinds(dataset):
    return {column.name: column.kind for column in dataset.table.columns}


def test_every_column_has_a_kind_by_the_rule(path):
    data = load(path)
    assert kinds(data) == {
        "id": "dropped", "name": "dropped", "age": "number", "sex": "categories",
        "member": "yes/no", "code": "dropped", "spent": "number",
    }  # fmt: skip
    reasons = {column.name: column.reason for column in data.table.columns if column.reason}
    assert "numbers the rows" in reasons["id"]
    assert "its 120 values all differ" in reasons["name"]
    assert "70 different values in 120 rows are too many" in reasons["code"]


def test_columns_become_features(path):
    parts = split(load(path))
    assert parts.table.features == ("age", "sex=female", "sex=male", "member", "spent")
    assert parts.in_features == 5
    assert parts.train_x.dtype == np.float32
    assert {*np.unique(parts.train_x[:, 1:4])} == {0, 1}
    assert (parts.train_x[:, 1] + parts.train_x[:, 2] == 1).all()


def test_numbers_are_standardised_and_the_others_stay_0_and_1(path):
    parts = split(load(path))
    x = (parts.train_x - parts.offset) * parts.scale
    np.testing.assert_allclose(x[:, [0, 4]].mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(x[:, [0, 4]].std(0), 1, atol=1e-5)
    assert {*np.unique(x[:, 1:4])} == {0, 1}


def test_all_that_is_computed_is_computed_of_the_training_part(tmp_path):
    lines = ["a,kind,flag,y"]
    lines += [f"{i}.25,{'uvw'[i % 3]},{('yes', 'no')[i % 2]},{i % 2}" for i in range(60)]
    lines += [",,,0", ",,,1"] * 3
    data = load(written(tmp_path, "\n".join(lines)))
    parts = split(data, validation_fraction=0.3, seed=1)
    held_out = np.concatenate([parts.validation_x, parts.test_x])
    # The same table, with other numbers and categories in the rows that are held out.
    numbers = {f"{value}" for value in held_out[:, 0].tolist()}
    changed = [
        f"1000000,rare,no,{line[-1]}" if line.split(",")[0] in numbers and line[0] != "," else line
        for line in lines
    ]
    others = split(load(written(tmp_path, "\n".join(changed))), validation_fraction=0.3, seed=1)
    assert others.table == parts.table
    assert "kind=rare" not in others.table.features
    np.testing.assert_array_equal(others.train_x, parts.train_x)
    np.testing.assert_array_equal(others.offset, parts.offset)
    np.testing.assert_array_equal(others.scale, parts.scale)
    rare = np.concatenate([others.validation_x, others.test_x])[:, 1:4].sum(axis=1)
    assert {*rare} == {0, 1}  # a category that training did not have is none


def test_holes_are_filled(tmp_path):
    lines = ["a,kind,flag,y", "1,u,t,0", "2,u,t,1", "30,v,f,0", "?,NULL,n/a,1", ",,,0", "1,v,f,1"]
    lines += ["1,u,t,0", "2,u,t,1"]
    parts = split(load(written(tmp_path, "\n".join(lines * 1))), validation_fraction=0)
    age, kind, flag = parts.table.columns
    everything = np.concatenate([parts.train_x, parts.test_x])
    assert np.isfinite(everything).all()
    assert (kind.fill, flag.fill) == ("u", 1.0)
    assert age.fill == np.median(parts.train_x[:, 0])


@pytest.mark.parametrize("pair", ["yes no", "True FALSE", "y N", "t f"])
def test_yes_and_no(tmp_path, pair):
    yes, no = pair.split()
    data = load(written(tmp_path, "a,y\n" + f"{yes},0\n{no},1\n" * 3))
    assert kinds(data) == {"a": "yes/no"}
    assert data.train_images[:, 0].tolist() == [1, 0] * 3


def test_wishes_come_before_the_rule(path):
    data = load(path, drop=["age"], categorical=["spent", "code"], numeric=["id"])
    assert kinds(data) == {
        "id": "number", "name": "dropped", "age": "dropped", "sex": "categories",
        "member": "yes/no", "code": "categories", "spent": "categories",
    }  # fmt: skip
    spent = next(column for column in data.table.columns if column.name == "spent")
    assert list(spent.categories) == sorted(spent.categories, key=float)


def test_numbers_are_one_category_however_they_are_written(tmp_path):
    path = written(tmp_path, "a,y\n3,0\n3.0,1\n3e0,0\n10,1\n")
    (column,) = load(path, categorical=["a"]).table.columns
    assert column.categories == ("3", "10")


def test_words_in_a_numeric_column_are_missing(tmp_path):
    text = "a,y\n" + "1,0\n2,1\n" * 30 + "x,1\n"
    with pytest.raises(DataError, match="line 62: column 'a' holds 'x' among numbers; correct it"):
        load(written(tmp_path, text))
    data = load(written(tmp_path, text), numeric=["a"])
    assert np.isnan(data.train_images[60, 0])


@pytest.mark.parametrize("order", ["in order", "shuffled"])
def test_a_column_that_numbers_the_rows_is_dropped(tmp_path, order):
    numbers = np.arange(40) if order == "in order" else np.random.default_rng(0).permutation(40)
    text = ",a,y\n" + "".join(f"{n + 100},{i % 7},{i % 2}\n" for i, n in enumerate(numbers))
    assert kinds(load(written(tmp_path, text))) == {"": "dropped", "a": "number"}
    assert load(written(tmp_path, text), numeric=[""]).in_features == 2


def test_plain_numbers_are_what_they_were(tmp_path):
    x = np.random.default_rng(0).normal(size=(30, 3)).astype(np.float32)
    y = np.arange(30) % 2
    lines = [",".join(map(str, [*numbers, label])) for numbers, label in zip(x, y, strict=True)]
    text = "\n".join(["a,b,c,y", *lines])
    data, same = load(written(tmp_path, text)), from_arrays(x, y)
    assert data.digest == same.digest
    one, other = split(data), split(same)
    assert one.fingerprint == other.fingerprint
    np.testing.assert_array_equal(one.train_x, other.train_x)
    assert one.table.lines() == []


def test_a_hole_changes_no_other_number(tmp_path):
    numbers = [i % 9 + 0.1 for i in range(40)]
    lines = [f"{a},{'' if i == 3 else i % 5},{i % 2}" for i, a in enumerate(numbers)]
    data = load(written(tmp_path, "\n".join(["a,b,y", *lines])))
    np.testing.assert_array_equal(data.train_images[:, 0], np.float32(numbers))


def test_a_decimal_comma_between_semicolons(tmp_path):
    text = "a;kind;y\n" + "1,5;u;0\n-2,25;v;1\n" * 5
    data = load(written(tmp_path, text))
    assert data.train_images[:2].tolist() == [[1.5, 0], [-2.25, 1]]


def test_what_is_said_of_the_columns(path):
    lines = split(load(path)).table.lines()
    assert len(lines) == 7
    assert lines[3].startswith("column 'sex': one-hot: female, male; ")
    assert lines[3].endswith(" missing in training, taken as male, the most frequent")
    assert lines[-1] == "numbers, standardised: spent"
    assert "the median" in lines[2]


def test_very_many_columns_are_said_in_few_lines(tmp_path):
    names = [f"c{i}" for i in range(100)]
    text = ",".join([*names, "y"]) + "\n" + "".join(f"{'u,v,' * 50}{i % 2}\n" for i in range(10))
    text += ",".join(["w"] * 100) + ",0\n" + ",".join(["w"] * 100) + ",1\n"
    lines = split(load(written(tmp_path, text))).table.lines()
    assert len(lines) == 24
    assert lines[-1] == "and so on: 77 more columns"


BAD = {
    "no such column": ({"drop": ["agee"]}, "no column 'agee'; did you mean 'age'"),
    "the classes": ({"categorical": ["y"]}, "'y' holds the classes"),
    "the target": ({"drop": ["age"], "target": "age", "task": "regression"}, "holds the target"),
    "twice": ({"drop": ["age"], "numeric": ["age"]}, "'age' is named twice"),
    "a string": ({"drop": "age"}, "drop='age' is not allowed; give a list"),
    "no strings": ({"numeric": [3]}, r"numeric=\[3\] is not allowed"),
    "everything": ({"drop": HEADER.split(",")[:-1]}, "no column to learn from"),
    "words": ({"numeric": ["name"], "drop": ["age"]}, None),
}


@pytest.mark.parametrize(("wishes", "message"), BAD.values(), ids=BAD.keys())
def test_wishes_that_cannot_be_met(path, wishes, message):
    if message is None:  # a column without any number has no values
        assert kinds(from_csv(path, **wishes))["name"] == "dropped"
        return
    with pytest.raises(DataError, match=message):
        from_csv(path, **wishes)


@pytest.mark.parametrize("wish", ["drop", "categorical", "numeric"])
def test_wishes_are_for_tables(wish):
    with pytest.raises(DataError, match=f"{wish}=.* is for tables; 'digits' is none"):
        load("digits", **{wish: ["a"]})


def test_no_column_is_left(tmp_path):
    with pytest.raises(DataError, match=r"no column left to learn from \(a: an identifier"):
        load(written(tmp_path, "a,y\nu,0\nv,1\n"))


def test_a_training_part_without_any_value_is_refused(tmp_path):
    text = "a,y\n" + ",0\n,1\n" * 50 + "u,0\nv,1\n"
    data = load(written(tmp_path, text), categorical=["a"])
    with pytest.raises(DataError, match="the training part has no values in any column"):
        split(data, subset_size=4)


def test_new_rows_are_encoded_as_in_training(path, tmp_path):
    table = split(load(path)).table
    new = "note,member,sex,age,spent\nx,no,male,40,1\nx,perhaps,diverse,,2\n"
    read = read_table(written(tmp_path, new, "new.csv"))
    fill = {column.name: column.fill for column in table.columns}
    np.testing.assert_array_equal(
        table.encode_table(read),
        np.float32([[40, 0, 1, 0, 1], [fill["age"], 0, 0, fill["member"], 2]]),
    )
    assert table.remarks(read) == [
        "not read, since training had no such column: note",
        "column 'sex' holds 'diverse', which training did not have: taken as none of its "
        "categories",
        "column 'member' holds 'perhaps', which training did not have: taken as missing",
    ]


@pytest.mark.parametrize(
    ("new", "message"),
    [
        ("sex,member,spent\nmale,no,1\n", "no column 'age'; needed are age, sex, member, spent"),
        ("age,sex,member,spent\n1,male,no,much\n", "line 2: column 'spent' holds 'much'; needed"),
        ("age,sex,member,spent\n1,male,no,inf\n", "line 2: column 'spent' holds 'inf'"),
    ],
)
def test_new_rows_that_cannot_be_read(path, tmp_path, new, message):
    with pytest.raises(DataError, match=message):
        split(load(path)).table.encode_table(read_table(written(tmp_path, new, "new.csv")))


def test_training_rows_read_again_are_the_same_features(path):
    parts = split(load(path), validation_fraction=0)
    everything = parts.table.encode_table(read_table(path))
    rows = {tuple(features) for features in everything.tolist()}
    assert {tuple(features) for features in parts.train_x.tolist()} <= rows
