"""Getting a data set by name from the first source that has it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urljoin

import numpy as np

from jdend._files import user_path
from jdend.data._cache import default_data_dir, read_cache, write_cache
from jdend.data._catalog import Entry, find
from jdend.data._dataset import Dataset, assemble
from jdend.data._debian import download_package, read_installed
from jdend.data._download import Report, answers, download, report_on_stderr
from jdend.data._errors import DataError, NoSource, Unavailable
from jdend.data._prepare import prepare, require_tensorflow
from jdend.data._prepared import default_roots, prepared_root, read_prepared
from jdend.data._published import Arrays, read_folder


@dataclass(frozen=True)
class _Request:
    entry: Entry
    data_dir: Path
    report: Report


Source = Callable[[_Request], tuple[Arrays, str]]
"""Returns the arrays and one line that says where they came from."""


def load_named(
    name: str,
    *,
    data_dir: str | Path | None = None,
    from_dir: str | Path | None = None,
    download: bool = True,
    refresh: bool = False,
    report: Report = report_on_stderr,
) -> Dataset:
    """Loads a data set of the catalogue; `jdend.data.load` describes the arguments."""
    entry = find(name)
    place = default_data_dir() if data_dir is None else user_path(data_dir, DataError)
    request = _Request(entry, place, report)
    if from_dir is not None:
        return _store(request, *_from_folder(request, user_path(from_dir, DataError)))
    failures = []
    if not refresh:
        try:
            return read_cache(entry, place)
        except Unavailable as error:
            failures.append(("cache", error))
        except DataError as error:
            failures.append(("cache", error))
            report(f"{error}; getting {entry.name} again")
    for label, source in _sources(entry, download):
        try:
            arrays, origin = source(request)
            return _store(request, arrays, origin)
        except Unavailable as error:
            failures.append((label, error))
        except DataError as error:
            failures.append((label, error))
            report(f"{label}: {error}")
    raise NoSource(_nothing_worked(entry, failures, download))


def _sources(entry: Entry, download: bool) -> Iterator[tuple[str, Source]]:
    """The sources that make sense for `entry`, in the order in which they are tried."""
    if entry.layout == "sklearn":
        yield "scikit-learn", _from_sklearn
        return
    yield "prepared by TFDS", _from_prepared
    if entry.debian:
        yield "installed by Debian", lambda request: read_installed(request.entry)
    if download:
        yield "publisher", _from_publisher
        yield "TFDS preparation", _from_preparation
        if entry.debian:
            yield "apt-get", lambda request: download_package(request.entry, request.report)


def _store(request: _Request, arrays: Arrays, source: str) -> Dataset:
    """Verifies what a source delivered and caches it."""
    entry = request.entry
    dataset = assemble(
        entry.name,
        arrays,
        class_names=entry.class_names,
        source=source,
        channel_statistics=entry.channel_statistics,
    )
    if entry.digest is not None and dataset.digest != entry.digest:
        raise DataError(
            f"{source} is not the published {entry.name}: the SHA-256 of its arrays is "
            f"{dataset.digest}, expected is {entry.digest}"
        )
    try:
        write_cache(dataset, request.data_dir)
    except OSError as error:
        request.report(
            f"cannot cache {entry.name} in {request.data_dir} ({error.strerror}); going on "
            "without. Set JDEND_DATA_DIR to a folder that can be written"
        )
        return dataset
    return replace(read_cache(entry, request.data_dir), source=source)


def _from_folder(request: _Request, folder: Path) -> tuple[Arrays, str]:
    """Reads the folder that the caller named, and no other source."""
    if not folder.is_dir():
        raise DataError(
            f"{folder} is not a folder; give one with the files of {request.entry.name}"
        )
    try:
        arrays, prepared = read_prepared(request.entry, [folder], request.report)
        return arrays, f"prepared by TFDS in {prepared}"
    except Unavailable:
        pass
    try:
        return read_folder(request.entry, folder), f"files in {folder}"
    except Unavailable as error:
        raise DataError(f"{error}, and no data set prepared by TFDS either") from None


def _from_prepared(request: _Request) -> tuple[Arrays, str]:
    roots = default_roots(request.data_dir)
    arrays, folder = read_prepared(request.entry, roots, request.report)
    return arrays, f"prepared by TFDS in {folder}"


def _from_publisher(request: _Request) -> tuple[Arrays, str]:
    entry = request.entry
    folder = request.data_dir / "downloads" / entry.name
    try:
        files = [download(file, folder, request.report) for file in entry.files]
    except OSError as error:
        raise Unavailable(f"cannot write to {folder}: {error.strerror}") from error
    arrays = read_folder(entry, folder)
    for file in files:
        file.unlink()
    return arrays, "the publisher's files, downloaded, SHA-256 verified"


def _from_preparation(request: _Request) -> tuple[Arrays, str]:
    entry, root = request.entry, prepared_root(request.data_dir)
    require_tensorflow()
    servers = dict.fromkeys(urljoin(url, "/") for file in entry.files for url in file.urls)
    if not any(answers(server) for server in servers):
        # TFDS would retry for minutes.
        raise Unavailable(f"no server that publishes {entry.name} answers")
    request.report(f"TFDS prepares {entry.name}; this takes minutes")
    prepare(entry, root)
    arrays, folder = read_prepared(entry, [root], request.report)
    return arrays, f"downloaded and prepared by TFDS in {folder}"


def _from_sklearn(request: _Request) -> tuple[Arrays, str]:
    try:
        from sklearn import datasets
    except ImportError:
        raise Unavailable("needs scikit-learn: pip install 'jdend[digits]'") from None
    pixels, labels = datasets.load_digits(return_X_y=True)
    images = np.asarray(pixels).astype(np.uint8).reshape(-1, *request.entry.image_shape)
    arrays = (images, np.asarray(labels, np.int32), images[:0], np.zeros(0, np.int32))
    return arrays, "scikit-learn's load_digits"


def _nothing_worked(entry: Entry, failures: list[tuple[str, DataError]], download: bool) -> str:
    tried = "".join(f"\n  - {label}: {error}" for label, error in failures)
    if entry.layout == "sklearn":
        advice = "install scikit-learn: pip install 'jdend[digits]'"
    else:
        files = ", ".join(file.name for file in entry.files)
        command = f"python -m jdend.data fetch {entry.name} --from DIR"
        advice = f"put {files} into a folder and name it: {command}"
        if entry.debian:
            advice += f"; or, on Debian and Ubuntu, apt-get install {entry.debian[0]}"
        if not download:
            advice = f"allow downloads, or {advice}"
    return f"no source has {entry.name}. Tried:{tried}\nWhat to do: {advice}"
