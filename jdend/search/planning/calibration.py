"""How fast this machine is beside the one that the cost model was measured on.

Kept in the user's cache folder, learned from searches; only times that are shown, and plans that
are made by the clock, depend on it.
"""

import json
import math
import os
from contextlib import suppress
from pathlib import Path
from typing import cast

import jax

from jdend._files import cache_folder, write_json
from jdend.search.planning.runtime import Forecast

__all__ = ["corrected", "learn", "pace"]

FILE = "pace.json"
SHORTEST = 5.0  # seconds of training from which to learn
# How far one search moves what is known: forecasts are some 20 % off, and other work comes and
# goes, but a factor of more than `LARGE` tells of another machine.
USUAL, SURPRISED, LARGE = 0.3, 0.7, 1.5


def pace(kernel: str) -> float:
    """Seconds here for a foretold second of training; 1 where nothing is known.

    Args:
      kernel: its own name, never "auto", which stands for different kernels.
    """
    factor = _read().get(_key(kernel))
    return factor if isinstance(factor, float) and math.isfinite(factor) and factor > 0 else 1.0


def learn(kernel: str, foretold: float, took: float) -> None:
    """Takes note of a search's seconds of training, unless it was short."""
    if min(foretold, took) < SHORTEST:
        return
    old, new = pace(kernel), took / foretold
    surprise = abs(math.log(new / old))
    weight = SURPRISED if surprise > math.log(LARGE) else USUAL
    paces = {**_read(), _key(kernel): round(old * (new / old) ** weight, 4)}
    path = _path()
    with suppress(OSError):  # the next search foretells without
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, paces)


def corrected(foretold: Forecast, kernel: str) -> Forecast:
    """The forecast for this machine; compiling is taken to be as fast as training."""
    factor = pace(kernel)
    return Forecast(
        foretold.compiling * factor, foretold.training * factor, foretold.padding * factor
    )


def _path() -> Path:
    return cache_folder() / FILE


def _key(kernel: str) -> str:
    device = jax.devices()[0]
    return f"{device.device_kind} x{jax.device_count()} {os.cpu_count()} processors, {kernel}"


def _read() -> dict[str, object]:
    try:
        content: object = json.loads(_path().read_text())
    except (OSError, ValueError):
        return {}
    return cast("dict[str, object]", content) if isinstance(content, dict) else {}
