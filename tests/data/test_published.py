import gzip
import io
import tarfile
import tracemalloc
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from idx_writing import idx_bytes

from jdend.data import DataError
from jdend.data._catalog import find
from jdend.data._idx import parse_idx, read_idx
from jdend.data._published import read_folder

EMNIST = find("emnist")


def write(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def assert_holds(arrays, tiny):
    expected = (tiny.train_images, tiny.train_labels, tiny.test_images, tiny.test_labels)
    for got, wanted in zip(arrays, expected, strict=True):
        np.testing.assert_array_equal(got, wanted)


def packed(content):
    """With no time in it: tests that run side by side must have the same names."""
    return gzip.compress(content, mtime=0)


@pytest.mark.parametrize("compress", [gzip.compress, bytes])
def test_idx_round_trip(tmp_path, compress):
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    (tmp_path / "x").write_bytes(compress(idx_bytes(array)))
    np.testing.assert_array_equal(read_idx(tmp_path / "x"), array)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an IDX file"),
        (b"\0\0\x0d\x01\0\0\0\0", "not an IDX file of unsigned bytes"),
        (b"\0\0\x08\x03\0\0\0\1", "header is cut off"),
        (b"\0\0\x08\x00", "header is cut off"),
        (idx_bytes(np.zeros([1] * 3))[:3] + b"\x41" + b"\0\0\0\1" * 65 + b"!", "has 65 dimensions"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "needs more than a million TB of memory, and at most"),
        (b"\0\0\x08\x03" + bytes(4) + b"\xff" * 8, "needs more than a million TB"),
        (packed(b"\0\0\x08\x02" + b"\x7f\xff\xff\xff" * 2 + bytes(9)), "of memory"),
        (idx_bytes(np.zeros((2, 3)))[:-1], "ends after 5 of 6 bytes"),
        (idx_bytes(np.zeros((2, 3))) + b"!", "says 6 bytes, and it holds more"),
        (packed(idx_bytes(np.zeros((2, 300))))[:-9], "is damaged"),
        (packed(idx_bytes(np.zeros((2, 300))))[:-8] + b"\xff" * 8, "is damaged"),
        (packed(idx_bytes(np.zeros((2, 300))))[:10] + b"\xff" * 20, "is damaged"),
    ],
)
def test_damaged_idx_is_refused(content, message):
    with pytest.raises(DataError, match=message):
        parse_idx(io.BytesIO(content), "x")


def test_an_idx_file_is_unpacked_no_further_than_its_header_says():
    content = gzip.compress(idx_bytes(np.zeros((2, 3))) + bytes(2**26))
    tracemalloc.start()
    with pytest.raises(DataError, match="it holds more"):
        parse_idx(io.BytesIO(content), "x")
    assert tracemalloc.get_traced_memory()[1] < 2**21
    tracemalloc.stop()


def test_a_missing_idx_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        read_idx(tmp_path / "absent")


@pytest.mark.parametrize("place", [".", "tiny", "raw"])
def test_a_folder_and_the_usual_ones_below_it_are_searched(tiny, tmp_path, place):
    write(tmp_path / "given" / place, tiny.files)
    assert_holds(read_folder(tiny.entry, tmp_path / "given"), tiny)


def test_dotted_and_unpacked_names_are_found_too(tiny, tmp_path):
    plain = {
        name.replace("-idx", ".idx").removesuffix(".gz"): gzip.decompress(content)
        for name, content in tiny.files.items()
    }
    write(tmp_path, plain)
    assert_holds(read_folder(tiny.entry, tmp_path), tiny)


def test_three_of_four_files_are_refused(tiny, tmp_path):
    tiny.files.pop("t10k-labels-idx1-ubyte.gz")
    write(tmp_path, tiny.files)
    with pytest.raises(DataError, match=r"lacks t10k-labels-idx1-ubyte.gz; all four are needed"):
        read_folder(tiny.entry, tmp_path)


