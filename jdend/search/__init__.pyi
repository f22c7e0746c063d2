from .errors import BudgetError, BudgetWarning, SearchError, SpaceError
from .pruners import Bracket, Pruner, Rung, find_pruner, register_pruner
from .results import SearchResult, Study, StudyError
from .samplers.candidates import Candidate, Candidates, Observation
from .samplers.optuna_samplers import optuna_asker
from .samplers.registry import Strategy, find_strategy, register_strategy
from .searcher import HyperparameterSearcher
from .space.default_space import default_space, default_training
from .space.dimensions import read_space

__all__ = [
    "Bracket",
    "BudgetError",
    "BudgetWarning",
    "Candidate",
    "Candidates",
    "HyperparameterSearcher",
    "Observation",
    "Pruner",
    "Rung",
    "SearchError",
    "SearchResult",
    "SpaceError",
    "Strategy",
    "Study",
    "StudyError",
    "default_space",
    "default_training",
    "find_pruner",
    "find_strategy",
    "optuna_asker",
    "read_space",
    "register_pruner",
    "register_strategy",
]
