"""The user's own arrays, `.npz` and CSV files, and what is said of bad ones."""

import io
import os
import tracemalloc
import zipfile

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


@pytest.mark.parametrize(
    "labels",
    [
        ["9007199254740993", "9007199254740992"],
        [9007199254740993, 9007199254740992],
        [2**63 - 1, 2**63 - 2],
        [-(2**63), -(2**63) + 1],
        [2**64, 2**64 + 1],
        [str(2**63), str(2**63 + 1)],
        ["1e300", "1e301"],
    ],
)
def test_labels_are_compared_as_written(tmp_path, labels):
    dataset = from_arrays(IMAGES[:2], labels, IMAGES[:2], labels)
    assert dataset.train_labels.tolist() == dataset.test_labels.tolist()
    assert {*dataset.class_names} == {str(label) for label in labels}
    path = csv_file(tmp_path, "y,a\n" + "".join(f"{label},1\n" for label in labels))
    assert {*load(path).class_names} == {str(label) for label in labels}


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([9007199254740993.0, 0.0], r"floats from 2\*\*53 up, which are not exact; give integers"),
        ([1e300, 1e301], r"floats from 2\*\*53 up"),
        ([2**63, -1], r"floats from 2\*\*53 up"),
        (np.array([2**63, 2**63 + 1], np.uint64), "holds 9223372036854775809, and integers end at"),
        ([[0, 1], [1]], "train_labels is ragged; needed is one label an image"),
        ([[0, 1], [1, 0]], r"shape \[2, 2\]; needed is one label an image, \[2\]"),
    ],
)
def test_labels_that_numpy_cannot_tell_apart_are_refused(labels, message):
    with pytest.raises(DataError, match=message):
        from_arrays(IMAGES[:2], labels)


def test_numbers_equal_as_numbers_are_one_class(tmp_path):
    dataset = load(csv_file(tmp_path, "a,y\n0,1\n0,1.0\n0,1e1\n0,-0\n"))
    assert dataset.class_names == ("0", "1", "10")
    assert dataset.train_labels.tolist() == [1, 1, 2, 0]


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


