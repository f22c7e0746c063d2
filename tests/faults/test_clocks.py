"""A clock that jumps: no duration follows it."""

import json
import time

from jdend.study import Effort, Study


def test_a_clock_that_is_put_back_makes_no_duration_negative(tmp_path, monkeypatch):
    study = Study(tmp_path / "run")
    study.add([], config={}, effort=Effort(), device={})
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 1e6)
    study.write()
    assert 0 <= json.loads((tmp_path / "run" / "run.json").read_text())["wall_seconds"] < 1e5
