"""The errors of a search; each message is one clear line."""

from jdend._messages import OneLineError


class SearchError(OneLineError):
    """An invalid argument of a search. The message says what is allowed."""


class SpaceError(SearchError):
    """An invalid search space or configuration."""


class BudgetError(SearchError):
    """A space in which no network fits the budget."""


class BudgetWarning(UserWarning):
    """No network fits the budget; the older toolkit's methods warn, in place of an error."""
