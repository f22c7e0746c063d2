"""The populations that a process keeps, since their compiled programs are used again."""

import ctypes
import gc
import os
import threading
from collections import OrderedDict
from dataclasses import replace

from jax.sharding import Mesh

from jdend.models import architecture
from jdend.training._bucket import Bucket
from jdend.training._loss import loss_of
from jdend.training._metrics import ACCURACY, Metric
from jdend.training._population import Population, make_population
from jdend.training._resampling import resamples
from jdend.training._traced_hyperparameters import (
    RESAMPLING_CHOICES,
    WIRING_CHOICES,
    Choices,
    TracedHyperparameters,
    among,
    common_choices,
)

__all__ = ["let_go_of_populations", "population", "population_for"]

# On CPUs each program takes one or two hundred of the 65,530 memory mappings that Linux allows a
# process, and LLVM ends the process when there are no more.
MOST_KEPT = 32
_Key = tuple[Bucket, object, bool, Choices, Metric, Mesh | None]
_kept: OrderedDict[_Key, Population] = OrderedDict()  # those used last come last
_making = threading.Lock()


def population(
    bucket: Bucket,
    *,
    resampling: bool = True,
    choices: Choices = frozenset(),
    metric: Metric = ACCURACY,
    mesh: Mesh | None = None,
) -> Population:
    """The functions that train a bucket's members, each compiled once a shape.

    Args:
      bucket: what they share.
      resampling: whether their dendritic layers may be resampled; most of what is compiled.
      choices: of `WIRING_CHOICES` and `RESAMPLING_CHOICES`, those with the same value for all
        members, so that nothing else is compiled. Of the others, a program has every branch.
      metric: what they are measured by.
      mesh: the devices that they are divided among; None for the default device.
    """
    # Names may be registered anew.
    registered = (
        architecture(bucket.structure.architecture).module,
        loss_of(bucket.structure.problem).function,
    )
    key = bucket, registered, resampling, choices, metric, mesh
    with _making:  # so that two threads get the same
        if key not in _kept:
            made = make_population(bucket, resampling, choices, metric, mesh)
            _kept[key] = _with_programs_of_others(made, key)
        _kept.move_to_end(key)
        _drop_oldest(MOST_KEPT)
        return _kept[key]


def _with_programs_of_others(made: Population, key: _Key) -> Population:
    """The same, by the programs that another population has of the same functions: whatever it is
    measured by, it begins and trains alike, and however it resamples, all but its steps are alike.
    """
    bucket, registered, resampling, choices, _, mesh = key
    for (*others, its_resampling, its_choices, _, its_mesh), other in _kept.items():
        if (others, its_mesh) == ([bucket, registered], mesh):
            made = replace(
                made,
                evaluate=other.evaluate,
                evaluate_folds=other.evaluate_folds,
                add=other.add,
            )
            if among(WIRING_CHOICES, its_choices) == among(WIRING_CHOICES, choices):
                made = replace(made, init=other.init)
            in_steps = [among(RESAMPLING_CHOICES, c) for c in (its_choices, choices)]
            if its_resampling == resampling and in_steps[0] == in_steps[1]:
                made = replace(made, advance=other.advance)
    return made


def let_go_of_populations(most: int = 8) -> None:
    """Frees the programs of all populations but those that were used last; to be called when a
    search is over, whose shapes may never come again.

    Args:
      most: how many are kept, for the next search of the same shapes.
    """
    with _making:
        n_dropped = _drop_oldest(most)
    if n_dropped:
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if os.name == "posix" else None
        if trim is not None:  # glibc keeps what compiling has freed
            trim(0)


def _drop_oldest(most: int) -> int:
    n_dropped = max(0, len(_kept) - most)
    for _ in range(n_dropped):
        _kept.popitem(last=False)
    if n_dropped:
        gc.collect()  # a part of their memory is held in circles
    return n_dropped


def population_for(
    bucket: Bucket,
    hyperparameters: TracedHyperparameters,
    metric: Metric = ACCURACY,
    mesh: Mesh | None = None,
) -> Population:
    """The functions that these members need, and no more; figures are the same with others."""
    resampling = resamples(hyperparameters)
    named = (*WIRING_CHOICES, *(RESAMPLING_CHOICES if resampling else ()))
    choices = common_choices(hyperparameters, named)
    return population(bucket, resampling=resampling, choices=choices, metric=metric, mesh=mesh)
