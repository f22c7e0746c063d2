"""The settings of a searcher about the devices of this process. Nothing heavy is imported."""

from argparse import ArgumentTypeError
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field

from jdend.search.settings import about

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
