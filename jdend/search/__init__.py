"""The driver: search spaces, samplers, the budget, buckets, the searcher and its scenarios."""

import lazy_loader

# Names are imported at first use, so that `python -m jdend.search --help` need not wait for JAX.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
