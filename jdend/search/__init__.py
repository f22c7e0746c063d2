"""The driver: search spaces, samplers, the budget, buckets, the searcher and its scenarios."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jdend.search.errors import BudgetError, SearchError, SpaceError
    from jdend.search.searcher import HyperparameterSearcher
    from jdend.search.space.default_space import default_space
    from jdend.search.space.dimensions import read_space
    from jdend.study import SearchResult, Study, StudyError

# Imported when first asked for, so that `python -m jdend.search --help` need not wait for JAX.
_HOMES = {
    "BudgetError": "jdend.search.errors",
    "HyperparameterSearcher": "jdend.search.searcher",
    "SearchError": "jdend.search.errors",
    "SearchResult": "jdend.study",
    "SpaceError": "jdend.search.errors",
    "Study": "jdend.study",
    "StudyError": "jdend.study",
    "default_space": "jdend.search.space.default_space",
    "read_space": "jdend.search.space.dimensions",
}

__all__ = [
    "BudgetError",
    "HyperparameterSearcher",
    "SearchError",
    "SearchResult",
    "SpaceError",
    "Study",
    "StudyError",
    "default_space",
    "read_space",
]


def __getattr__(name: str):
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'jdend.search' has no attribute {name!r}")
