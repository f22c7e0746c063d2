"""What a search would do: its populations, their parameters, their memory and their time."""

import textwrap
from collections.abc import Sequence

from jdend.data import Split
from jdend.models import Structure, count_params
from jdend.search.planning.population import PlannedPopulation, Trial
from jdend.search.planning.runtime import Forecast
from jdend.training import compiled_bytes, estimate_bytes

__all__ = ["describe_plan", "seconds"]

# Of more populations, those of the largest capacities are shown.
MOST_ROWS = 24


def describe_plan(
    trials: Sequence[Trial],
    groups: Sequence[PlannedPopulation],
    data: Split,
    expected: Forecast,
    *,
    compiled: bool = False,
    width: int = 80,
) -> str:
    """A table: a row a capacity, with the parameters of its largest network, padding left out.

    Args:
      trials: what was planned.
      groups: in which they would be trained.
      data: of the right shapes; its contents are not read.
      expected: how long it would take.
      compiled: whether to compile the programs, for what the compiler says of their memory.
      width: columns at most.
    """
    lines = [f"{'trials':>6}  {'seeds':>5}  {'params':>9}  {'memory':>8}  shape"]
    indent = " " * (len(lines[0]) - len("shape"))
    populations = _by_bucket(groups)
    by_capacity = sorted(populations, key=lambda some: -count_params(some[0].bucket.structure))
    shown = {some[0] for some in by_capacity[:MOST_ROWS]}
    largest = 0
    for some in populations:
        first, members = some[0], [i for group in some for i in group.members]
        if first not in shown:
            continue
        memory = _memory(trials, max(some, key=lambda group: group.width), data, compiled)
        largest = max(largest, memory)
        count = max(count_params(trials[i].configuration.structure) for i in members)
        figures = f"{len(members):>6}  {len(first.seeds):>5}  {count:>9,}  {_size(memory):>8}  "
        padded = "padded to " if first.bucket.padded else ""
        shape = textwrap.wrap(padded + _shape(first.bucket.structure), width - len(indent))
        lines += [figures + shape[0], *(indent + more for more in shape[1:])]
    if len(populations) > MOST_ROWS:
        lines.append(f"and {len(populations) - MOST_ROWS:,} smaller ones")
    n_trials = sum(len(group.members) for group in groups)
    n_programs = len({(group.bucket, len(group.seeds), group.width) for group in groups})
    lines.append(
        f"{n_trials:,} trials in {n_programs:,} programs; about {_size(largest)} at a time"
    )
    share = expected.padding / max(expected.training, 1e-9)
    lines.append(
        f"about {seconds(expected.training)} of training, {share:.0%} of it for padding; compiling"
    )
    lines.append(f"takes up to {seconds(expected.compiling)} where it was not done before")
    return "\n".join(lines)


def _by_bucket(groups: Sequence[PlannedPopulation]) -> list[list[PlannedPopulation]]:
    """Those that share capacity and seeds: a program for each of their widths."""
    found: dict[object, list[PlannedPopulation]] = {}
    for group in groups:
        found.setdefault((group.bucket, group.seeds), []).append(group)
    return list(found.values())


def _memory(trials: Sequence[Trial], group: PlannedPopulation, data: Split, compiled: bool) -> int:
    if not compiled:
        return estimate_bytes(group.bucket, group.width, len(group.seeds), data)
    members = [trials[i].configuration for i in group.members]
    members += members[:1] * (group.width - len(members))
    return compiled_bytes(group.bucket, members, group.seeds, data)


def seconds(n: float) -> str:
    """A time, rounded, for a person."""
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
