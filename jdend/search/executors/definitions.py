"""What users registered, on its way to workers: architectures, losses and metrics.

Classes and functions of a user's own files travel whole, so that workers need no copy of these.
What is installed as a package travels by name.
"""

import pickle
import sys
import sysconfig
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from jdend.models import Structure, architecture, register_architecture
from jdend.search.errors import SearchError
from jdend.search.executors.cluster import ray_module
from jdend.training import Metric, find_loss, find_metric, register_loss

__all__ = ["defined", "definitions"]


def definitions(structures: Sequence[Structure], metric: Metric) -> bytes:
    """What it takes to train networks of these structures, measured by a metric, as bytes.

    Args:
      structures: of one problem.
      metric: the metric.

    Raises:
      SearchError: if something cannot be sent to another process.
    """
    cloudpickle = ray_module("ray.cloudpickle")
    names = sorted({structure.architecture for structure in structures})
    own = [found for found in map(architecture, names) if not _is_ours(found.module)]
    problem = structures[0].problem
    loss = find_loss(problem.loss, problem.task)
    content = {
        "architectures": [
            {
                "name": f.name,
                "module": f.module,
                "fields": f.fields,
                "ignores": f.ignores,
                "exact": f.exact,
                "needs_images": f.needs_images,
                "patches": f.patches,
            }
            for f in own
        ],
        "loss": None if _is_ours(loss.function) else loss,
        "metric": metric.name if _is_ours(metric.function) else metric,
        "task": metric.task,
    }
    parts = [part for found in own for part in (found.module, found.ignores, found.patches)]
    try:
        with _whole([*parts, loss.function, metric.function]):
            return cloudpickle.dumps(content)
    except Exception as error:  # whatever a user's object may raise
        whose = ", ".join([*(repr(f.name) for f in own), repr(loss.name), repr(metric.name)])
        said = " ".join(str(error).split())
        raise SearchError(
            f"{whose} cannot be sent to workers: {type(error).__name__}: {said}; define it at the "
            "top of a file"
        ) from error


def defined(content: bytes) -> Metric:
    """Registers in this process what `definitions` converted; returns the metric.

    Raises:
      SearchError: if it needs something that is not here.
    """
    try:
        what: dict[str, Any] = pickle.loads(content)
        for of_architecture in what["architectures"]:
            register_architecture(**of_architecture)
        if what["loss"] is not None:
            register_loss(what["loss"])
    except Exception as error:  # whatever a user's module may raise
        said = " ".join(str(error).split())
        raise SearchError(
            f"what is registered cannot be used by a worker: {type(error).__name__}: {said}; "
            "install what it imports there, too"
        ) from error
    return find_metric(what["metric"], what["task"])


@contextmanager
def _whole(parts: Sequence[Any]) -> Generator[None]:
    """Within the block, the modules of these travel whole, unless they are installed."""
    cloudpickle = ray_module("ray.cloudpickle")
    own = [part for part in parts if not (_is_ours(part) or _is_installed(part))]
    modules = {_top(part) for part in own} - {None}
    try:
        for module in modules:
            cloudpickle.register_pickle_by_value(module)
        yield
    finally:
        for module in modules:
            cloudpickle.unregister_pickle_by_value(module)


def _is_ours(part: type | Callable[..., object]) -> bool:
    return getattr(part, "__module__", "").partition(".")[0] == "jdend"


def _top(part: Any) -> ModuleType | None:
    """The package, or the module, in which something is defined."""
    return sys.modules.get(getattr(part, "__module__", "").partition(".")[0])


def _is_installed(part: Any) -> bool:
    """Whether it comes with Python or from a package, and so can be imported by its name."""
    file = getattr(_top(part), "__file__", None)
    if file is None:
        return True
    folders = [sysconfig.get_path(name) for name in ("purelib", "platlib", "stdlib")]
    return any(Path(file).is_relative_to(folder) for folder in folders)
