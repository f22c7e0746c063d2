"""How soon a search notices that a node of its Ray cluster is lost.

    python experiments/lost_node.py

A cluster of four nodes on this machine (`ray.cluster_utils.Cluster`), with the health checks that
`--cluster local` sets. While a search is at work, one node is killed (SIGKILL), or all of its
processes are stopped (SIGSTOP), as if its machine had gone; timed is the search's line about it.
"""

import argparse
import json
import logging
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ray.cluster_utils import Cluster

from jdend.search.executors.cluster import HEALTH
from jdend.study import trials_in_training

SPACE = """
n_neurons = [6, 8, 10, 12]
n_dendrites = 4
n_dendrite_inputs = 12
lr = {type = "uniform", low = 1e-3, high = 5e-2, log = true}
"""
SEARCH = [
    *(sys.executable, "-m", "jdend.search", "--dataset", "digits", "--budget", "1000"),
    *("--min-ratio", "0.2", "--strategy", "random", "--buckets", "exact", "--seeds", "1"),
    *("--trials", "64", "--generation", "64", "--epochs", "4000", "--batch-size", "256"),
    *("--log-format", "json", "--no-report"),
]
NODE = {"num_cpus": 1, "object_store_memory": 100 << 20, "include_dashboard": False}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, default=Path("experiments/results/lost_node.json"))
    options = parser.parse_args()
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    health = {f"health_check_{name}": value for name, value in HEALTH.items()}
    cluster = Cluster(
        initialize_head=True, head_node_args={**NODE, "num_cpus": 0, "_system_config": health}
    )
    for _ in range(4):
        cluster.add_node(wait=False, **NODE)
    cluster.wait_for_nodes()
    seconds: dict[str, list[float]] = {"killed": [], "stopped": []}
    try:
        for _ in range(options.repeats):
            for how, found in seconds.items():
                found.append(round(_seconds(cluster, how), 2))
                print(f"{how}: noticed after {found[-1]:.2f} s", flush=True)
                cluster.add_node(wait=True, **NODE)
    finally:
        cluster.shutdown()
    medians = {how: statistics.median(found) for how, found in seconds.items()}
    content = {"seconds": seconds, "medians": medians, "cores": os.cpu_count()}
    options.json.write_text(json.dumps(content, indent=1) + "\n")


def _seconds(cluster: Cluster, how: str) -> float:
    """From the loss of a node to the line about it."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "space.toml").write_text(SPACE)
        out = Path(folder) / "out"
        search = subprocess.Popen(
            [
                *SEARCH,
                "--space",
                f"{folder}/space.toml",
                "--out",
                out,
                "--cluster",
                str(cluster.address),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert search.stderr is not None
        while not any(trial.epoch >= 20 for trial in trials_in_training(out)):
            assert search.poll() is None, search.stderr.read()
            time.sleep(0.05)
        node = next(iter(cluster.worker_nodes))
        stopped = _processes(node) if how == "stopped" else []
        begun = time.monotonic()
        if how == "killed":
            cluster.remove_node(node, allow_graceful=False)
        for process in stopped:
            os.kill(process, signal.SIGSTOP)
        said = ""
        while " is lost" not in said:
            said = search.stderr.readline()
            assert said, "the search ended"
        seconds = time.monotonic() - begun
        search.terminate()
        search.wait()
        for process in stopped:
            os.kill(process, signal.SIGCONT)
        if stopped:
            cluster.remove_node(node, allow_graceful=False)
    return seconds


def _processes(node) -> list[int]:
    """The processes of a node: its raylet and all that this has started."""
    found = [p.process.pid for infos in node.all_processes.values() for p in infos]
    for process in found:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
        found += map(int, children)
    return found


if __name__ == "__main__":
    main()
