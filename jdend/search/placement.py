"""The settings of where a search trains."""

from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING

from jdend.search.errors import SearchError
from jdend.search.settings import about, seconds

if TYPE_CHECKING:
    from jdend.search.executors.protocol import Executor

__all__ = ["PlacementOptions"]

METHODS = ("n_workers", "submit", "close")


@dataclass(frozen=True)
class PlacementOptions:
    """Where a search trains."""

    _: KW_ONLY
    cluster: str | None = field(
        default=None,
        metadata=about(
            "train on a Ray cluster: local starts one, auto is the one that runs here",
            python="; needs the extra `ray`, see docs/scaling.md",
            none="in this process, as does none",
            metavar="local|auto|HOST:PORT",
        ),
    )
    cores_per_worker: int | None = field(
        default=None,
        metadata=about(
            "with --cluster, cores of each worker where there are no GPUs",
            int,
            none="those of its machine",
        ),
    )
    wait: float = field(
        default=600.0,
        metadata=about(
            "with --cluster, how long to wait when it has no workers",
            seconds,
            python=", in seconds",
            metavar="T",
        ),
    )
    executor: "Executor | None" = field(
        default=None,
        metadata=about(
            "what trains populations",
            python=", in place of `cluster`, see `jdend.search.executors.protocol`",
            flag=None,
        ),
    )

    def new_executor(
        self, *, compile_cache: bool = True, own_devices: bool = False
    ) -> "Executor | None":
        """What trains populations; None for this process.

        Args:
          compile_cache: whether workers keep compiled programs in their user's cache folder.
          own_devices: whether devices of this process, or a size of its populations, are given.

        Raises:
          SearchError: if settings contradict each other, or are not allowed.
        """
        if self.executor is not None and self.cluster is not None:
            raise SearchError("give cluster or executor, not both")
        if self.executor is not None:
            return _checked(self.executor)
        if self.cluster in (None, "none"):
            if self.cores_per_worker is not None:
                raise SearchError("cores_per_worker goes with cluster")
            return None
        if own_devices:
            raise SearchError(
                "devices, population and stream are for training in this process; with cluster "
                "each worker trains on the GPU or the cores that it has"
            )
        from jdend.search.executors.ray import RayExecutor

        return RayExecutor(
            self.cluster,
            cores_per_worker=self.cores_per_worker,
            wait=self.wait,
            compile_cache=compile_cache,
        )


def _checked(executor: "Executor") -> "Executor":
    """The executor; one of one's own may lack a part of the protocol.

    Raises:
      SearchError: if it does.
    """
    for name in ("is_local", *METHODS):
        part = getattr(executor, name, None)
        if part is None or (name in METHODS and not callable(part)):
            kind = "method" if name in METHODS else "attribute"
            raise SearchError(
                f"executor {type(executor).__name__} has no {kind} {name!r}: an executor has "
                "is_local, n_workers, submit and close, see jdend.search.executors.protocol"
            )
    return executor
