"""The speed of this machine, relative to the one that the cost model was measured on.

It is learned from searches and kept in the user's cache folder. Only times that are shown, and
plans for a time limit, depend on it.
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

FILE_NAME = "pace.json"
# Shorter searches are too noisy to learn from.
MIN_SECONDS = 5.0
# The weight of a new search against earlier ones. Forecasts are some 20 % off and other processes
# come and go, so the usual weight is small; a factor above `SURPRISING_FACTOR` means that the
# machine has changed.
USUAL_WEIGHT, SURPRISED_WEIGHT, SURPRISING_FACTOR = 0.3, 0.7, 1.5


def pace(kernel: str) -> float:
    """Seconds on this machine for a predicted second of training; 1 if no search was measured yet.

    Args:
      kernel: a kernel's own name, never "auto", which stands for different kernels.
    """
    factor = _read().get(_key(kernel))
    return factor if isinstance(factor, float) and math.isfinite(factor) and factor > 0 else 1.0


def learn(kernel: str, predicted: float, measured: float) -> None:
    """Updates the pace by the predicted and measured seconds of a search, unless it was short."""
    if min(predicted, measured) < MIN_SECONDS:
        return
    old, new = pace(kernel), measured / predicted
    surprise = abs(math.log(new / old))
    weight = SURPRISED_WEIGHT if surprise > math.log(SURPRISING_FACTOR) else USUAL_WEIGHT
    paces = {**_read(), _key(kernel): round(old * (new / old) ** weight, 4)}
    path = _path()
    with suppress(OSError):  # the next search predicts without it
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, paces)


def corrected(predicted: Forecast, kernel: str) -> Forecast:
    """The forecast for this machine; compiling is assumed to differ by the same factor."""
    return predicted * pace(kernel)


def _path() -> Path:
    return cache_folder() / FILE_NAME


def _key(kernel: str) -> str:
    device = jax.devices()[0]
    return f"{device.device_kind} x{jax.device_count()} {os.cpu_count()} processors, {kernel}"


def _read() -> dict[str, object]:
    try:
        content: object = json.loads(_path().read_text())
    except (OSError, ValueError):
        return {}
    return cast("dict[str, object]", content) if isinstance(content, dict) else {}
