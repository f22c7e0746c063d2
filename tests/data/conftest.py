"""A local web server, and a data set small enough to be served by it."""

import gzip
import hashlib
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from idx_writing import idx_bytes

from jdend.data import _catalog
from jdend.data._catalog import Entry, PublishedFile, find


@dataclass
class Site:
    """What the server offers, how it misbehaves and what it was asked."""

    url: str
    pages: dict[str, bytes] = field(default_factory=dict)
    cut_after: list[int] = field(default_factory=list)
    """For each answer still to come, how many bytes to send before the connection is cut."""
    ranges: bool = True
    asked: list[tuple[str, str | None]] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        site: Site = self.server.site  # type: ignore[attr-defined]
        name, asked = self.path.lstrip("/"), self.headers.get("Range")
        site.asked.append((name, asked))
        page = site.pages.get(name)
        if page is None:
            self.send_error(404, "Not Found")
            return
        start = 0
        match = re.fullmatch(r"bytes=(\d+)-", asked or "")
        if match and site.ranges:
            start = int(match[1])
            if start >= len(page):
                self.send_error(416, "Range Not Satisfiable")
                return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(page) - start))
        self.end_headers()
        stop = start + site.cut_after.pop(0) if site.cut_after else len(page)
        self.wfile.write(page[start:stop])

    def do_HEAD(self) -> None:
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[Site]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.site = Site(f"http://127.0.0.1:{server.server_port}/")  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.site  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()
    thread.join()


@dataclass(frozen=True)
class Tiny:
    """A published data set of 30 training and 10 test images of 5 by 4 pixels in 10 classes."""

    entry: Entry
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    files: dict[str, bytes]
    """The content of the four gzipped IDX files by name."""


@pytest.fixture
def tiny(site: Site, tmp_path, monkeypatch: pytest.MonkeyPatch) -> Tiny:
    """A data set named `tiny` in a catalogue of its own, offered by `site`, cached nowhere yet."""
    rng = np.random.default_rng(0)
    arrays = (
        rng.integers(0, 256, (30, 5, 4, 1), np.uint8),
        (np.arange(30) % 10).astype(np.int32),
        rng.integers(0, 256, (10, 5, 4, 1), np.uint8),
        np.arange(10, dtype=np.int32),
    )
    names = [file.name for file in find("mnist").files]
    contents = [gzip.compress(idx_bytes(a[..., 0] if a.ndim == 4 else a)) for a in arrays]
    files = dict(zip(names, contents, strict=True))
    entry = Entry(
        name="tiny",
        image_shape=(5, 4, 1),
        n_train=30,
        n_test=10,
        class_names=tuple("abcdefghij"),
        about="for tests",
        tfds="tiny",
        files=tuple(
            PublishedFile(name, (site.url + name,), hashlib.sha256(content).hexdigest())
            for name, content in files.items()
        ),
    )
    site.pages.update(files)
    monkeypatch.setattr(_catalog, "ENTRIES", (entry,))
    monkeypatch.setenv("JDEND_DATA_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    return Tiny(entry, *arrays, files)
