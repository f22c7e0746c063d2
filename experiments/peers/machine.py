"""What this machine is, what it can do at best, and the bound that follows."""

import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path

from machine_rates import measure

from peers.workload import Workload


@dataclass(frozen=True)
class Rates:
    """Of all threads together: GB/s read from each level, and GFLOP/s of multiply-adds.

    They are one core's, times the threads. For memory, which cores share, that is more than there
    is, so its bound is a loose one.
    """

    first_level: float
    second_level: float
    memory: float
    arithmetic: float


def measured_rates(threads: int) -> Rates | str:
    """The machine's rates; or why they are not known."""
    try:
        one_core = measure()
    except subprocess.CalledProcessError as error:
        return f"the machine's rates were not measured: {error}"
    if one_core is None:
        return "the machine's rates were not measured: no C++ compiler"
    names = ("read_16_kb_gbs", "read_512_kb_gbs", "read_131072_kb_gbs", "multiply_add_gflops")
    return Rates(*(threads * one_core[name] for name in names))


def projection_bounds(work: Workload, rates: Rates) -> dict[str, float]:
    """Milliseconds a trial's projection takes at least, forward and backward, by what binds it.

    Either pass reads one row of the transposed batch, `B` floats, for each synapse, and does as
    many multiply-adds. Where the rows come from is the kernel's choice: a whole batch of 256 x 784
    floats fits a second-level cache, a slice of it a first-level one.

    Images that stay bytes are a quarter of that to read, and an instruction of VNNI's multiplies
    four times as many of them as one of floats, by one of the three limbs of a weight.
    """
    synapses = work.neurons * work.dendrites * work.synapses
    products = 2 * synapses * work.batch
    size, instructions = (1, 3 / 4) if _stay_bytes() else (4, 1)
    return {
        "arithmetic": 2 * products * instructions / rates.arithmetic / 1e6,
        "first-level cache": size * products / rates.first_level / 1e6,
        "second-level cache": size * products / rates.second_level / 1e6,
        "memory": size * products / rates.memory / 1e6,
    }


def _stay_bytes() -> bool:
    """Whether jdend's native kernel multiplies images as bytes."""
    asked = os.environ.get("JDEND_INSTRUCTION_SET", "avx512_vnni")
    return asked == "avx512_vnni" and "avx512_vnni" in _cpuinfo().get("flags", "").split()


def processor() -> str:
    """The processor's name, as well as the system tells it; of x86 with family and model, since
    clouds give one name to several generations, and its widest vectors."""
    said = _cpuinfo()
    name = said.get("model name") or platform.processor() or platform.machine()
    if "cpu family" not in said:
        return name
    flags = said.get("flags", "").split()
    vectors = "AVX-512" if "avx512f" in flags else "AVX2" if "avx2" in flags else "SSE"
    return f"{name}, family {said['cpu family']} model {said.get('model')}, {vectors}"


def _cpuinfo() -> dict[str, str]:
    """What Linux says of the first processor; nothing elsewhere."""
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return {}
    first = cpuinfo.read_text().split("\n\n")[0]
    pairs = (line.split(":", 1) for line in first.splitlines() if ":" in line)
    return {name.strip(): value.strip() for name, value in pairs}


def processors(threads: int) -> list[int] | None:
    """The processors that measurements use, by number; None where the system does not say."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    return sorted(os.sched_getaffinity(0))[:threads]


def busy_seconds(numbers: list[int]) -> float | None:
    """How long some processors have been busy since the system started, with anything at all."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return None
    wanted = {f"cpu{number}" for number in numbers}
    ticks = 0
    for line in stat.read_text().splitlines():
        name, *counts = line.split()
        if name in wanted:
            user, nice, system, _, _, interrupts, soft_interrupts, stolen = map(int, counts[:8])
            ticks += user + nice + system + interrupts + soft_interrupts + stolen
    return ticks / os.sysconf("SC_CLK_TCK")
