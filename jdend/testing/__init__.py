"""What a strategy or a pruner must keep to, as tests for pytest to run on one of your own."""

from jdend.testing.pruners import PrunerContract
from jdend.testing.strategies import StrategyContract

__all__ = ["PrunerContract", "StrategyContract"]
