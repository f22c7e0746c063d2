"""Searches on a Ray cluster find what one process finds, whatever becomes of its nodes."""

import signal
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from clusters import NODE, ended, figures, n_at_work, start, wait_for


def test_a_node_is_lost_and_another_comes(alone, two_nodes, tmp_path):
    words, table, of_one = alone
    search = start(*words, "--out", tmp_path / "out", "--cluster", two_nodes.address)
    wait_for(search, lambda: n_at_work(tmp_path / "out") >= 2)
    two_nodes.remove_node(next(iter(two_nodes.worker_nodes)), allow_graceful=False)
    two_nodes.add_node(wait=False, **NODE)
    shown, said = ended(search)
    assert " is lost: " in said
    assert "(raylet" not in said
    assert (shown, figures(tmp_path / "out")) == (table, of_one)


def test_the_driver_is_killed_and_goes_on(alone, two_nodes, tmp_path):
    words, table, of_one = alone
    words = (*words, "--out", tmp_path / "out", "--cluster", two_nodes.address, "--quiet")
    search = start(*words)
    wait_for(search, lambda: n_at_work(tmp_path / "out"))
    search.kill()
    assert search.wait() == -signal.SIGKILL
    shown, said = ended(start(*words, "--resume"))
    assert (shown, figures(tmp_path / "out"), said) == (table, of_one, "")


def test_sigterm_ends_it_within_ten_seconds_and_one_process_goes_on(alone, two_nodes, tmp_path):
    words, table, of_one = alone
    words = (*words, "--out", tmp_path / "out", "--quiet")
    search = start(*words, "--cluster", two_nodes.address)
    wait_for(search, lambda: n_at_work(tmp_path / "out"))
    begun = time.monotonic()
    search.send_signal(signal.SIGTERM)
    shown, said = search.communicate(timeout=60)
    assert time.monotonic() - begun < 10
    assert (search.returncode, said) == (130, "")
    assert "+ cut off after" in shown
    assert list((tmp_path / "out" / "populations").glob("*.safetensors"))
    assert ended(start(*words, "--resume", "--cluster", "none"))[0] == table
    assert figures(tmp_path / "out") == of_one


def test_without_workers_it_waits_and_says_so(alone, two_nodes, tmp_path):
    words, table, of_one = alone
    place = ("--out", tmp_path / "out", "--cluster", two_nodes.address, "--log-format", "json")
    search = start(*words, *place)
    wait_for(search, lambda: n_at_work(tmp_path / "out"))
    remove = partial(two_nodes.remove_node, allow_graceful=False)
    with ThreadPoolExecutor() as together:  # before the search is over
        list(together.map(remove, list(two_nodes.worker_nodes)))
    said = ""
    while "no workers: waiting for some, up to 600 seconds" not in said:
        said = search.stderr.readline()
        assert said, search.communicate()
    two_nodes.add_node(wait=False, **NODE)
    shown, _ = ended(search)
    assert (shown, figures(tmp_path / "out")) == (table, of_one)