def zipped(path, members, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return path


def npy(array=None, **header):
    """An array as `.npy` holds it, or a header alone that says what it likes."""
    file = io.BytesIO()
    if array is not None:
        np.lib.format.write_array(file, np.asarray(array))
    else:
        said = {"descr": "|u1", "fortran_order": False, "shape": (2, 3), **header}
        np.lib.format.write_array_header_1_0(file, said)
    return file.getvalue()


@pytest.mark.parametrize("dtype", ["u1", ">i2", "<i8", ">f4", "<f8", ">f8", "f2", "?"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_any_byte_order_and_layout_is_read(tmp_path, dtype, order):
    images = np.asarray(IMAGES % 2, dtype, order=order)
    np.savez_compressed(tmp_path / "a.npz", x=images, y=LABELS.astype(">i4"))
    plain = from_arrays(np.asarray(IMAGES % 2, np.dtype(dtype).newbyteorder("=")), LABELS)
    assert from_npz(tmp_path / "a.npz").digest == plain.digest


def test_arrays_that_are_not_needed_are_not_read(tmp_path):
    members = {"x": npy(IMAGES), "y": npy(LABELS), "z": b"junk"}
    assert from_npz(zipped(tmp_path / "a.npz", members)).in_features == 4


BAD_MEMBERS = {
    "a number": (npy(5), r"train_images has shape \[\]; allowed are \[n, F\]"),
    "a bomb": (npy(shape=(10**12, 10**6)), "takes 1000000000000000000 bytes, and 0 are stored"),
    "more than 64 bits": (npy(shape=(2**63, 2**63)), "is damaged"),
    "no bytes, many zeros": (npy(shape=(0, 2**63)), "cannot read"),
    "below zero": (npy(shape=(-2, -3)) + b"123456", "is damaged"),
    "text of no length": (npy(descr="<U0", shape=(2**40,)), "allowed are numbers and text"),
    "objects": (npy(descr="|O"), "allowed are numbers and text, and no Python objects"),
    "records": (npy(descr=[("a", "<i4")]), "allowed are numbers and text"),
    "too short": (npy(IMAGES)[:-1], "takes 24 bytes, and 23 are stored; write it again"),
    "too long": (npy(IMAGES) + b"!", "takes 24 bytes, and 25 are stored; write it again"),
    "a long header": (b"\x93NUMPY\2\0\xff\xff\xff\x7f", "a header of 2147483647 bytes"),
    "half a header": (npy(IMAGES)[:40], "cannot read .*it ends after 30 of 118 bytes"),
    "a header that is none": (b"\x93NUMPY\1\0\4\0" + b"((((", "cannot read"),
    "a later format": (b"\x93NUMPY\3\0" + npy(IMAGES)[8:], "no array of NumPy"),
    "no array": (b"text", "cannot read"),
    "no Unicode": (npy(descr="<U1", shape=(2,)) + b"\xff" * 8, "text that is not Unicode"),
    "no Unicode, big-endian": (npy(descr=">U1", shape=(1,)) + b"\0\x11\0\0", "not Unicode"),
}


@pytest.mark.parametrize(("member", "message"), BAD_MEMBERS.values(), ids=BAD_MEMBERS.keys())
def test_bad_members_are_refused(tmp_path, member, message):
    path = zipped(tmp_path / "a.npz", {"x": member, "y": npy(LABELS)})
    with pytest.raises(DataError, match=message) as caught:
        from_npz(path)
    assert len(str(caught.value)) <= 300


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions_are_refused(tmp_path, compression):
    members = {"x": npy(IMAGES), "y": npy(LABELS)}
    with pytest.raises(DataError, match=r"x is compressed in another way .*savez_compressed"):
        from_npz(zipped(tmp_path / "a.npz", members, compression))


@pytest.mark.parametrize(
    ("at", "value", "message"),
    [
        (6, 1, "x is encrypted"),
        (8, 93, r"another way \(number 93"),
    ],
)
def test_members_that_python_cannot_unpack_are_refused(tmp_path, at, value, message):
    path = zipped(tmp_path / "a.npz", {"x": npy(IMAGES), "y": npy(LABELS)})
    content = bytearray(path.read_bytes())
    for start, offset in ((content.find(b"PK\3\4"), 0), (content.find(b"PK\1\2"), 2)):
        content[start + at + offset] = value
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        from_npz(path)


def test_a_broken_stream_is_refused(tmp_path):
    path = zipped(tmp_path / "a.npz", {"x": npy(np.arange(60.0)), "y": npy(LABELS)})
    content = bytearray(path.read_bytes())
    content[60:90] = b"\xff" * 30
    path.write_bytes(content)
    with pytest.raises(DataError, match="cannot read"):
        from_npz(path)


def test_what_needs_more_memory_than_there_is_is_not_unpacked(tmp_path, monkeypatch):
    path = zipped(tmp_path / "a.npz", {"x": npy(np.zeros((2, 10**6))), "y": npy([0, 1])})
    assert path.stat().st_size < 20_000
    monkeypatch.setattr("jdend.data._limits.available_memory", lambda: 30_000_000)
    tracemalloc.start()
    with pytest.raises(DataError, match=r"needs 16 MB of memory, and at most 15 MB, half of"):
        from_npz(path)
    assert tracemalloc.get_traced_memory()[1] < 2**21
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("abc", r"class_names has shape \[\]; needed is one name a class"),
        ([["a", "b", "c"]], r"class_names has shape \[1, 3\]"),
        (["a"] * 4, "4 class_names for 3 classes"),
    ],
)
def test_class_names_of_another_shape_are_refused(tmp_path, names, message):
    np.savez(tmp_path / "a.npz", x=IMAGES, y=LABELS, class_names=names)
    with pytest.raises(DataError, match=message):
        from_npz(tmp_path / "a.npz")


@pytest.mark.parametrize("suffix", ["npz", "csv"])
def test_only_files_are_opened(tmp_path, suffix):
    (tmp_path / f"a.{suffix}").mkdir()
    os.mkfifo(tmp_path / f"b.{suffix}")
    for name, message in (
        (f"a.{suffix}", "is a folder; give a file"),
        (f"b.{suffix}", "is a pipe or a device"),
        (f"\0.{suffix}", "cannot use"),
        (f"{'n' * 300}.{suffix}", "cannot use .* … .*File name too long"),
    ):
        with pytest.raises(DataError, match=message) as caught:
            load(tmp_path / name)
        assert len(str(caught.value)) <= 300
    with pytest.raises(DataError, match="cannot use ~nobody-of-this-name"):
        load(f"~nobody-of-this-name/a.{suffix}")


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


NUMBERS = "a,label\n" + 40 * "1,0\n"
BAD_TABLES = {
    "empty": ("", None, "is empty"),
    "header only": ("a,label\n", None, "has a header and no examples"),
    "no header": ("1,2\n3,4\n", None, "has no header line"),
    "no target": ("a,b\n1,2\n", None, r"no column named label, target, class, y; .*there are a, b"),
    "misspelt target": ("a,kind\n1,2\n", "kid", "no column 'kid'; did you mean 'kind'"),
    "target only": ("label\n1\n2\n", None, "no column beside 'label'"),
    "twice": ("a,a,label\n1,2,3\n", None, "two columns named 'a'"),
    "short line": ("a,b,label\n1,2,0\n1,2\n", None, "line 3: 2 fields, and the header has 3"),
    "a word": (NUMBERS + "x,1\n", None, "line 42: column 'a' holds 'x' among numbers; correct it"),
    "a word and more": (NUMBERS + "x,1\ninf,1\n", None, "column 'a' holds 'x' among numbers"),
    "only nan": ("a,label\nnan,0\n", None, r"no column left to learn from \(a: it has no values"),
    "infinite": ("a,label\ninf,0\n", None, "line 2: column 'a' holds 'inf'"),
    "too large": ("a,label\n1e39,0\n", None, "line 2: column 'a' holds '1e39'"),
    "no class": ("a,label\n1,\n", None, "line 2: column 'label' is empty"),
    "one class": ("a,label\n1,0\n2,0\n", None, "two classes are needed"),
    "a header twice": (NUMBERS + "a,label\n", None, "line 42: column 'a' holds 'a' among"),
    "an open quote": ('a,label\n1,"x\n2,y\n', None, "line 3: a class of several lines; is a quote"),
    "an open quote first": ('a,label\n"1,x\n2,y\n', None, "line 3: 1 fields"),
    "an open quote above": ('a,"label\n1,x\n2,y\n', None, "no column named"),
    "NUL": ("a,label\n1,a\0\n2,a\n", None, "line 2 holds a NUL byte"),
    "a huge field": (f'a,label\n1,"{"x" * 140_000}"\n', None, "field larger than field limit"),
    "a fraction": ("a,label\n1,0\n2,1e-400\n", None, "class '1e-400' holds fractions"),
    "no number": ("a,label\n1,0\n2,nan\n", None, "class 'nan' holds fractions"),
    "empty columns": ("a,,,label\n1,,,0\n", None, "two columns named ''"),
    "many columns": (",".join(map(str, range(10**5))) + ",a\n", "b" * 10**5, "no column 'bbb"),
}


@pytest.mark.parametrize(("text", "target", "message"), BAD_TABLES.values(), ids=BAD_TABLES.keys())
def test_bad_tables_are_refused(tmp_path, text, target, message):
    with pytest.raises(DataError, match=message):
        from_csv(csv_file(tmp_path, text), target=target)


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_csv_that_is_not_utf8_is_refused(tmp_path, encoding):
    (tmp_path / "a.csv").write_text("größe,label\n1,0\n", encoding=encoding)
    with pytest.raises(
        DataError, match=r"cannot read .* it is not UTF-8 text .*; save it as UTF-8"
    ):
        from_csv(tmp_path / "a.csv")


def test_one_long_label_does_not_cost_its_length_for_all(tmp_path):
    text = "a,label\n" + "1,x\n" * 10_000 + f"1,{'y' * 100_000}\n"  # 4 GB as NumPy's text
    tracemalloc.start()
    dataset = load(csv_file(tmp_path, text))
    assert tracemalloc.get_traced_memory()[1] < 2**25
    tracemalloc.stop()
    assert np.bincount(dataset.train_labels).tolist() == [10_000, 1]


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("ending", ["csv", "tsv"])
def test_the_header_says_what_parts_columns(tmp_path, mark, ending):
    path = tmp_path / f"table.{ending}"
    rows = [("wide", "tall", "class"), ("0.5", "2", "a"), ("1.5", "3", "b")] + [("1", "1", "a")] * 4
    path.write_text("\n".join(mark.join(row) for row in rows))
    data = load(path)
    assert data.in_features == 2
    assert data.train_images[0].tolist() == [0.5, 2]


def test_marks_between_quotes_part_nothing(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text('"a;b;c;d",class\n1,x\n2,y\n')
    assert from_csv(path).in_features == 1
