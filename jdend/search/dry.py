"""What a search would do: its populations, their parameters and their memory."""

import textwrap
from collections.abc import Sequence

from jdend.data import Split
from jdend.models import Structure, count_params
from jdend.search.buckets import Group, Trial
from jdend.training import estimate_bytes

__all__ = ["describe_plan"]


def describe_plan(
    trials: Sequence[Trial], groups: Sequence[Group], data: Split, *, width: int = 80
) -> str:
    """A table of populations, each with its largest network's parameters, padding left out.

    Args:
      trials: what was planned.
      groups: in which they would be trained.
      data: of the right shapes; its contents are not read.
      width: columns at most.
    """
    lines = [f"{'trials':>6}  {'seeds':>5}  {'params':>9}  {'memory':>8}  shape"]
    indent = " " * (len(lines[0]) - len("shape"))
    largest = 0
    for group in groups:
        n_trials, n_seeds = len(group.members), len(group.seeds)
        memory = estimate_bytes(group.bucket, n_trials, n_seeds, data)
        largest = max(largest, memory)
        true = (trials[i].configuration.structure for i in group.members)
        count = max(count_params(structure) for structure in true)
        figures = f"{n_trials:>6}  {n_seeds:>5}  {count:>9,}  {_size(memory):>8}  "
        padded = "padded to " if group.bucket.padded else ""
        shape = textwrap.wrap(padded + _shape(group.bucket.structure), width - len(indent))
        lines += [figures + shape[0], *(indent + more for more in shape[1:])]
    n_trials = sum(len(group.members) for group in groups)
    lines.append(
        f"{n_trials:,} trials in {len(groups):,} programs; about {_size(largest)} at a time"
    )
    return "\n".join(lines)


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
