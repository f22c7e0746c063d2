"""A data set prepared by TensorFlow Datasets, read by its real code without TensorFlow.

`tests/tfds/make_fixture.py` made `prepared`: 40 training and 40 test images of Fashion-MNIST.
"""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from jdend.data import DataError, load
from jdend.data._catalog import find
from jdend.data._errors import Unavailable
from jdend.data._prepared import read_prepared

PREPARED = Path(__file__).parent / "prepared"
VERSION = Path("fashion_mnist/3.0.1")
ENTRY = replace(find("fashion-mnist"), n_train=40, n_test=40)


@pytest.fixture
def copy(tmp_path):
    shutil.copytree(PREPARED, tmp_path / "copy")
    return tmp_path / "copy"


def read(root, entry=ENTRY):
    return read_prepared(entry, [Path("/nonexistent"), root], print)


def test_it_holds_the_published_images_in_the_published_order():
    (train_images, train_labels, test_images, test_labels), folder = read(PREPARED)
    published = load("fashion-mnist")
    np.testing.assert_array_equal(train_images, published.train_images[:40])
    np.testing.assert_array_equal(train_labels, published.train_labels[:40])
    np.testing.assert_array_equal(test_images, published.test_images[:40])
    np.testing.assert_array_equal(test_labels, published.test_labels[:40])
    assert folder == PREPARED / VERSION


def test_the_folder_of_the_version_itself_will_do():
    assert len(read(PREPARED / VERSION)[0][0]) == 40


def test_the_newest_version_is_taken(copy):
    shutil.copytree(copy / VERSION, copy / "fashion_mnist/3.0.0")
    assert read(copy)[1] == copy / VERSION


def test_images_of_a_transposed_set_come_back_upright():
    upright = read(PREPARED)[0][0]
    turned = read(PREPARED, replace(ENTRY, transposed=True))[0][0]
    np.testing.assert_array_equal(turned, upright.swapaxes(1, 2))


def test_part_of_a_data_set_is_not_taken_for_the_whole():
    with pytest.raises(DataError, match=r"is not fashion-mnist: its training images have shape"):
        load("fashion-mnist", from_dir=PREPARED)


def test_an_absent_set_is_unavailable(tmp_path):
    with pytest.raises(Unavailable, match="no fashion_mnist in "):
        read(tmp_path)


def test_tfrecord_says_that_array_record_is_needed(copy):
    info = copy / VERSION / "dataset_info.json"
    info.write_text(json.dumps({**json.loads(info.read_text()), "fileFormat": "tfrecord"}))
    with pytest.raises(DataError, match=r'tfrecord, which only TensorFlow .*"array_record"'):
        read(copy)


def test_a_damaged_description_is_refused(copy):
    (copy / VERSION / "dataset_info.json").write_text("{")
    with pytest.raises(DataError, match="is damaged"):
        read(copy)


def test_damaged_records_are_refused(copy):
    records = next((copy / VERSION).glob("*train*"))
    content = bytearray(records.read_bytes())
    content[100:20_000] = bytes(19_900)
    records.write_bytes(content)
    with pytest.raises(DataError, match=r"train part .* is damaged"):
        read(copy)
