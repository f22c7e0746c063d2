"""jdend: the best dendritic neural network that fits a parameter budget.

`jdend.models` holds the networks as Flax modules; `HyperparameterSearcher` searches among them;
`python -m jdend.search --help` does so from the command line.
"""

import lazy_loader

__version__ = "0.1.0"

# Imported when first asked for, so that `python -m jdend.search --help` need not wait for JAX.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
