"""Would canonical capacities let one search's programs serve the next, different one?

    python experiments/second_search.py --json experiments/results/second_search.json

Twenty-one searches in the default space, which differ in budget (3,000 to 10,000), number of
trials, strategy, pruner and seed, are planned and not trained. A program is known by its bucket,
seeds, width and data, as in `--dry-run`. For each way to round up the sizes of padded capacities
(and, of kernels that do not train in blocks, all widths): how many searches after the first have no
program that none before them had, and what the cost model says of compiling the new ones and of
training, padding included. `--searches` and `--seed` are for others, `--budget` is for searches
that have the same one.
"""

import argparse
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from jdend import HyperparameterSearcher
from jdend.data import Dataset, from_arrays
from jdend.search import find_strategy
from jdend.search.driver.schedule import Schedule, default_generation
from jdend.search.planning.cost_model import column_count, cost_of
from jdend.search.planning.population import PlannedPopulation, Trial
from jdend.search.planning.runtime import Forecast, forecast
from jdend.search.pruners import find_pruner
from jdend.search.space.default_space import default_space
from jdend.training import trains_in_blocks

Up = Callable[[int], int]


def _powers(steps: int) -> Up:
    """The next whole number in a series of so many steps from one power of two to the next."""
    series = sorted({round(2 ** (k / steps)) for k in range(32 * steps)})
    return lambda n: next(value for value in series if value >= n)


# By the ratio of neighbours.
ROUNDINGS: dict[str, Up | None] = {
    "as planned": None,
    "1.26": _powers(3),
    "1.33 to 1.5": column_count,
    "2": _powers(1),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--searches", type=int, default=21)
    parser.add_argument("--seed", type=int, default=0, help="of the searches")
    parser.add_argument("--budget", type=int, help="of all; by default each has its own")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    images, labels = np.zeros((70_000, 28, 28), np.uint8), np.tile(np.arange(10), 7000)
    data = from_arrays(images[:60_000], labels[:60_000], images[60_000:], labels[60_000:])
    planned = [
        _search(options.seed, number, data, options.budget) for number in range(options.searches)
    ]
    rows = [_row(name, up, planned) for name, up in ROUNDINGS.items()]
    if options.json:
        content = {"searches": [settings for settings, *_ in planned], "roundings": rows}
        options.json.write_text(json.dumps(content, indent=1) + "\n")


def _search(seed: int, number: int, data: Dataset, budget: int | None):
    """A search's settings, its first generation, the plan of it, when its trials end, its data."""
    rng = np.random.default_rng([seed, number])
    settings = {
        "budget": round(math.exp(rng.uniform(math.log(3000), math.log(10_000)))),
        "n_trials": int(rng.choice([12, 20, 27, 40, 54, 81])),
        "strategy": str(rng.choice(["tpe", "random", "qmc"])),
        "pruner": str(rng.choice(["halving", "none"])),
    }
    settings["budget"] = budget or settings["budget"]
    searcher = HyperparameterSearcher(
        data, max_params=settings["budget"], seeds=2, search_seed=number, verbose=False
    )
    strategy, pruner = find_strategy(settings["strategy"]), find_pruner(settings["pruner"])
    schedule = Schedule(
        searcher._search_problems(lambda budget: default_space(budget, searcher.problem), None),
        strategy,
        entropy=(number, 0),
        seeds=(0, 1),
        n_trials=settings["n_trials"],
        generation=default_generation(strategy, settings["n_trials"], pruner),
        pruner=pruner,
    )
    programs = searcher._trainer.shared_programs(schedule)
    proposed = schedule.propose(0, [])
    trials, rungs = list(dict.fromkeys(map(schedule.trial, proposed))), schedule.rungs(proposed)
    populations = searcher._trainer.plan(trials, within=programs)
    return settings, trials, populations, rungs and rungs.example(), searcher._data.outline


def _row(name: str, up: Up | None, planned) -> dict[str, object]:
    known: set[str] = set()
    n_new, training, n_served = 0, 0.0, 0
    for number, (_, trials, populations, ends, outline) in enumerate(planned):
        expected = _expected(up, trials, populations, ends, outline)
        new = set(expected.programs) - known
        known |= new
        n_new += len(new)
        training += expected.training
        n_served += number > 0 and not new
    compiling = n_new * cost_of("native").program / 1000
    print(
        f"{name:12} {n_served} of {len(planned) - 1} find all their programs; {n_new} programs, "
        f"{compiling:.0f} s of compiling, {training:.0f} s of training",
        flush=True,
    )
    return {
        "ratio": name,
        "served": n_served,
        "programs": n_new,
        "compiling_s": round(compiling, 1),
        "training_s": round(training, 1),
    }


def _expected(
    up: Up | None, trials: list[Trial], populations: list[PlannedPopulation], ends, outline
) -> Forecast:
    if up is not None:
        populations = [_rounded(population, up, outline.in_features) for population in populations]
    return forecast(trials, populations, outline, ends)


def _rounded(population: PlannedPopulation, up: Up, n_features: int) -> PlannedPopulation:
    bucket = population.bucket
    if bucket.padded:
        sizes = {name: min(up(n), n_features) for name, n in bucket.structure.sizes.items()}
        bucket = replace(bucket, structure=bucket.structure.with_sizes(sizes))
    if trains_in_blocks(bucket):  # whose width does not follow from the population's
        return replace(population, bucket=bucket)
    return replace(population, bucket=bucket, width=up(population.width))


if __name__ == "__main__":
    main()
