"""Timings as rows for a file and as a table for the eye."""

from statistics import median
from typing import NamedTuple

from peers.workers import Block, Peak
from peers.workload import Workload

# Rows that are the faster of several ways to do the same.
GROUPS = {
    "torch-sequential": {"torch-masked": "masked dense", "torch-gather": "gather"},
    "torch-vmap": {"torch-vmap-eager": "eager", "torch-vmap-compiled": "compiled"},
}


# Other processes' share of the processors from which a block counts as disturbed.
DISTURBED = 0.05


class Timing(NamedTuple):
    """How one implementation did.

    Attributes:
      error: by how much its losses and weights differ from those of the first implementation.
      peak: its memory.
    """

    name: str
    blocks: list[Block]
    error: float
    peak: Peak | None

    @property
    def milliseconds(self) -> list[float]:
        """Per trial and step, of each block."""
        return [block.milliseconds for block in self.blocks]

    @property
    def middle(self) -> float:
        """The median of `milliseconds`."""
        return median(self.milliseconds)


def rows_of(work: Workload, timings: list[Timing], bounds: dict[str, float]) -> list[dict]:
    """One row an implementation, the faster one of a group."""
    group_of = {name: group for group, members in GROUPS.items() for name in members}
    groups: dict[str, list[Timing]] = {}
    for timing in timings:
        groups.setdefault(group_of.get(timing.name, timing.name), []).append(timing)
    fastest = {group: min(some, key=lambda t: t.middle) for group, some in groups.items()}
    rows = []
    for group, timing in fastest.items():
        row = {
            "shape": work.shape,
            "seeds": work.seeds,
            "configurations": work.configurations,
            "implementation": group,
            "ms_per_trial_step": _short(timing.middle),
            "min": _short(min(timing.milliseconds)),
            "max": _short(max(timing.milliseconds)),
            "blocks": len(timing.blocks),
            "disturbed_blocks": sum(block.others > DISTURBED for block in timing.blocks),
            "differs_by": float(f"{timing.error:.1e}"),
        }
        if group in GROUPS:
            row["variant"] = GROUPS[group][timing.name]
            row["variants"] = {GROUPS[group][t.name]: _short(t.middle) for t in groups[group]}
        for peer in GROUPS:
            if peer in fastest:
                row[f"times_as_fast_as_{peer}"] = _ratio(fastest[peer], timing)
        if timing.peak is not None:
            row["peak_mib"] = round(timing.peak.at_most)
            row["mib_at_start"] = round(timing.peak.at_start)
            if timing.peak.on_device is not None:
                row["device_peak_mib"] = round(timing.peak.on_device)
        rows.append(
            row
            | {"batch": work.batch, "features": work.features, "platform": work.device}
            | {"projection_bounds_ms": {name: _short(ms) for name, ms in bounds.items()}}
        )
    return rows


def _ratio(peer: Timing, timing: Timing) -> list[float]:
    """How many times as fast: of medians, then the least and most of any round."""
    of_rounds = [a / b for a, b in zip(peer.milliseconds, timing.milliseconds, strict=True)]
    of_medians = peer.middle / timing.middle
    return [round(ratio, 2) for ratio in (of_medians, min(of_rounds), max(of_rounds))]


def _short(milliseconds: float) -> float:
    return float(f"{milliseconds:.4g}")


def print_table(rows: list[dict], bounds: dict[str, float]) -> None:
    """Prints the rows of one population, fastest first, and the projection's bounds."""
    print(
        f"{'':18}{'ms per trial and step':27}{'times as fast as PyTorch':32}{'memory':>10}\n"
        f"{'':18}{'median':>8}{'min':>8}{'max':>8}   {'sequential':16}{'vmap':16}"
        f"{'peak':>10}{'at start':>10}{'GPU':>8}  MiB"
    )
    for row in sorted(rows, key=lambda row: row["ms_per_trial_step"]):
        numbers = "".join(f"{row[key]:8.3f}" for key in ("ms_per_trial_step", "min", "max"))
        ratios = "".join(f"{_ratio_text(row.get(f'times_as_fast_as_{g}')):16}" for g in GROUPS)
        memory = f"{row.get('peak_mib', ''):>10}{row.get('mib_at_start', ''):>10}"
        memory += f"{row.get('device_peak_mib', ''):>8}"
        print(f"{row['implementation']:18}{numbers}   {ratios}{memory}")
    for row in rows:
        for variant, milliseconds in row.get("variants", {}).items():
            print(f"{row['implementation']}, {variant}: {milliseconds:.3f} ms")
    disturbed, blocks = (sum(row[key] for row in rows) for key in ("disturbed_blocks", "blocks"))
    if disturbed:
        print(
            f"in {disturbed} of {blocks} blocks other processes took a twentieth of the processors"
        )
    if bounds:
        print("the projection alone, forward and backward, takes at least", end=" ")
        print(", ".join(f"{ms:.4f} ms ({name})" for name, ms in bounds.items()))


def _ratio_text(ratio: list[float] | None) -> str:
    return "" if ratio is None else f"{ratio[0]:.2f} ({ratio[1]:.1f}–{ratio[2]:.1f}) "
