import hashlib

import pytest

from jdend.data import _download
from jdend.data._catalog import PublishedFile
from jdend.data._download import answers, download
from jdend.data._errors import Unavailable

CONTENT = bytes(range(256)) * 4000


def published(site, name="file.gz", content=CONTENT) -> PublishedFile:
    site.pages.setdefault(name, content)
    return PublishedFile(name, (site.url + name,), hashlib.sha256(content).hexdigest())


def test_a_file_arrives_whole(site, tmp_path):
    path = download(published(site), tmp_path / "new", print)
    assert path.read_bytes() == CONTENT


def test_a_cut_connection_is_resumed_where_it_broke(site, tmp_path):
    site.cut_after = [300_000, 200_000]
    path = download(published(site), tmp_path, print)
    assert path.read_bytes() == CONTENT
    asked = [None, "bytes=300000-", "bytes=500000-"]
    assert site.asked == [("file.gz", given) for given in asked]


def test_a_later_call_goes_on_where_an_earlier_one_gave_up(site, tmp_path):
    site.cut_after = [1000, 1000, 1000, 1000]
    with pytest.raises(Unavailable, match=r"broke .* 4 times; run it again to go on"):
        download(published(site), tmp_path, print)
    assert download(published(site), tmp_path, print).read_bytes() == CONTENT
    assert site.asked[-1] == ("file.gz", "bytes=4000-")


def test_a_server_that_cannot_resume_sends_it_from_the_start(site, tmp_path):
    site.cut_after, site.ranges = [1000], False
    assert download(published(site), tmp_path, print).read_bytes() == CONTENT


def test_a_whole_partial_file_is_not_downloaded_again(site, tmp_path):
    (tmp_path / "file.gz.part").write_bytes(CONTENT)
    assert download(published(site), tmp_path, print).read_bytes() == CONTENT


def test_a_partial_file_of_something_else_is_replaced(site, tmp_path):
    (tmp_path / "file.gz.part").write_bytes(b"something else")
    assert download(published(site), tmp_path, print).read_bytes() == CONTENT


def test_a_wrong_checksum_is_refused_and_leaves_nothing(site, tmp_path):
    file = published(site)
    site.pages["file.gz"] = b"not what was published"
    with pytest.raises(Unavailable, match="wrong checksum"):
        download(file, tmp_path, print)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_names_address_and_reason(site, tmp_path):
    file = published(site)
    site.pages.clear()
    with pytest.raises(Unavailable, match=r"http://127.0.0.1:\d+/file.gz: 404 Not Found"):
        download(file, tmp_path, print)


def test_the_second_address_is_tried_when_the_first_fails(site, tmp_path):
    file = published(site)
    both = PublishedFile(file.name, (site.url + "gone", *file.urls), file.sha256)
    assert download(both, tmp_path, print).read_bytes() == CONTENT


def test_a_file_that_is_there_is_used_without_asking(site, tmp_path):
    (tmp_path / "file.gz").write_bytes(CONTENT)
    download(published(site), tmp_path, print)
    assert site.asked == []


def test_no_server_is_unavailable(site, tmp_path):
    file = PublishedFile("file.gz", ("http://127.0.0.1:1/file.gz",), "")
    with pytest.raises(Unavailable, match="Connection refused"):
        download(file, tmp_path, print)


def test_a_server_that_does_not_answer_is_given_up(tmp_path, monkeypatch):
    import socket

    monkeypatch.setattr(_download, "CONNECT_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/file.gz"
        with pytest.raises(Unavailable, match=r"no answer within 0.1 s"):
            download(PublishedFile("file.gz", (url,), ""), tmp_path, print)


def test_a_server_answers_even_with_an_error(site):
    assert answers(site.url + "absent")
    assert not answers("http://127.0.0.1:1/")


def test_progress_is_reported(site, tmp_path):
    lines: list[str] = []
    download(published(site), tmp_path, lines.append)
    assert lines == ["file.gz: 1.0 MB downloaded"]
