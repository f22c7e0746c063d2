"""A Ray cluster of several nodes on this machine, and small searches on it as processes."""

import json
import logging
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from ray.cluster_utils import Cluster

from jdend.search.executors.cluster import HEALTH
from jdend.study import trials_in_training

ROOT = Path(__file__).parents[3]
# Four shapes, each a population of its own.
SPACE = """
n_neurons = [6, 8, 10, 12]
n_dendrites = 4
n_dendrite_inputs = 12
lr = {type = "uniform", low = 1e-3, high = 5e-2, log = true}
weight_decay = {type = "uniform", low = 1e-4, high = 1e-1, log = true}
synaptic_resampling = false
"""
SMALL = ("--strategy", "random", "--dataset", "digits", "--budget", "1000", "--min-ratio", "0.2")
SMALL += ("--batch-size", "256", "--seeds", "1", "--buckets", "exact", "--no-report")
# A node has one core, and little room: data are small.
NODE = {"num_cpus": 1, "object_store_memory": 100 << 20, "include_dashboard": False}


@contextmanager
def cluster(n_nodes):
    """A cluster of so many nodes, and a head that trains nothing."""
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    health = {f"health_check_{name}": value for name, value in HEALTH.items()}
    head = {**NODE, "num_cpus": 0, "_system_config": health}
    made = Cluster(initialize_head=True, head_node_args=head)
    try:
        for _ in range(n_nodes):
            made.add_node(wait=False, **NODE)
        made.wait_for_nodes()
        yield made
    finally:
        made.shutdown()


def options(folder, *, trials, epochs, generation):
    """Of a small search with halving, whose space is written to a folder."""
    (folder / "space.toml").write_text(SPACE)
    numbers = {"trials": trials, "epochs": epochs, "generation": generation}
    words = [word for name, n in numbers.items() for word in (f"--{name}", str(n))]
    return (*SMALL, *words, "--pruner", "halving", "--space", str(folder / "space.toml"))


def start(*arguments, **keywords):
    return subprocess.Popen(
        [sys.executable, "-m", "jdend.search", *map(str, arguments)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **keywords,
    )  # fmt: skip


def ended(process, seconds=180):
    """What a search prints, and what it says; it must succeed."""
    shown, said = process.communicate(timeout=seconds)
    assert process.returncode == 0, said
    return shown, said


def wait_for(process, happened, seconds=120):
    """Returns when something has happened while a search runs."""
    until = time.monotonic() + seconds
    while not happened():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.05)


def n_at_work(folder):
    """How many shapes have trials with an epoch behind them: so many nodes are at work."""
    return len({trial.total_params for trial in trials_in_training(folder) if trial.epoch})


def figures(folder):
    """All that `results.json` holds but times."""
    records = json.loads((folder / "results.json").read_text())
    return [{k: v for k, v in record.items() if k != "train_time"} for record in records]
