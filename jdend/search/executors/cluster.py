"""The Ray cluster that workers run on: started here or joined, without a word on stdout.

What of Ray is not public is told apart here: what Ray prints, and the handlers that it sets.
"""

import importlib
import logging
import os
import signal
import threading
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from jdend._messages import reason
from jdend._processors import n_processors
from jdend.search.errors import SearchError

__all__ = ["LOCAL", "Slot", "connect", "disconnect", "ray_module", "slots"]

LOCAL = "local"
# Ray's smallest object store is 75 MiB; a data set lies in it once.
STORE_BYTES = 100 << 20
SHARE_OF_STORE = 1.5
# Where the cluster is started here, Ray notices within seconds that a node is lost.
HEALTH = {"period_ms": 500, "timeout_ms": 500, "initial_delay_ms": 500, "failure_threshold": 3}


@dataclass(frozen=True)
class Slot:
    """A place for a worker.

    Attributes:
      node: the id of Ray's node.
      number: its number among the places of the node.
      machine: the name of the node's machine, which may have several.
      cpus, gpus: what of the node it takes.
    """

    node: str
    number: int
    machine: str
    cpus: float
    gpus: float


def ray_module(name: str = "ray") -> Any:
    """Ray, or a module of it, which is imported when it is needed; it has no types to check.

    Raises:
      SearchError: if it is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        raise SearchError("a cluster needs Ray: pip install 'jdend[ray]'") from None


def connect(address: str, n_bytes: int) -> bool:
    """Joins a cluster, or starts one on this machine.

    Args:
      address: `local` to start one, `auto` for the one that runs here, or `HOST:PORT`.
      n_bytes: how much data will be put into its object store.

    Returns:
      Whether `disconnect` shall leave it; False if the program was connected before.

    Raises:
      SearchError: if Ray is not installed, or there is no such cluster.
    """
    ray = ray_module()
    if ray.is_initialized():
        return False
    options: dict[str, Any] = {"address": address}
    if address == LOCAL:
        for name, value in HEALTH.items():
            os.environ.setdefault(f"RAY_health_check_{name}", str(value))
        store = max(STORE_BYTES, int(SHARE_OF_STORE * n_bytes))
        options |= {
            "num_cpus": n_processors(),
            "object_store_memory": store,
            "include_dashboard": False,
        }
    try:
        with _signals_kept(), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # JAX has threads, and Ray forks
            ray.init(**options, log_to_driver=False, logging_level=logging.CRITICAL)
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        raise SearchError(f"no Ray cluster at {address!r}: {reason(error)}") from None
    # Whatever the level, it prints what happens to other nodes, to stdout, and has no other way.
    ray_module("ray._private.worker").print_to_stdstream = _say_nothing
    return True


def disconnect() -> None:
    """Leaves the cluster; one that was started here ends."""
    with _signals_kept():
        ray_module().shutdown()


def slots(cores: int | None) -> list[Slot]:
    """The places for workers on all nodes that live: one for each GPU; where there are none, one
    for so many cores, or, if `cores` is None, one for a node."""
    nodes: list[dict[str, Any]] = ray_module().nodes()
    living = sorted((node for node in nodes if node["Alive"]), key=lambda node: node["NodeID"])
    found: list[Slot] = []
    for node in living:
        has = node["Resources"]
        cpus, gpus = int(has.get("CPU", 0)), int(has.get("GPU", 0))
        of_each = min(cores or cpus, cpus)
        n = gpus or (cpus // of_each if of_each else 0)
        wanted = float(min(of_each, cpus // max(n, 1))), float(gpus > 0)
        names = node["NodeID"], node["NodeManagerHostname"]
        found += [Slot(names[0], number, names[1], *wanted) for number in range(n)]
    return found


@contextmanager
def _signals_kept() -> Generator[None]:
    """After the block, signals are handled as before; Ray sets a handler of its own."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say_nothing(data: object, ignore_prefix: bool) -> None:
    pass
