"""Small real searches as processes, and what they found."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# One shape, so that all generations share the programs that the cache of compiled ones keeps.
SPACE = """
n_neurons = 8
n_dendrites = 4
n_dendrite_inputs = 12
lr = {type = "uniform", low = 1e-3, high = 5e-2, log = true}
weight_decay = [0.0, 1e-3, 1e-2]
"""
SMALL = ("--strategy", "random", "--dataset", "digits", "--budget", "600", "--batch-size", "256",
         "--seeds", "1", "--epochs", "3", "--quiet", "--no-report")  # fmt: skip


def options(folder: Path) -> tuple[str, ...]:
    """Of a small search, whose space is written to a folder."""
    (folder / "space.toml").write_text(SPACE)
    return (*SMALL, "--space", str(folder / "space.toml"))


def start(*arguments) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "jdend.search", *map(str, arguments)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def run(*arguments) -> str:
    """What a search prints; it must succeed."""
    process = start(*arguments)
    shown, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    return shown


def figures(folder: Path) -> list[dict]:
    """All that `results.json` holds but times."""
    records = json.loads((folder / "results.json").read_text())
    return [{k: v for k, v in record.items() if k != "train_time"} for record in records]
