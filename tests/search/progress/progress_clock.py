"""A clock that tests set, and a network to report."""

from jdend.search.progress.status import Best

BEST = Best(0.5, 7198, "dendritic_simple")


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now
