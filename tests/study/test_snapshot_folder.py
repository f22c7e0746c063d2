"""Files of what is in training."""

from pathlib import Path

from jdend._files import replacing
from jdend.study import SnapshotFolder


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
