"""The user's own arrays, `.npz` and CSV files, and what is said of bad ones."""

import numpy as np
import pytest

from jdend.data import DataError, from_arrays, from_csv, from_npz, load

IMAGES = np.arange(6 * 4, dtype=np.uint8).reshape(6, 2, 2)
LABELS = np.array([0, 1, 2, 0, 1, 2])


def test_images_stay_bytes():
    dataset = from_arrays(IMAGES, LABELS, IMAGES, LABELS)
    assert dataset.train_images.dtype == np.uint8
    assert dataset.image_shape == (2, 2, 1)
    assert dataset.n_classes == 3
    assert len(dataset.test_labels) == 6


def test_tables_have_no_image_shape():
    dataset = from_arrays(np.linspace(0, 1, 12).reshape(6, 2), LABELS)
    assert dataset.image_shape is None
    assert dataset.in_features == 2
    assert dataset.train_images.dtype == np.float32


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (np.array([[0], [255]] * 3), np.uint8),
        (np.array([[0], [256]] * 3), np.float32),
        (np.array([[0], [-1]] * 3), np.float32),
        (np.array([[True], [False]] * 3), np.uint8),
        (np.array([[0.5], [1.5]] * 3), np.float32),
    ],
)
def test_whole_numbers_to_255_become_bytes(values, dtype):
    assert from_arrays(values, LABELS).train_images.dtype == dtype


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (["dog", "cat", "emu"] * 2, ("cat", "dog", "emu")),
        ([10, 9, 100] * 2, ("9", "10", "100")),
        ([1.0, 2.0, 3.0] * 2, ("1", "2", "3")),
        (np.array(["b", "a", "c"] * 2, object), ("a", "b", "c")),
    ],
)
def test_labels_are_numbered_in_sorted_order(labels, names):
    dataset = from_arrays(IMAGES, labels)
    assert dataset.class_names == names
    assert [names[number] for number in dataset.train_labels] == [
        str(int(label)) if isinstance(label, float) else str(label) for label in labels
    ]


def test_longer_test_labels_are_not_cut_to_a_known_one():
    with pytest.raises(DataError, match="test label cats does not occur"):
        from_arrays(IMAGES, ["cat", "dog", "emu"] * 2, IMAGES[:1], ["cats"])


BAD_ARRAYS = {
    "one dimension": ((np.zeros(6), LABELS), {}, r"shape \[6\]; allowed are \[n, F\]"),
    "ragged": (([[1, 2], [1]], [0, 1]), {}, "ragged"),
    "text": (([["a"], ["b"]], [0, 1]), {}, "only numbers are allowed"),
    "no features": ((np.zeros((6, 0)), LABELS), {}, r"shape \[6, 0\]"),
    "empty": ((np.zeros((0, 2)), []), {}, "train_images is empty"),
    "not finite": ((np.full((6, 2), np.nan), LABELS), {}, "12 values that are not finite"),
    "beyond float32": ((np.full((6, 2), 1e39), LABELS), {}, "12 values that are not finite"),
    "too few labels": ((IMAGES, LABELS[:5]), {}, r"shape \[5\]; needed is one label an image"),
    "fractions": ((IMAGES, LABELS + 0.5), {}, "holds fractions"),
    "missing labels": ((IMAGES, LABELS * np.nan), {}, "holds fractions"),
    "one class": ((IMAGES, LABELS * 0 + 4), {}, "all training labels are 4"),
    "no test labels": ((IMAGES, LABELS, IMAGES), {}, "give both test_images and test_labels"),
    "other test shape": ((IMAGES, LABELS, IMAGES[:, :1], LABELS), {}, "both must have one shape"),
    "new test label": ((IMAGES, LABELS, IMAGES, LABELS + 1), {}, "test label 3 does not occur"),
    "class names": ((IMAGES, LABELS), {"class_names": ["a"]}, "1 class_names for 3 classes"),
}


@pytest.mark.parametrize(("given", "named", "message"), BAD_ARRAYS.values(), ids=BAD_ARRAYS.keys())
def test_bad_arrays_are_refused(given, named, message):
    with pytest.raises(DataError, match=message):
        from_arrays(*given, **named)


@pytest.mark.parametrize(
    "keys",
    [
        ("train_images", "train_labels", "test_images", "test_labels"),
        ("x_train", "y_train", "x_test", "y_test"),
        ("images", "labels"),
        ("X", "y"),
    ],
)
def test_npz_round_trip(tmp_path, keys):
    arrays = (IMAGES, LABELS, IMAGES[:3], LABELS[:3])
    np.savez(tmp_path / "mine.npz", **dict(zip(keys, arrays, strict=False)))
    dataset = load(tmp_path / "mine.npz")
    np.testing.assert_array_equal(dataset.train_images[..., 0], IMAGES)
    np.testing.assert_array_equal(dataset.train_labels, LABELS)
    assert len(dataset.test_labels) == (3 if len(keys) == 4 else 0)
    assert (dataset.name, dataset.source) == ("mine", str(tmp_path / "mine.npz"))


