"""What can be measured here, found out in a process that then ends."""

import importlib.util
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

from peers.workers import OTHERS, TORCH, limit_threads
from peers.workload import Workload


class Surroundings(NamedTuple):
    """The device, or None if there is none of that kind; the kernels; and versions by package."""

    device: str | None
    kernels: tuple[str, ...]
    versions: dict[str, str]


def surroundings(work: Workload) -> Surroundings:
    """Asks JAX and PyTorch in another process, so that this one starts no thread of theirs."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_look, work).result()


def _look(work: Workload) -> Surroundings:
    limit_threads(work)
    import jax
    import numpy as np

    import jdend
    from jdend.kernels import available

    versions = {"jdend": jdend.__version__, "jax": jax.__version__, "numpy": np.__version__}
    if has_torch():
        import torch  # pyright: ignore[reportMissingImports]

        versions["torch"] = torch.__version__
    try:
        devices = jax.devices("cpu" if work.device == "cpu" else "gpu")
    except RuntimeError:
        return Surroundings(None, (), versions)
    # Elsewhere than on a CPU, native is dense by another name.
    kernels = available() if work.device == "cpu" else set(available()) - {"native"}
    return Surroundings(devices[0].device_kind, tuple(kernels), versions)


def has_torch() -> bool:
    """Whether PyTorch is installed."""
    return importlib.util.find_spec("torch") is not None


def all_names(found: Surroundings, device: str) -> tuple[str, ...]:
    """Everything that can be measured, by name."""
    torch = TORCH if has_torch() else ()
    others = OTHERS if device == "cpu" else ("jax-sequential",)
    return (*found.kernels, *torch, *others)
