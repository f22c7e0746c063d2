from .errors import BudgetError, BudgetWarning, SearchError, SpaceError
from .results import SearchResult, Study, StudyError
from .searcher import HyperparameterSearcher
from .space.default_space import default_space
from .space.dimensions import read_space

__all__ = [
    "BudgetError",
    "BudgetWarning",
    "HyperparameterSearcher",
    "SearchError",
    "SearchResult",
    "SpaceError",
    "Study",
    "StudyError",
    "default_space",
    "read_space",
]
