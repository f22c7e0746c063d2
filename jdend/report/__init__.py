"""Reports of finished searches: one page to open, figures for notebooks, pictures for papers."""

import lazy_loader

# Names are imported at first use, so that `python -m jdend.report --help` need not wait for JAX.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
