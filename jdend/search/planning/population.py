"""Trials, and the planned populations in which they train."""

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
    """A population: trials that share a program and seeds.

    Attributes:
      bucket: the bucket, which determines the program.
      seeds: the seeds that every member is trained with.
      members: the positions of its trials in the list that was planned.
      width: the number of columns of the program, at least the number of members.
    """

    bucket: Bucket
    seeds: tuple[int, ...]
    members: tuple[int, ...]
    width: int