def test_npz_may_name_its_classes(tmp_path):
    np.savez(tmp_path / "a.npz", x=IMAGES, y=LABELS, class_names=["a", "b", "c"])
    assert from_npz(tmp_path / "a.npz").class_names == ("a", "b", "c")


def test_npz_with_other_names_lists_them(tmp_path):
    np.savez(tmp_path / "a.npz", pictures=IMAGES)
    with pytest.raises(DataError, match=r"holds pictures; needed are .* images, labels"):
        from_npz(tmp_path / "a.npz")


@pytest.mark.parametrize("content", [b"", b"junk", b"PK\x03\x04junk"])
def test_damaged_npz_is_refused(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"cannot read .*a.npz as .npz"):
        from_npz(tmp_path / "a.npz")


def test_a_cut_off_npz_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=IMAGES, y=LABELS)
    content = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match="cannot read"):
        from_npz(tmp_path / "a.npz")


def test_objects_in_npz_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.array([{}, {}], object), y=LABELS[:2])
    with pytest.raises(DataError, match="cannot read"):
        from_npz(tmp_path / "a.npz")


def test_a_single_array_is_no_npz(tmp_path):
    np.save(tmp_path / "a.npy", IMAGES)
    (tmp_path / "a.npy").rename(tmp_path / "a.npz")
    with pytest.raises(DataError, match="is a single array"):
        from_npz(tmp_path / "a.npz")


@pytest.mark.parametrize("name", ["absent.npz", "absent.csv"])
def test_absent_files_are_named(tmp_path, name):
    with pytest.raises(DataError, match=f"{name} does not exist"):
        load(tmp_path / name)


def csv_file(tmp_path, text):
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_csv_with_classes_as_words(tmp_path):
    path = csv_file(tmp_path, 'a,label,b\n1.5,dog,2\n\n3,"cat",4e2\n')
    dataset = load(path)
    np.testing.assert_array_equal(dataset.train_images, np.float32([[1.5, 2], [3, 400]]))
    assert dataset.train_labels.tolist() == [1, 0]
    assert dataset.class_names == ("cat", "dog")


def test_csv_with_pixels_keeps_bytes(tmp_path):
    dataset = load(csv_file(tmp_path, "p,y\n0,10\n255,9\n"))
    assert dataset.train_images.dtype == np.uint8
    assert dataset.class_names == ("9", "10")


def test_csv_with_a_named_target_and_a_byte_order_mark(tmp_path):
    path = csv_file(tmp_path, "\ufeffkind,a\nx,1\ny,2\n")
    assert load(path, target="kind").class_names == ("x", "y")


BAD_TABLES = {
    "empty": ("", None, "is empty"),
    "header only": ("a,label\n", None, "has a header and no examples"),
    "no header": ("1,2\n3,4\n", None, "has no header line"),
    "no target": ("a,b\n1,2\n", None, r"no column named label, target, class, y; .*there are a, b"),
    "misspelt target": ("a,kind\n1,2\n", "kid", "no column 'kid'; did you mean 'kind'"),
    "target only": ("label\n1\n2\n", None, "no column beside 'label'"),
    "twice": ("a,a,label\n1,2,3\n", None, "two columns named 'a'"),
    "short line": ("a,b,label\n1,2,0\n1,2\n", None, "line 3: 2 fields, and the header has 3"),
    "a word": ("a,b,label\n1,2,0\n1,x,1\n", None, "line 3: column 'b' holds 'x'; needed is a fin"),
    "a hole": ("a,label,b\n1,0,\n", None, "line 2: column 'b' holds ''"),
    "nan": ("a,label\nnan,0\n", None, "line 2: column 'a' holds 'nan'"),
    "infinite": ("a,label\ninf,0\n", None, "line 2: column 'a' holds 'inf'"),
    "too large": ("a,label\n1e39,0\n", None, "line 2: column 'a' holds '1e39'"),
    "no class": ("a,label\n1,\n", None, "line 2: column 'label' is empty"),
    "one class": ("a,label\n1,0\n2,0\n", None, "two classes are needed"),
}


@pytest.mark.parametrize(("text", "target", "message"), BAD_TABLES.values(), ids=BAD_TABLES.keys())
def test_bad_tables_are_refused(tmp_path, text, target, message):
    with pytest.raises(DataError, match=message):
        from_csv(csv_file(tmp_path, text), target=target)


def test_csv_that_is_not_text_is_refused(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(DataError, match="cannot read"):
        from_csv(tmp_path / "a.csv")
