"""The settings of a searcher about the devices of this process. Nothing heavy is imported."""

from argparse import ArgumentTypeError
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING

from jdend.search.errors import SearchError
from jdend.search.settings import about

if TYPE_CHECKING:
    from jdend.training import Placement

__all__ = ["DeviceOptions"]


def _devices(text: str) -> int | tuple[int, ...]:
    try:
        return tuple(map(int, text.strip(",").split(","))) if "," in text else int(text)
    except ValueError:
        raise ArgumentTypeError(
            f"{text!r} are no devices: give how many, such as 2, or the positions of some with "
            "commas, such as 0,3 (and 3, for one alone)"
        ) from None


@dataclass(frozen=True)
class DeviceOptions:
    """The devices that train, and how much at once; figures do not depend on it."""

    _: KW_ONLY
    devices: int | Sequence[int] | None = field(
        default=None,
        metadata=about(
            "how many devices (GPUs, TPU cores) of this machine train, or which: 2, or 0,3",
            _devices,
            python=" as `[0, 3]`; each population's trials are divided among them",
            none="all",
            metavar="N|N,N[,…]",
        ),
    )
    population: int | None = field(
        default=None,
        metadata=about(
            "most networks, seeds not counted, in one program", int, none="what memory takes"
        ),
    )
    stream: bool = field(
        default=False,
        metadata=about(
            "leave training examples in the machine's memory and send devices what comes next",
            python="; without it so if they take more than half of a device's memory",
        ),
    )

    def placement(self) -> "Placement":
        """Where populations are trained, and how much of one at once.

        Raises:
          SearchError: if there are no such devices here, or a population has no networks.
        """
        from jdend.training import DevicesError, Placement, find_devices

        n = self.population
        if n is not None and (type(n) is not int or n < 1):
            raise SearchError(f"population must be a positive integer, got {n!r}")
        wanted = tuple(self.devices) if isinstance(self.devices, Sequence) else self.devices
        try:
            find_devices(wanted)
        except DevicesError as error:
            raise SearchError(str(error)) from None
        return Placement(wanted, n, self.stream)
