"""A process for each implementation, so that each has its own threads, settings and memory.

They sleep while they wait, so blocks of work can be timed in turn.
"""

import multiprocessing
import os
import resource
import sys
import time
from multiprocessing.connection import Connection
from typing import NamedTuple, Protocol

from peers.machine import busy_seconds, processors
from peers.workload import Checked, Workload

TORCH = ("torch-masked", "torch-gather", "torch-vmap-eager", "torch-vmap-compiled")
OTHERS = ("jax-sequential", "numpy")


class Implementation(Protocol):
    """What a worker times."""

    trials_per_step: int

    def first_steps(self) -> Checked:
        """Trains a few steps and returns what all implementations must agree on."""
        ...

    def steps(self, n: int) -> None:
        """Trains `n` steps more, and returns when they are done."""


class Ready(NamedTuple):
    """What a worker says when it is warm."""

    checked: Checked
    warm_up_seconds: float


class Block(NamedTuple):
    """One timed block.

    Attributes:
      milliseconds: per trial and step.
      others: the share of the processors' time that other processes took meanwhile, as far as
        the system says.
    """

    milliseconds: float
    others: float


class Peak(NamedTuple):
    """Memory in MiB: what the process held once its modules and data were loaded, and at most."""

    at_start: float
    at_most: float
    on_device: float | None


def load(name: str, work: Workload) -> Implementation:
    """The implementation of that name; any name that is not a peer's is a kernel of jdend."""
    if name == "numpy":
        from peers import with_numpy

        return with_numpy.load(work)
    if name == "jax-sequential":
        from peers import with_jax

        return with_jax.load(work)
    if name in ("torch-masked", "torch-gather"):
        from peers import with_torch

        return with_torch.sequential(work, masked=name == "torch-masked")
    if name in ("torch-vmap-eager", "torch-vmap-compiled"):
        from peers import with_torch

        return with_torch.VmapPopulation(work, compiled=name == "torch-vmap-compiled")
    from peers import with_jdend

    return with_jdend.JdendPopulation(work, name)


class Worker:
    """An implementation in a process of its own."""

    def __init__(self, name: str, work: Workload, block_seconds: float):
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        arguments = (theirs, name, work, block_seconds)
        self._process = context.Process(target=_serve, args=arguments, daemon=True)
        self._process.start()
        theirs.close()

    def ready(self) -> Ready | str:
        """Waits until it is warm; or says in a line why it cannot be."""
        return self._receive()

    def block(self) -> Block | str:
        """Times one block; or says in a line why it failed."""
        self._connection.send("block")
        return self._receive()

    def stop(self) -> Peak | None:
        """Ends the process; its memory at peak."""
        peak = None
        if self._process.is_alive():
            self._connection.send("stop")
            answer = self._receive()
            peak = answer if isinstance(answer, Peak) else None
        self._process.join()
        return peak

    def _receive(self):
        try:
            return self._connection.recv()
        except EOFError:
            self._process.join()
            return f"its process ended with status {self._process.exitcode}"


def _serve(connection: Connection, name: str, work: Workload, block_seconds: float) -> None:
    try:
        limit_threads(work)
        implementation = load(name, work)
        at_start = peak_rss()
        begun = time.perf_counter()
        checked = implementation.first_steps()
        n_steps = _steps_a_block(implementation, block_seconds)
        connection.send(Ready(checked, time.perf_counter() - begun))
        while connection.recv() == "block":
            connection.send(_timed(implementation, n_steps))
        connection.send(Peak(at_start, peak_rss(), _device_peak(name, work)))
    except Exception as error:
        lines = str(error).strip().splitlines() or [""]
        connection.send(f"{type(error).__name__}: {lines[0]}"[:200])


def _timed(implementation: Implementation, n_steps: int) -> Block:
    # After its sleep a process's threads may share a processor until the system spreads them.
    implementation.steps(max(1, n_steps // 2))
    numbers = processors(os.cpu_count() or 1) or []
    busy_before, own_before = busy_seconds(numbers), time.process_time()
    begun = time.perf_counter()
    implementation.steps(n_steps)
    seconds = time.perf_counter() - begun
    own, busy_after = time.process_time() - own_before, busy_seconds(numbers)
    others = 0.0
    if numbers and busy_before is not None and busy_after is not None:
        others = max(0.0, busy_after - busy_before - own) / (len(numbers) * seconds)
    return Block(1e3 * seconds / n_steps / implementation.trials_per_step, others)


def limit_threads(work: Workload) -> None:
    """Confines this process to `work.threads` processors, before any library makes threads."""
    if numbers := processors(work.threads):
        os.sched_setaffinity(0, numbers)
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC"):
        os.environ[variable] = str(work.threads)
    os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    os.environ["JAX_PLATFORMS"] = "cpu" if work.device == "cpu" else "cuda,cpu"


def _steps_a_block(implementation: Implementation, block_seconds: float) -> int:
    """Warms up, and finds how many steps take that long."""
    n_steps = 1
    while True:
        begun = time.perf_counter()
        implementation.steps(n_steps)
        seconds = time.perf_counter() - begun
        if seconds >= block_seconds / 2:
            return max(1, round(n_steps * block_seconds / seconds))
        n_steps *= 2


def peak_rss() -> float:
    """The most memory that this process held at any time, in MiB."""
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def _device_peak(name: str, work: Workload) -> float | None:
    """Memory at peak on the GPU, if that is where it was."""
    if work.device == "cpu" or name == "numpy":
        return None
    if name in TORCH:
        import torch  # pyright: ignore[reportMissingImports]

        return torch.cuda.max_memory_allocated() / 2**20
    import jax

    return (jax.local_devices()[0].memory_stats() or {}).get("peak_bytes_in_use", 0) / 2**20
