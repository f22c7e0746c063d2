"""Finds and decodes publishers' files: IDX, a zip of IDX, CIFAR's binary batches."""

import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from jdend._messages import reason
from jdend.data._catalog import Entry
from jdend.data._errors import DataError, Unavailable
from jdend.data._idx import parse_idx, read_idx
from jdend.data._limits import regular_file

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""train_images, train_labels, test_images, test_labels."""

_IDX_STEMS = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
_CIFAR_FOLDER = "cifar-10-batches-bin"
_CIFAR_BATCHES = (*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin")
_CIFAR_BATCH_BYTES = 10_000 * 3073


def read_folder(entry: Entry, folder: Path) -> Arrays:
    """Reads the publisher's files of `entry` from `folder` or the usual folders below it.

    Raises:
      Unavailable: if the files are not there.
      DataError: if they are there but cannot be decoded, or hold something else.
    """
    for place in _places(entry, folder):
        arrays = _read_place(entry, place)
        if arrays is not None:
            return checked(entry, arrays, str(place))
    file_names = ", ".join(file.name for file in entry.files) or "no files"
    raise Unavailable(f"no files of {entry.name} in {folder} (looked for {file_names})")


def checked(entry: Entry, arrays: Arrays, where: str) -> Arrays:
    """Checks that the arrays have the shapes and labels that the catalogue says, and returns them.

    Raises:
      DataError: if they do not; `where` names the place they came from.
    """
    train_images, train_labels, test_images, test_labels = arrays
    for part, images, labels, n in (
        ("training", train_images, train_labels, entry.n_train),
        ("test", test_images, test_labels, entry.n_test),
    ):
        if images.shape != (n, *entry.image_shape) or labels.shape != (n,):
            raise DataError(
                f"{where} is not {entry.name}: its {part} images have shape {images.shape} and its "
                f"labels {labels.shape}, expected are {(n, *entry.image_shape)} and {(n,)}"
            )
        if n and not (labels.min() >= 0 and labels.max() < entry.n_classes):
            raise DataError(
                f"{where} is not {entry.name}: its {part} labels run from {labels.min()} to "
                f"{labels.max()}, expected are 0 to {entry.n_classes - 1}"
            )
    return (
        np.ascontiguousarray(train_images, np.uint8),
        train_labels.astype(np.int32),
        np.ascontiguousarray(test_images, np.uint8),
        test_labels.astype(np.int32),
    )


def upright(entry: Entry, images: np.ndarray) -> np.ndarray:
    """Images `[n, H, W, C]`, transposed if the publisher swaps rows and columns."""
    return images.swapaxes(1, 2) if entry.transposed else images


def _places(entry: Entry, folder: Path) -> Iterator[Path]:
    yield folder
    for name in dict.fromkeys((entry.name, *entry.folders, "raw")):
        yield folder / name


def _read_place(entry: Entry, place: Path) -> Arrays | None:
    if not place.is_dir():
        return None
    if entry.layout == "cifar":
        return _read_cifar(place)
    paths = [_idx_path(place, entry.prefix + stem) for stem in _IDX_STEMS]
    present = [path for path in paths if path is not None]
    if len(present) == len(paths):
        return _oriented(entry, [read_idx(path) for path in present])
    if present:
        missing = [stem for stem, path in zip(_IDX_STEMS, paths, strict=True) if path is None]
        raise DataError(f"{place} lacks {entry.prefix}{missing[0]}-ubyte.gz; all four are needed")
    archive = place / "gzip.zip"
    if entry.layout == "zip" and archive.is_file():
        return _read_zip(entry, archive)
    return None


def _idx_path(place: Path, stem: str) -> Path | None:
    dotted = stem.replace("-idx", ".idx")
    candidates = (f"{stem}-ubyte.gz", f"{stem}-ubyte", f"{dotted}-ubyte.gz", f"{dotted}-ubyte")
    return next((place / name for name in candidates if (place / name).is_file()), None)


def _oriented(entry: Entry, arrays: list[np.ndarray]) -> Arrays:
    train_images, train_labels, test_images, test_labels = arrays
    return (
        upright(entry, train_images[..., np.newaxis]),
        train_labels,
        upright(entry, test_images[..., np.newaxis]),
        test_labels,
    )


def _read_zip(entry: Entry, archive: Path) -> Arrays:
    try:
        with zipfile.ZipFile(archive) as opened:
            arrays = []
            for stem in _IDX_STEMS:
                member = f"gzip/{entry.prefix}{stem}-ubyte.gz"
                with opened.open(member) as file:
                    arrays.append(parse_idx(file, f"{archive}:{member}"))
    except DataError:
        raise
    except Exception as error:  # BadZipFile, KeyError, zlib.error, RuntimeError of passwords, …
        raise DataError(f"{archive} is damaged: {reason(error)}; get it again") from error
    return _oriented(entry, arrays)


def _read_cifar(place: Path) -> Arrays | None:
    archive = place / "cifar-10-binary.tar.gz"
    folder = place / _CIFAR_FOLDER
    try:
        if folder.is_dir():
            paths = [regular_file(folder / name) for name in _CIFAR_BATCHES]
            _check_batches([path.stat().st_size for path in paths], place)
            batches = [path.read_bytes() for path in paths]
        elif archive.is_file():
            batches = _untarred(archive)
        else:
            return None
    except DataError:
        raise
    except Exception as error:  # TarError, EOFError, KeyError, zlib.error, struct.error, …
        raise DataError(f"CIFAR-10 in {place} is damaged: {reason(error)}; get it again") from error
    parts = [_decode_cifar(batch, place) for batch in batches]
    train_images, train_labels = (np.concatenate(part) for part in zip(*parts[:-1], strict=True))
    return train_images, train_labels, *parts[-1]


def _untarred(archive: Path) -> list[bytes]:
    with tarfile.open(archive) as opened:
        contents = {}
        for member in opened:
            _check_batches([member.size], archive)
            file = opened.extractfile(member)
            if file is not None and Path(member.name).name in _CIFAR_BATCHES:
                contents[Path(member.name).name] = file.read()
    return [contents[name] for name in _CIFAR_BATCHES]


def _check_batches(sizes: Sequence[int], place: Path) -> None:
    if max(sizes) > _CIFAR_BATCH_BYTES:
        raise DataError(
            f"CIFAR-10 in {place} is damaged: it holds a file of {max(sizes)} bytes, and its "
            f"batches have {_CIFAR_BATCH_BYTES}; get it again"
        )


def _decode_cifar(batch: bytes, place: Path) -> tuple[np.ndarray, np.ndarray]:
    """One label byte, then 3072 pixel bytes channel by channel, an image."""
    if len(batch) % 3073:
        raise DataError(f"CIFAR-10 in {place} is damaged: a batch is cut off; get it again")
    rows = np.frombuffer(batch, np.uint8).reshape(-1, 3073)
    return rows[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), rows[:, 0]
