"""Data sets prepared by TensorFlow Datasets (TFDS) as array_record, read without TensorFlow."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jdend._files import user_path
from jdend.data._catalog import Entry
from jdend.data._download import Report
from jdend.data._errors import DataError, Unavailable
from jdend.data._published import Arrays, checked, upright

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

_INFO = "dataset_info.json"


def default_roots(data_dir: Path) -> list[Path]:
    """Where to look for prepared data sets: `TFDS_DATA_DIR`, jdend's and TFDS' own folders."""
    named = os.environ.get("TFDS_DATA_DIR")
    roots = [user_path(named, DataError)] if named else []
    return [*roots, prepared_root(data_dir), Path.home() / "tensorflow_datasets"]


def prepared_root(data_dir: Path) -> Path:
    """Where jdend itself lets TFDS prepare data sets."""
    return data_dir / "tensorflow_datasets"


def read_prepared(entry: Entry, roots: list[Path], report: Report) -> tuple[Arrays, Path]:
    """Reads `entry` from the newest version that TFDS has prepared below one of `roots`.

    TFDS stores examples in the order of the hashes of their keys. They are returned in the
    published order, so that results do not depend on the source.

    Returns:
      The arrays, and the folder that they came from.

    Raises:
      Unavailable: if none is prepared there.
      DataError: if it cannot be read, or differs from the catalogue.
    """
    if entry.tfds is None:
        raise Unavailable(f"TFDS has no {entry.name}")
    folder = next((version for root in roots for version in _versions(entry.tfds, root)), None)
    if folder is None:
        raise Unavailable(f"no {entry.tfds} in {', '.join(map(str, roots))}")
    builder = _open_builder(folder)
    report(f"decoding {folder}; this is done once")
    with _quiet():
        train_images, train_labels = _read_part(builder, "train", folder)
        test_images, test_labels = _read_part(builder, "test", folder)
    arrays = (upright(entry, train_images), train_labels, upright(entry, test_images), test_labels)
    return checked(entry, arrays, str(folder)), folder


def _open_builder(folder: Path) -> "tfds.core.DatasetBuilder":
    """The TFDS builder of the prepared data set in `folder`.

    Raises:
      DataError: if it is damaged, or not in array_record format.
    """
    import tensorflow_datasets as tfds

    try:
        builder = tfds.builder_from_directory(folder)
    except Exception as error:
        # TFDS raises many types here, among them protobuf's own.
        raise DataError(
            f"the TFDS data set in {folder} is damaged: {_first_line(error)}"
        ) from error
    file_format = builder.info.file_format
    if file_format is None or file_format.value != "array_record":
        raise DataError(
            f"the TFDS data set in {folder} is stored as {getattr(file_format, 'value', None)}, "
            'which only TensorFlow reads; prepare it again with file_format="array_record"'
        )
    return builder


def _read_part(
    builder: "tfds.core.DatasetBuilder", part: str, folder: Path
) -> tuple[np.ndarray, np.ndarray]:
    """Images `[n, H, W, C]` uint8 and labels `[n]` of one part, in the published order.

    Raises:
      DataError: if a record is damaged or the part is missing.
    """
    try:
        # The class that TFDS declares for a builder differs from what its decorators make of it.
        typed: Any = builder
        records = typed.as_data_source(split=part)
        n = len(records)
        images = np.empty((n, *typed.info.features["image"].shape), np.uint8)
        labels = np.empty(n, np.int64)
        for place, key in enumerate(_key_order(builder, part, n)):
            record = records[place]
            images[key] = record["image"]
            labels[key] = record["label"]
    except Exception as error:
        # array_record and Pillow raise types of their own for damaged files.
        raise DataError(
            f"the {part} part of the TFDS data set in {folder} is damaged: {_first_line(error)}"
        ) from error
    return images, labels


def _key_order(builder: "tfds.core.DatasetBuilder", part: str, n: int) -> list[int]:
    """The published index of every stored record.

    The builders of all data sets in the catalogue use that index as the example's key, and TFDS
    sorts by the key's hash with the part's name as salt.
    """
    from tensorflow_datasets.core import hashing

    if builder.info.disable_shuffling:
        return list(range(n))
    return sorted(range(n), key=hashing.Hasher(part).hash_key)


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppresses TFDS' advice to install OpenCV, which decodes faster than Pillow."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _versions(tfds_name: str, root: Path) -> Iterator[Path]:
    """Prepared versions of `tfds_name` in `root`, or `root` itself if it is one; newest first."""
    name = tfds_name.split("/")[0]
    if (root / _INFO).is_file() and name in root.parts:
        yield root
    folders = [info.parent for info in (root / tfds_name).glob(f"*/{_INFO}")]
    yield from sorted(folders, key=_version_of, reverse=True)


def _version_of(folder: Path) -> tuple[int, ...]:
    return tuple(int(word) for word in folder.name.split(".") if word.isdigit())


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
