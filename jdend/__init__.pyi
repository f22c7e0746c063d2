from .estimator import DendriticClassifier, DendriticRegressor
from .exporting import export
from .models import TrainedModel, load, register_architecture, save
from .search import HyperparameterSearcher, register_pruner, register_strategy
from .study import SearchResult
from .training import register_loss, register_metric

__version__: str

__all__ = [
    "DendriticClassifier",
    "DendriticRegressor",
    "HyperparameterSearcher",
    "SearchResult",
    "TrainedModel",
    "export",
    "load",
    "register_architecture",
    "register_loss",
    "register_metric",
    "register_pruner",
    "register_strategy",
    "save",
]
