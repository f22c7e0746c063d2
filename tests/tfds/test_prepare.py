"""TensorFlow Datasets prepares Fashion-MNIST; jdend reads it without TensorFlow.

`make test-tfds` runs this. `JDEND_TFDS_PYTHON` names the interpreter of a virtual environment that
has TensorFlow; the interpreter that runs the test must not have it.
"""

import importlib.util
import os
from pathlib import Path

import pytest
from published_archives import write_published_archives

from jdend.data import load
from jdend.data._catalog import find
from jdend.data._errors import Unavailable
from jdend.data._prepare import prepare

PYTHON_WITH_TENSORFLOW = os.environ.get("JDEND_TFDS_PYTHON")

pytestmark = [
    pytest.mark.tfds,
    pytest.mark.skipif(PYTHON_WITH_TENSORFLOW is None, reason="run by make test-tfds"),
]


def test_tfds_prepares_fashion_mnist_and_jdend_reads_the_published_arrays(tmp_path: Path):
    assert importlib.util.find_spec("tensorflow") is None
    archives, root = tmp_path / "archives", tmp_path / "prepared"
    archives.mkdir()
    write_published_archives(archives)

    entry = find("fashion-mnist")
    prepare(entry, root, manual_dir=archives, python=PYTHON_WITH_TENSORFLOW)
    dataset = load("fashion-mnist", from_dir=root, data_dir=tmp_path / "cache")

    assert dataset.source.startswith("prepared by TFDS")
    assert dataset.digest == entry.digest


def test_tfds_checks_the_archives_that_it_is_given(tmp_path: Path):
    write_published_archives(tmp_path)
    labels = tmp_path / "t10k-labels-idx1-ubyte.gz"
    content = bytearray(labels.read_bytes())
    content[4] ^= 1  # a second of the time in the gzip header, so the contents stay the same
    labels.write_bytes(content)
    with pytest.raises(Unavailable, match=r"TFDS could not prepare it: .* has wrong checksum"):
        prepare(
            find("fashion-mnist"),
            tmp_path / "prepared",
            manual_dir=tmp_path,
            python=PYTHON_WITH_TENSORFLOW,
        )
