"""What is planned: trials, and the populations in which they train."""

from dataclasses import dataclass

from jdend.models import Configuration
from jdend.training import Bucket

__all__ = ["PlannedPopulation", "Trial"]


@dataclass(frozen=True)
class Trial:
    """A configuration and the seeds to train it with."""

    configuration: Configuration
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class PlannedPopulation:
    """A population: trials that share a program and their seeds.

    Attributes:
      bucket: the program.
      seeds: with which all members are trained.
      members: positions in the list of trials that was planned.
      width: columns of the program, at least one a member.
    """

    bucket: Bucket
    seeds: tuple[int, ...]
    members: tuple[int, ...]
    width: int
