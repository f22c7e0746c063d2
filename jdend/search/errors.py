"""What a user can get wrong about a search, in one clear line each."""

from jdend._messages import OneLineError


class SearchError(OneLineError):
    """An argument of a search that makes no sense. The message says what is allowed."""


class SpaceError(SearchError):
    """A search space, or a configuration, that cannot be meant."""


class BudgetError(SearchError):
    """A space in which no network fits the budget."""


class BudgetWarning(UserWarning):
    """Of the older toolkit's methods, in place of an error: nothing fits, so nothing is trained."""
