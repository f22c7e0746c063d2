"""How many processors there are to work with."""

import os

from jdend._processors import n_processors


def test_those_that_the_process_may_use_are_counted(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {4, 5, 9}, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 16)
    assert n_processors() == 3


def test_where_a_process_may_use_all_those_of_the_machine_are(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 16)
    assert n_processors() == 16
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert n_processors() == 1
