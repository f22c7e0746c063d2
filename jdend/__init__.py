"""jdend: the best dendritic neural network that fits a parameter budget.

`jdend.models` holds the networks as Flax modules; `HyperparameterSearcher` searches among them;
`python -m jdend.search --help` does so from the command line.
"""

import importlib

__version__ = "0.1.0"

# Imported when first asked for, so that `python -m jdend.search --help` need not wait for JAX.
_HOMES = {
    "DendriticClassifier": "jdend.estimator",
    "HyperparameterSearcher": "jdend.search",
    "SearchResult": "jdend.study",
    "TrainedModel": "jdend.models",
    "export": "jdend.exporting",
    "load": "jdend.models",
    "register_architecture": "jdend.models",
    "save": "jdend.models",
}

__all__ = ["__version__", *_HOMES]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str):
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'jdend' has no attribute {name!r}")
