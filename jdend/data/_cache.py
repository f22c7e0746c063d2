"""Decoded arrays on disk, so that a data set is decoded only once.

Each data set has a folder with four `.npy` files and `dataset.json`, which holds their digest and
is written last. Every file is replaced atomically, and every reading checks the digest.
"""

import json
import os
from pathlib import Path

import numpy as np

from jdend._files import cache_folder, replacing, user_path, write_json
from jdend.data._catalog import Entry
from jdend.data._dataset import Dataset, assemble, digest_of
from jdend.data._errors import DataError, Unavailable

_ARRAYS = ("train_images", "train_labels", "test_images", "test_labels")
_RECORD = "dataset.json"
_FORMAT = 1


def default_data_dir() -> Path:
    """`JDEND_DATA_DIR`, else jdend's part of the user's cache folder."""
    named = os.environ.get("JDEND_DATA_DIR")
    return user_path(named, DataError) if named else cache_folder()


def cached_source(entry: Entry, data_dir: Path) -> str | None:
    """Where the cached copy came from; None if nothing is cached. Does not check its contents."""
    try:
        return str(_read_record(data_dir / entry.name)["source"])
    except (Unavailable, DataError):
        return None


def read_cache(entry: Entry, data_dir: Path) -> Dataset:
    """Maps the cached arrays into memory.

    Raises:
      Unavailable: if nothing is cached.
      DataError: if what is cached is damaged.
    """
    folder = data_dir / entry.name
    record = _read_record(folder)
    try:
        arrays = tuple(np.load(folder / f"{name}.npy", mmap_mode="r") for name in _ARRAYS)
    except Exception as error:  # OSError, ValueError, what parsing a header raises, …
        raise DataError(f"the cache in {folder} is damaged: {error}") from error
    digest = digest_of(arrays)
    if digest != record["digest"] or digest != (entry.digest or digest):
        raise DataError(f"the cache in {folder} is damaged: its SHA-256 is not the recorded one")
    return assemble(
        entry.name,
        (arrays[0], arrays[1], arrays[2], arrays[3]),
        class_names=entry.class_names,
        source=f"cache in {folder} (from {record['source']})",
        channel_statistics=entry.channel_statistics,
        digest=digest,
    )


def write_cache(dataset: Dataset, data_dir: Path) -> None:
    """Stores the arrays of `dataset` under its name.

    Raises:
      OSError: if the folder cannot be written; the files that are there stay whole.
    """
    folder = data_dir / dataset.name
    folder.mkdir(parents=True, exist_ok=True)
    # Without its record a half-replaced folder counts as empty, not as damaged.
    (folder / _RECORD).unlink(missing_ok=True)
    for name in _ARRAYS:
        with replacing(folder / f"{name}.npy") as file:
            np.save(file, getattr(dataset, name))
    record = {"format": _FORMAT, "source": dataset.source, "digest": dataset.digest}
    write_json(folder / _RECORD, record)


def _read_record(folder: Path) -> dict[str, object]:
    try:
        record = json.loads((folder / _RECORD).read_text())
    except FileNotFoundError:
        raise Unavailable(f"nothing cached in {folder}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"the cache in {folder} is damaged: {error}") from error
    if not isinstance(record, dict) or record.get("format") != _FORMAT:
        raise DataError(f"the cache in {folder} has another format than this version of jdend")
    if not {"source", "digest"} <= record.keys():
        raise DataError(f"the cache in {folder} is damaged: its record is incomplete")
    return record
