"""Shows what a search would do: its populations, their parameters, memory and time."""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import replace

from jdend._output import show
from jdend.data import Split
from jdend.models import Structure, count_params
from jdend.search.driver.schedule import Schedule
from jdend.search.driver.time_limit import TimeLimit
from jdend.search.driver.trainer import Trainer
from jdend.search.planning.calibration import corrected
from jdend.search.planning.population import PlannedPopulation, Trial
from jdend.search.planning.runtime import Forecast, forecast
from jdend.training import EVERY_DEVICE, Placement, block_shape, compiled_bytes, estimate_bytes

__all__ = ["describe_plan", "show_plan"]

# The table has at most so many rows, of the largest capacities.
MAX_ROWS = 24


def show_plan(
    schedule: Schedule,
    trainer: Trainer,
    time_limit: TimeLimit | None = None,
    *,
    compiled: bool = False,
) -> None:
    """Prints what would be trained; if the strategy learns, in the first generation only.

    Args:
      schedule: which trials the generations have.
      trainer: plans them.
      time_limit: the time limit of the search; None for no limit.
      compiled: whether to compile the programs, to show the memory that they take.
    """
    programs = trainer.shared_programs(schedule, time_limit.seconds if time_limit else None)
    trials: list[Trial] = []
    populations: list[PlannedPopulation] = []
    ends: list[int] = []
    for number in range(_n_shown(schedule)):
        proposed = schedule.propose(number, [])
        rungs = schedule.rungs(proposed)
        new = list(dict.fromkeys(map(schedule.trial, proposed)))
        for population in trainer.plan(new, within=programs):
            members = tuple(position + len(trials) for position in population.members)
            populations.append(replace(population, members=members))
        trials += new
        ends += (
            rungs.example() if rungs else [t.configuration.hyperparameters.n_epochs for t in new]
        )
    outline = trainer.data.outline
    expected = corrected(forecast(trials, populations, outline, ends), trainer.computing)
    where = trainer.placement
    show(describe_plan(trials, populations, outline, expected, compiled=compiled, placement=where))
    if time_limit is not None:
        a_trial = max(expected.training / max(1, len(trials)), 1e-9)
        show(_within(time_limit, schedule, expected.compiling, a_trial))
    elif _n_shown(schedule) != schedule.n_generations:
        show(_further(schedule, expected))


def _n_shown(schedule: Schedule) -> int:
    """How many generations can be shown: those that do not depend on results."""
    return 1 if schedule.learns else schedule.n_generations or 1


def _within(time_limit: TimeLimit, schedule: Schedule, compiling: float, a_trial: float) -> str:
    """How many trials there is time for, if each takes `a_trial` seconds."""
    n = max(0.0, time_limit.seconds - compiling) / a_trial
    n_generations, a_generation = schedule.n_generations, schedule.generation
    limit = n_generations * a_generation * len(schedule.problems) if n_generations else math.inf
    return (
        f"as many generations as end in {time_limit.seconds:g} s: about {min(n, limit):,.0f} trials"
    )


def _further(schedule: Schedule, first: Forecast) -> str:
    """What comes after the first generation; `first` is its forecast."""
    n = f"{schedule.n_generations - 1:,} more" if schedule.n_generations else "more"
    return (
        f"{n} generations of up to {schedule.generation:,} trials follow from what this one finds, "
        f"each\nabout {seconds(first.training)}"
    )


def describe_plan(
    trials: Sequence[Trial],
    planned: Sequence[PlannedPopulation],
    data: Split,
    expected: Forecast,
    *,
    compiled: bool = False,
    placement: Placement = EVERY_DEVICE,
    width: int = 80,
) -> str:
    """A table with a row for each capacity; `params` is that of its largest network, unpadded.

    Args:
      trials: the trials that were planned.
      planned: the populations in which they would be trained.
      data: a split with the right shapes; its contents are not read.
      expected: the time that it would take.
      compiled: whether to compile the programs, to show the memory that they take.
      placement: the devices that would train, and how much of a population at once.
      width: the largest number of columns.
    """
    lines = [f"{'trials':>6}  {'seeds':>5}  {'params':>9}  {'memory':>8}  shape"]
    indent = " " * (len(lines[0]) - len("shape"))
    capacities = _by_capacity(planned)
    largest_first = sorted(
        capacities, key=lambda populations: -count_params(populations[0].bucket.structure)
    )
    shown = {populations[0] for populations in largest_first[:MAX_ROWS]}
    largest = 0
    for populations in capacities:
        first = populations[0]
        members = [i for population in populations for i in population.members]
        if first not in shown:
            continue
        widest = max(populations, key=lambda population: population.width)
        memory = _memory(trials, widest, data, compiled, placement)
        largest = max(largest, memory)
        count = max(count_params(trials[i].configuration.structure) for i in members)
        figures = f"{len(members):>6}  {len(first.seeds):>5}  {count:>9,}  {_size(memory):>8}  "
        padded = "padded to " if first.bucket.padded else ""
        shape = textwrap.wrap(padded + _shape(first.bucket.structure), width - len(indent))
        lines += [figures + shape[0], *(indent + more for more in shape[1:])]
    if len(capacities) > MAX_ROWS:
        lines.append(f"and {len(capacities) - MAX_ROWS:,} smaller ones")
    n_trials = sum(len(population.members) for population in planned)
    n_programs = len({(p.bucket, len(p.seeds), p.width) for p in planned})
    lines.append(
        f"{n_trials:,} trials in {n_programs:,} programs; about {_size(largest)} at a time"
    )
    share = expected.padding / max(expected.training, 1e-9)
    lines.append(
        f"about {seconds(expected.training)} of training, {share:.0%} of it for padding; compiling"
    )
    lines.append(f"takes up to {seconds(expected.compiling)} where it was not done before")
    return "\n".join(lines)


def _by_capacity(planned: Sequence[PlannedPopulation]) -> list[list[PlannedPopulation]]:
    """The populations in groups that share capacity and seeds, and differ only in width."""
    capacities: dict[object, list[PlannedPopulation]] = {}
    for population in planned:
        capacities.setdefault((population.bucket, population.seeds), []).append(population)
    return list(capacities.values())


def _memory(
    trials: Sequence[Trial],
    population: PlannedPopulation,
    data: Split,
    compiled: bool,
    placement: Placement,
) -> int:
    bucket, seeds, width = population.bucket, population.seeds, population.width
    if not compiled:
        block = block_shape(bucket, width, len(seeds), data)
        return estimate_bytes(bucket, width, len(seeds) * data.n_folds, data, block=block)
    members = [trials[i].configuration for i in population.members]
    members += members[:1] * (width - len(members))
    return compiled_bytes(bucket, members, seeds, data, placement=placement)


def seconds(n: float) -> str:
    """A rounded time, in the unit that suits it."""
    if n < 90:
        return f"{n:.0f} s"
    return f"{n / 60:.0f} min" if n < 5400 else f"{n / 3600:.1f} h"


def _shape(structure: Structure) -> str:
    values = (f"{name}={value}" for name, value in structure.values)
    return " ".join([structure.architecture, *values, f"batch_size={structure.batch_size}"])


def _size(n_bytes: int) -> str:
    size = float(n_bytes)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
