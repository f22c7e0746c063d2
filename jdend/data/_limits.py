"""Checks of a file before it is opened: its kind, and the memory that its contents need.

A file of a few kilobytes can unpack to terabytes. So sizes are read from headers first and
compared with the memory that is free; only then is anything unpacked.
"""

import os
import stat
from collections.abc import Callable
from pathlib import Path

from jdend._files import user_path
from jdend._messages import reason
from jdend.data._errors import DataError

_CGROUPS = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (
        Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
        Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ),
)
_DEFAULT_MEMORY_BYTES = 8 * 2**30
BLOCK_BYTES = 2**20
"""How many bytes are unpacked at once."""


def regular_file(path: str | Path) -> Path:
    """Checks that `path` is a regular file, and returns it with `~` expanded.

    Raises:
      DataError: if it does not exist, is a folder, a pipe or a device, or cannot be examined.
    """
    path = user_path(path, DataError)
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise DataError(f"{path} does not exist") from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {reason(error)}") from None
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "a pipe or a device"
        raise DataError(f"{path} is {kind}; give a file")
    return path


def check_fits(size: int, what: str) -> None:
    """Refuses contents of `size` bytes, unless they take half of the free memory at most.

    The other half is for copies: arrays are converted and split.

    Raises:
      DataError: names the size and the bound.
    """
    bound = available_memory() // 2
    if size > bound:
        raise DataError(
            f"{what} needs {_in_words(size)} of memory, and at most {_in_words(bound)}, half of "
            "what is free here, is allowed; make it smaller or use a machine with more memory"
        )


def read_exactly(read: Callable[[int], bytes], size: int) -> bytearray:
    """Reads `size` bytes, block by block, so that no more than `size` bytes are ever in memory.

    Raises:
      EOFError: if there are fewer.
    """
    content = bytearray()
    while len(content) < size:
        block = read(min(BLOCK_BYTES, size - len(content)))
        if not block:
            raise EOFError(f"it ends after {len(content)} of {size} bytes")
        content += block
    return content


def available_memory() -> int:
    """The free memory in bytes, by the machine and by this process's control group."""
    free = [_of_machine()]
    for limit, used in _CGROUPS:
        try:
            free.append(int(limit.read_text()) - int(used.read_text()))
        except (OSError, ValueError):  # no such group, or its limit is "max"
            continue
    return max(0, min(free))


def _of_machine() -> int:
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            return next(int(x.split()[1]) * 1024 for x in file if x.startswith("MemAvailable:"))
    except (OSError, ValueError, StopIteration):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # not on Windows
        return _DEFAULT_MEMORY_BYTES


def _in_words(size: int) -> str:
    if size >= 10**18:  # a float would not hold some
        return "more than a million TB"
    power = min(max(0, (len(str(size)) - 1) // 3), 4)
    return f"{size / 1000**power:.4g} {('bytes', 'kB', 'MB', 'GB', 'TB')[power]}"
