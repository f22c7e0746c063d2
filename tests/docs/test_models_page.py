"""docs/models.md does what it says."""

from code_blocks import ROOT, run


def test_every_code_block_runs(tmp_path):
    run(ROOT / "docs" / "models.md", tmp_path)