def test_an_empty_folder_says_what_was_looked_for(tiny, tmp_path):
    with pytest.raises(DataError, match=r"no files of tiny .* train-images-idx3-ubyte.gz"):
        read_folder(tiny.entry, tmp_path)


def test_another_number_of_images_is_refused(tiny, tmp_path):
    write(tmp_path, tiny.files)
    with pytest.raises(DataError, match=r"is not tiny: its training images have shape \(30"):
        read_folder(replace(tiny.entry, n_train=31), tmp_path)


def test_labels_beyond_the_classes_are_refused(tiny, tmp_path):
    write(tmp_path, tiny.files)
    with pytest.raises(DataError, match=r"training labels run from 0 to 9, expected are 0 to 2"):
        read_folder(replace(tiny.entry, class_names=("a", "b", "c")), tmp_path)


def test_emnist_is_read_from_its_zip_and_turned_upright(tiny, tmp_path):
    with zipfile.ZipFile(tmp_path / "gzip.zip", "w") as archive:
        for name, content in tiny.files.items():
            archive.writestr(f"gzip/emnist-balanced-{name}", content)
    entry = replace(EMNIST, image_shape=(4, 5, 1), n_train=30, n_test=10)
    images = read_folder(entry, tmp_path)[0]
    np.testing.assert_array_equal(images[0, ..., 0], tiny.train_images[0, ..., 0].T)


def test_a_damaged_zip_is_refused(tmp_path):
    (tmp_path / "gzip.zip").write_bytes(b"PK but no zip")
    with pytest.raises(DataError, match=r"gzip.zip is damaged"):
        read_folder(EMNIST, tmp_path)


def cifar_batches(rng):
    """Two images a batch: a label byte, then red, green and blue planes."""
    names = [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]
    return {
        name: b"".join(bytes([7]) + rng.integers(0, 256, 3072, np.uint8).tobytes() for _ in "ab")
        for name in names
    }


@pytest.mark.parametrize("packed", [True, False])
def test_cifar_is_read_channels_last(tmp_path, packed):
    batches = cifar_batches(np.random.default_rng(0))
    if packed:
        with tarfile.open(tmp_path / "cifar-10-binary.tar.gz", "w:gz") as archive:
            for name, content in batches.items():
                member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    else:
        write(tmp_path / "cifar-10-batches-bin", batches)
    entry = replace(find("cifar10"), n_train=10, n_test=2)
    train_images, train_labels, test_images, _ = read_folder(entry, tmp_path)
    first = np.frombuffer(batches["data_batch_1.bin"], np.uint8)[1:3073]
    np.testing.assert_array_equal(train_images[0, :, :, 2], first[2048:].reshape(32, 32))
    assert train_labels.tolist() == [7] * 10
    assert test_images.shape == (2, 32, 32, 3)


def test_a_cut_off_cifar_batch_is_refused(tmp_path):
    batches = cifar_batches(np.random.default_rng(0))
    batches["data_batch_3.bin"] = batches["data_batch_3.bin"][:-1]
    write(tmp_path / "cifar-10-batches-bin", batches)
    with pytest.raises(DataError, match="a batch is cut off"):
        read_folder(find("cifar10"), tmp_path)


@pytest.mark.parametrize("packed", [True, False])
def test_a_cifar_batch_of_another_size_is_not_read(tmp_path, packed):
    batches = cifar_batches(np.random.default_rng(0))
    batches["data_batch_3.bin"] = bytes(10_000 * 3073 + 1)
    if packed:
        with tarfile.open(tmp_path / "cifar-10-binary.tar.gz", "w:gz") as archive:
            member = tarfile.TarInfo("data_batch_3.bin")
            member.size = len(batches["data_batch_3.bin"])
            archive.addfile(member, io.BytesIO(batches["data_batch_3.bin"]))
    else:
        write(tmp_path / "cifar-10-batches-bin", batches)
    with pytest.raises(DataError, match="a file of 30730001 bytes, and its batches have 30730000"):
        read_folder(find("cifar10"), tmp_path)
