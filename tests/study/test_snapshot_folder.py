"""Files of what is in training."""

import math
from pathlib import Path

import pytest

from jdend._files import replacing
from jdend.study import SnapshotFolder, TrialInTraining, trials_in_training


def test_a_finished_generation_takes_along_what_a_kill_left_half_written(tmp_path):
    snapshots = SnapshotFolder(tmp_path, 1)
    snapshots.write(0, "0", "settings", b"whole")
    (path,) = (tmp_path / "populations").iterdir()
    with replacing(path) as file:
        begun = Path(file.name)
    begun.write_bytes(b"beg")
    snapshots.clear(0)
    assert not (tmp_path / "populations").exists()


def test_what_another_generation_has_in_training_stays(tmp_path):
    snapshots = SnapshotFolder(tmp_path, 1)
    snapshots.write(0, "0", "settings", b"first")
    snapshots.write(10, "0", "settings", b"other")
    snapshots.clear(0)
    snapshots.clear(1)
    assert snapshots.read(10, "0", "settings") == b"other"


def test_a_snapshot_of_other_settings_is_not_read_and_that_is_said(tmp_path):
    said = []
    snapshots = SnapshotFolder(tmp_path, 1, said.append)
    assert snapshots.read(0, "0", "new") is None
    assert said == []  # there is none
    snapshots.write(0, "0", "old", b"old")
    snapshots.write(0, "1", "new", b"of another population")
    assert snapshots.read(0, "0", "new") is None
    (line,) = said
    (there,) = (tmp_path / "populations").glob("1-0-0.*")
    assert line == (
        f"{there} is of another population or version: that part of the generation trains anew"
    )


def test_a_population_has_one_snapshot(tmp_path):
    snapshots = SnapshotFolder(tmp_path, 1)
    for identity, content in (("old", b"old"), ("new", b"first"), ("new", b"last")):
        snapshots.write(0, "0", identity, content)
    assert len(list((tmp_path / "populations").iterdir())) == 1
    assert snapshots.read(0, "0", "new") == b"last"


def test_searches_of_one_folder_do_not_read_each_other_s(tmp_path):
    SnapshotFolder(tmp_path, 1).write(0, "0", "settings", b"first")
    assert SnapshotFolder(tmp_path, 2).read(0, "0", "settings") is None


def test_what_cannot_be_kept_is_said_once(tmp_path):
    (tmp_path / "populations").touch()
    said = []
    snapshots = SnapshotFolder(tmp_path, 1, said.append)
    snapshots.write(0, "0", "settings", b"whole")
    (line,) = said
    assert line.startswith(f"cannot keep what is in training in {tmp_path / 'populations'}: ")
    snapshots.write(0, "0", "settings", b"whole")
    assert said == [line]


TRIALS = [TrialInTraining("mlp", 700, 3, 10, 0.5), TrialInTraining("mlp", 800, 0, 10, None)]


def test_who_watches_reads_the_trials_of_all_searches(tmp_path):
    assert trials_in_training(tmp_path) == []
    first, second = SnapshotFolder(tmp_path, 1), SnapshotFolder(tmp_path, 2)
    first.tell(0, TRIALS)
    second.tell(0, TRIALS[:1])
    assert trials_in_training(tmp_path) == [*TRIALS, TRIALS[0]]
    first.clear(0)
    assert trials_in_training(tmp_path) == TRIALS[:1]


@pytest.mark.parametrize("content", ["", "[3]", '[{"epoch": 1}]', '[{"unknown": 1}]'])
def test_what_is_half_written_counts_for_nothing(tmp_path, content):
    SnapshotFolder(tmp_path, 1).tell(0, TRIALS)
    (tmp_path / "populations" / "1-1-training.json").write_text(content)
    assert trials_in_training(tmp_path) == TRIALS


def test_a_trial_in_training_ranks_by_its_metric():
    assert TRIALS[0].score == 0.5
    assert TRIALS[1].score == -math.inf
    assert TrialInTraining("mlp", 700, 3, 10, 0.5, "log_loss", minimised=True).score == -0.5
