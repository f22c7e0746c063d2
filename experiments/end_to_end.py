"""A whole search, timed from end to end beside the same search as a loop in PyTorch.

    python experiments/end_to_end.py

24 settings of rate and decay, two seeds each: 48 networks of 12 neurons, 6 dendrites and 96 inputs
train for 15 epochs on Fashion-MNIST. Of its 60,000 training images a tenth is held out for
validation, so 54,000 are trained on; the validation part is measured after every epoch, training
and test parts at the end. Resampling is off. jdend's time includes compiling, with no compiled
program kept from an earlier run.

The loop trains one network after another, masked dense with fused AdamW. All its networks take the
same time, so only some are trained, half of them before jdend's search and half after, and the time
is scaled; `--torch-networks 48` trains all. Each side runs in a process of its own.
"""

import argparse
import itertools
import json
import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from peers.machine import processor
from peers.surroundings import has_torch
from peers.workers import limit_threads
from peers.workload import Workload

RATES = (5e-4, 1e-3, 2e-3, 3e-3, 5e-3, 1e-2)
DECAYS = (0.0, 0.01, 0.03, 0.1)
N_SEEDS = 2
N_NETWORKS = len(RATES) * len(DECAYS) * N_SEEDS


def main() -> None:
    options = _parse()
    work = Workload(12, 6, 96, threads=options.threads)
    settings = [{"lr": lr, "weight_decay": wd} for lr, wd in itertools.product(RATES, DECAYS)]
    # Those of the middle first: which ones does not matter to the time.
    some = (settings[9:] + settings[:9])[: options.torch_networks // N_SEEDS]
    halves = [some[: len(some) // 2], some[len(some) // 2 :]] if has_torch() else []
    loops = [_in_a_process(_loop, work, halves[0], options.epochs)] if halves else []
    search = _in_a_process(_search, work, options.epochs)
    loops += [_in_a_process(_loop, work, halves[1], options.epochs)] if halves else []

    result = {
        "command": f"python experiments/end_to_end.py --torch-networks {options.torch_networks}",
        "device": processor(),
        "threads": options.threads,
        "networks": N_NETWORKS,
        "epochs": options.epochs,
        "jdend": search,
    }
    print(
        f"jdend: {N_NETWORKS} networks in {search['seconds']:.1f} s, of which compiling "
        f"{search['compile_seconds']:.1f} s; {search['process_seconds']:.1f} s with the "
        f"interpreter's start and imports; memory at peak {search['peak_mib']:.0f} MiB"
    )
    if loops:
        result["torch"] = torch = _scaled(loops)
        print(
            f"PyTorch, one after another: {torch['networks_trained']} networks in "
            f"{torch['seconds_trained']:.1f} s ({torch['least']:.2f} to {torch['most']:.2f} s "
            f"each), so {N_NETWORKS} in {torch['seconds']:.0f} s: "
            f"{torch['seconds'] / search['seconds']:.1f} times as long"
        )
        same = [search["test_accuracy"][settings.index(setting)] for setting in some]
        result["test_accuracy_of_the_same_settings"] = pair = {
            "jdend": sum(same) / len(same),
            "torch": sum(torch["test_accuracy"]) / len(torch["test_accuracy"]),
        }
        print(f"mean test accuracy of these settings: jdend {pair['jdend']:.4f}, "
              f"PyTorch {pair['torch']:.4f}")  # fmt: skip
    else:
        print("PyTorch is not installed, so its loop is left out: pip install 'jdend[bench]'")
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(result, indent=1) + "\n")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--torch-networks", type=int, default=8, help="a multiple of 4 up to 48")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, default=Path("experiments/results/end_to_end.json"))
    options = parser.parse_args()
    if options.torch_networks not in range(4, N_NETWORKS + 1, 4):
        parser.error(f"--torch-networks {options.torch_networks} is no multiple of 4 up to 48")
    return options


def _in_a_process(function: Callable[..., dict[str, Any]], *arguments) -> dict[str, Any]:
    """What a function returns in a process of its own, and how long that took altogether."""
    begun = time.perf_counter()
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        answer = pool.submit(function, *arguments).result()
    return {**answer, "process_seconds": round(time.perf_counter() - begun, 2)}


def _search(work: Workload, n_epochs: int) -> dict[str, Any]:
    """jdend's search: a grid of 24 settings, two seeds each."""
    limit_threads(work)
    from peers.workers import peak_rss

    from jdend import HyperparameterSearcher
    from jdend.training import compilations

    begun = time.perf_counter()
    searcher = HyperparameterSearcher(
        "fashion-mnist",
        n_epochs=n_epochs,
        seeds=N_SEEDS,
        defaults="toolkit",
        compile_cache=False,
        verbose=False,
    )
    results = searcher.grid_search(
        {
            "n_neurons": work.neurons,
            "n_dendrites": work.dendrites,
            "n_dendrite_inputs": work.synapses,
            "synaptic_resampling": False,
            "lr": list(RATES),
            "weight_decay": list(DECAYS),
        }
    )
    return {
        "seconds": round(time.perf_counter() - begun, 2),
        "compile_seconds": round(compilations().seconds, 2),
        "peak_mib": round(peak_rss()),
        "test_accuracy": [round(float(result.test_accuracy), 4) for result in results],
    }


def _loop(work: Workload, settings: list[dict[str, float]], n_epochs: int) -> dict[str, Any]:
    """Some settings, two seeds each, one network after another in PyTorch."""
    limit_threads(work)
    from peers.torch_search import train_all

    from jdend.data import load, split

    trained = train_all(
        work, split(load("fashion-mnist")), settings, list(range(N_SEEDS)), n_epochs
    )
    return {
        "seconds": [one.seconds for one in trained],
        "test_accuracy": [one.test_accuracy for one in trained],
    }


def _scaled(loops: list[dict[str, Any]]) -> dict[str, Any]:
    """What all networks would take in the loop, from those that were trained."""
    seconds = [second for loop in loops for second in loop["seconds"]]
    return {
        "networks_trained": len(seconds),
        "seconds_trained": round(sum(seconds), 2),
        "least": round(min(seconds), 3),
        "most": round(max(seconds), 3),
        "seconds": round(sum(seconds) / len(seconds) * N_NETWORKS, 1),
        "test_accuracy": [
            round(accuracy, 4) for loop in loops for accuracy in loop["test_accuracy"]
        ],
    }


if __name__ == "__main__":
    main()
