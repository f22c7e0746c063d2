"""The search spaces that are used when the user gives none, and what a user's own leaves out."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from jdend._messages import did_you_mean
from jdend.fields import FIELDS, Condition, canonical_names
from jdend.models import Architecture, Problem, architecture
from jdend.search.errors import SpaceError
from jdend.search.space.dimensions import (
    Choice,
    Dimension,
    IntRange,
    Space,
    Value,
    parse_space,
)
from jdend.search.space.validation import architectures_of

__all__ = [
    "ARCHITECTURES",
    "SEARCHED",
    "architecture_sizes",
    "budget_architectures",
    "budget_space",
    "default_architectures",
    "default_space",
    "default_training",
    "left_out",
]

ARCHITECTURES = ("dendritic_simple", "soma_disabled", "dendritic_with_hidden")


# Of the best networks of about 8,000 parameters, for each architecture and size: the smallest, the
# largest, the power of the budget with which both grow, and the least for the largest.
_SIZES: dict[str, dict[str, tuple[int, int, float, int]]] = {
    "sparse_somata": {
        "n_dendrites": (135, 310, 0.75, 3),
        "n_neurons": (22, 63, 0.5, 3),
        "n_soma_inputs": (36, 80, 0.5, 3),
        "n_dendrite_inputs": (9, 36, 0.5, 16),
    },
    "soma_disabled": {
        "n_dendrites": (120, 250, 0.75, 3),
        "n_neurons": (20, 40, 0.5, 3),
        "n_dendrite_inputs": (9, 36, 0.5, 16),
    },
    "dendritic_simple": {
        "n_neurons": (40, 60, 0.5, 3),
        "n_dendrites": (4, 8, 0.5, 3),
        "n_dendrite_inputs": (13, 36, 0.5, 16),
    },
    "dendritic_convolutional": {
        "n_neurons": (20, 48, 0.75, 3),
        "n_dendrites": (2, 5, 0.0, 2),
        "n_dendrite_inputs": (6, 14, 0.0, 14),
    },
    "dendritic_two_layers": {  # not measured: what is of about this size, the first layer larger
        "n_neurons": (50, 110, 0.75, 3),
        "n_dendrites": (1, 3, 0.0, 2),
        "second_n_neurons": (20, 50, 0.5, 3),
        "second_n_dendrites": (2, 4, 0.0, 2),
        "second_n_dendrite_inputs": (8, 32, 0.5, 6),
        "n_dendrite_inputs": (9, 30, 0.5, 16),
    },
    "dendritic_with_hidden": {
        "n_neurons": (36, 54, 0.5, 3),
        "n_dendrites": (4, 8, 0.5, 3),
        "hidden_dim": (18, 31, 0.5, 3),
        "n_dendrite_inputs": (13, 36, 0.5, 16),
    },
}
# Those whose sizes the default space has.
SEARCHED = tuple(_SIZES)
# The patches that are tried, and those of images with a side of less than so many pixels.
_PATCHES = {"patch_size": (5, 7), "stride": (2,), "pooled_size": (3, 4)}
_SMALL_PATCHES = {"patch_size": (3,), "stride": (1,), "pooled_size": (2, 3)}
_SMALL_SIDE = 16
_ALL_SIZES = ("hidden_dim", *_PATCHES, *dict.fromkeys(n for own in _SIZES.values() for n in own))
# What is best, and what is with fewer parameters than so many for each class.
DEFAULT_ARCHITECTURES = ("sparse_somata", "soma_disabled")
OF_FEW_PARAMS = ("class_somata",)
FEW_PARAMS_OF_CLASS = 30


def default_architectures(budget: int, problem: Problem) -> tuple[str, ...]:
    """The architectures that are best within a budget (`experiments/frontier.py`)."""
    few = budget < FEW_PARAMS_OF_CLASS * problem.n_classes
    return OF_FEW_PARAMS if few else DEFAULT_ARCHITECTURES


def default_space(
    budget: int, problem: Problem, architectures: Sequence[str] | None = None
) -> dict[str, object]:
    """A space of good networks for a budget: sparse dendrites, high rates, synapses that move.

    The ranges are those of the best networks of 8,000 parameters on Fashion-MNIST
    (docs/results.md). For other budgets they are scaled; of networks of 110 and 250 parameters
    those are best whose somata are the logits, and those whose new inputs are the ones with the
    largest gradients.

    Resampling moves weak synapses to free inputs near the dendrite's field, where they start with
    weight 0; the share of synapses that it moves shrinks during training (docs/resampling.md).
    From 4,000 parameters on, dendrites that neurons share answer to sums of either sign alike.

    Args:
      budget: the largest number of trainable parameters allowed.
      problem: the data's features, classes and image shape.
      architectures: which to search together; by default the best ones, whose neurons share their
        dendrites, or with fewer than 30 parameters for each class have few. `dendritic_simple`,
        `dendritic_with_hidden`, `dendritic_two_layers`, `mlp` and, for images,
        `dendritic_convolutional` are possible, too.

    Raises:
      SpaceError: for an architecture whose good ranges are not known.
    """
    size = budget / 8000
    architectures = architectures or default_architectures(budget, problem)

    def log_uniform(low: float, high: float, power: float) -> dict[str, object]:
        return {
            "type": "uniform",
            "low": low * size**power,
            "high": high * size**power,
            "log": True,
        }

    space: dict[str, object] = {
        "architecture": list(architectures),
        **_sizes(architectures, budget, problem),
        "initialization": "fan_in",
        "schedule": "cosine",
        "lr": log_uniform(8e-3, 2.5e-2, -0.25),
        "weight_decay": log_uniform(0.03, 0.15, 0.5),
        **({"label_smoothing": (0.0, 0.1 * min(1.0, size**0.5))} if problem.has_classes else {}),
        "percentage_resample": (0.1, 0.4),
        "steps_to_resample": 100,
        "resampling_weights": "zero",
        "resampling_schedule": "cosine",
        "resampling_end": 0.85,
        "resampling_inputs": "uniform_free",
    }
    if problem.image_shape is not None:
        space |= {
            "connectivity": "local_receptive_fields",
            "field_std": (1.5, 3.0),
            "resampling_inputs": "local_free",
            "resampling_std": (2.0, 5.0),
        }
        if "dendritic_convolutional" in architectures:
            side = min(problem.image_shape[:2])
            patches = dict(_SMALL_PATCHES if side < _SMALL_SIDE else _PATCHES)
            if budget < POOLED_PARAMS:
                patches["pooled_size"] = (1, 2)
            space |= {name: _at_most(side, values) for name, values in patches.items()}
        if budget < LOCAL_PARAMS:
            space |= {
                "connectivity": ["local_receptive_fields", "random"],
                "resampling_inputs": ["local_free", "uniform_free"],
            }
    if budget >= FOLDED_PARAMS and set(architectures) <= set(DEFAULT_ARCHITECTURES):
        space["dendrite_slope"] = -1.0
    if budget <= GRADIENT_PARAMS:
        known = space["resampling_inputs"]
        space["resampling_inputs"] = [*(known if isinstance(known, list) else [known]), "gradient"]
    return space


# Of every size, the smallest that is proposed.
MIN_SIZE = 2
# Networks of fewer parameters may read pixels from anywhere.
LOCAL_PARAMS = 2000
# Networks of fewer parameters have room for few regions.
POOLED_PARAMS = 1000
# In networks of so many parameters new inputs may be those with the largest gradients.
GRADIENT_PARAMS = 250
# From so many parameters on, dendrites that neurons share answer to sums of either sign alike.
FOLDED_PARAMS = 4000
# Of networks of 8,000 parameters, when a search takes about a minute: passes over the data, and
# steps, at least. Smaller networks are trained for longer, up to so many times.
MIN_EPOCHS, MIN_STEPS, MAX_TIMES_LONGER = 18, 1500, 4.0
# Batches are smaller where fewer than so many would make an epoch.
MIN_STEPS_AN_EPOCH = 32
MIN_BATCH_SIZE, MAX_BATCH_SIZE = 16, 256


def default_training(budget: int, n_train: int, seconds: float | None = None) -> dict[str, object]:
    """How long networks are trained, and in which batches, when nobody says it.

    Small data are passed over more often, in smaller batches. In a search of more than a minute the
    epochs grow with the square root of its time, and so does the number of networks.

    Args:
      budget: the largest number of trainable parameters allowed.
      n_train: training examples.
      seconds: that the search may take; None for about a minute.
    """
    batch_size = MAX_BATCH_SIZE
    while batch_size > MIN_BATCH_SIZE and n_train < MIN_STEPS_AN_EPOCH * batch_size:
        batch_size //= 2
    n_steps = max(1, n_train // batch_size)  # an epoch
    longer = min(MAX_TIMES_LONGER, max(1.0, (8000 / budget) ** 0.5))
    longer *= max(1.0, (seconds or 0.0) / 60) ** 0.5
    n_epochs = max(MIN_EPOCHS, -(-MIN_STEPS // n_steps)) * longer
    return {"batch_size": batch_size, "n_epochs": round(n_epochs)}


def left_out(
    space: Space,
    budget: int,
    problem: Problem,
    training: Mapping[str, object],
    *,
    sizes: str = "ranges",
) -> dict[str, Dimension]:
    """What a space does not say and the default space does, for the same budget and data.

    Hyperparameters are constants, the middle of the default space's ranges (of a logarithmic one,
    the geometric mean) or the first of its values, so that nothing varies which nobody asked for.
    A space that names no architecture and no sizes gets both from the default space. One that has
    sizes, and leaves out how many inputs a dendrite has, gets as many as fit the budget.

    Args:
      space: the user's own.
      budget: the largest number of trainable parameters allowed.
      problem: the data's features, classes and image shape.
      training: values that come before the default space's, such as `default_training`.
      sizes: what to do with sizes that the space's architectures need and it does not name:
        `ranges` searches the default space's, `constants` takes the middle of each, `none` leaves
        them to the architecture.

    Raises:
      SpaceError: if the space names an architecture that is not registered.
    """
    own: dict[str, Dimension] = canonical_names(space.dimensions)
    names = architectures_of(space)
    added: dict[str, Dimension] = {}
    if sizes != "none" and not own.keys() & {"architecture", *_ALL_SIZES}:
        names = default_architectures(budget, problem)[: None if sizes == "ranges" else 1]
        added["architecture"] = Choice(names)
    wiring, of_images = own.get("connectivity"), FIELDS["connectivity"].needs_images
    if isinstance(wiring, Choice) and of_images.keys().isdisjoint(wiring.values):
        problem = replace(problem, image_shape=None)  # then new inputs come from anywhere, too
    known = [name for name in names if name in (*_SIZES, "class_somata", "mlp")]
    default = {**default_space(budget, problem, known), **training}
    del default["architecture"]
    for name, dimension in parse_space(default).dimensions.items():
        if name in own or (name in _ALL_SIZES and sizes == "none"):
            continue
        searched = name in _ALL_SIZES and sizes == "ranges"
        if name == "n_dendrite_inputs" and searched and own.keys() & _ALL_SIZES:
            dimension = IntRange(1, problem.in_features)
        added[name] = dimension if searched else Choice((_middle(dimension),))
    whole, read = {**added, **own}, [architecture(name) for name in names]
    return {name: d for name, d in added.items() if _plays_part(name, whole, read)}


def _middle(dimension: Dimension) -> Value:
    """One value in the place of a dimension, to three digits."""
    if isinstance(dimension, Choice):
        return dimension.values[0]
    if isinstance(dimension, IntRange):
        return round(math.sqrt(dimension.low * dimension.high))
    low, high = dimension.low, dimension.high
    return float(f"{math.sqrt(low * high) if dimension.log else (low + high) / 2:.3g}")


def _plays_part(
    name: str, dimensions: Mapping[str, Dimension], networks: Sequence[Architecture]
) -> bool:
    """Whether a parameter does with some of the values of the others."""
    if name == "architecture":
        return True
    if not any(name in network.reads for network in networks):
        return False
    return not FIELDS[name].only_if or any(
        _may_hold(condition, dimensions) and _plays_part(condition.field, dimensions, networks)
        for condition in FIELDS[name].only_if
    )


def _may_hold(condition: Condition, dimensions: Mapping[str, Dimension]) -> bool:
    dimension = dimensions.get(condition.field)
    if dimension is None or not isinstance(dimension, Choice):
        return True
    return any(condition.holds_for(value) for value in dimension.values if value is not None)


def budget_architectures(max_params: int) -> tuple[str, ...]:
    """The architectures that suit a budget; with a small one, `dendritic_simple` alone."""
    return ARCHITECTURES[: 1 + (max_params > 2000) + (max_params > 5000)]


def budget_space(max_params: int, problem: Problem) -> dict[str, object]:
    """The older toolkit's space for a budget, with all architectures that suit it."""
    architectures = budget_architectures(max_params)
    space: dict[str, object] = {
        **architecture_sizes("dendritic_simple", max_params, problem),
        "architecture": list(architectures),
        "synaptic_resampling": [True, False],
        "percentage_resample": (0.1, 0.5),
        "steps_to_resample": [64, 128, 256],
        "lr": {"type": "uniform", "low": 5e-4, "high": 5e-3, "log": True},
    }
    if len(architectures) > 1:
        space["n_dendrites"] = (2, 40)  # soma_disabled has no other units in that layer
    if len(architectures) > 2:
        space["hidden_dim"] = (5, 20)
    if problem.image_shape is not None:
        space["connectivity"] = ["random", "local_receptive_fields"]
        space["field_std"] = (1.5, 5.0)
    return space


def architecture_sizes(name: str, max_params: int, problem: Problem) -> dict[str, object]:
    """The older toolkit's ranges of the sizes of one architecture, for a budget."""
    if max_params <= 2000:
        neurons, dendrites, inputs = (2, 10), (2, 6), (8, 64)
    elif max_params <= 5000:
        neurons, dendrites, inputs = (5, 15), (2, 8), (16, 128)
    else:
        neurons, dendrites, inputs = (8, 20), (3, 10), (16, 200)
    space: dict[str, object] = {
        "n_neurons": neurons,
        "n_dendrites": dendrites,
        "n_dendrite_inputs": tuple(min(end, problem.in_features) for end in inputs),
        "architecture": [name],
    }
    if name == "soma_disabled":
        space["n_dendrites"] = (10, max(20, max_params // 80))
    if name == "dendritic_with_hidden":
        space["hidden_dim"] = neurons
    if name == "mlp":
        space = {"hidden_dim": (1, max(1, max_params // problem.in_features)), "architecture": name}
    return space


def _at_most(most: int, values: Sequence[int]) -> list[int]:
    """The values up to the most; that one if all are larger."""
    return [value for value in values if value <= most] or [most]


def _sizes(
    architectures: Sequence[str], budget: int, problem: Problem
) -> dict[str, tuple[int, int]]:
    """The ranges of the architectures' sizes; of a size that several have, one that holds all."""
    ranges: dict[str, tuple[int, int]] = {}
    for name in architectures:
        for field, (low, high) in _sizes_of(name, budget, problem).items():
            smallest, largest = ranges.get(field, (low, high))
            ranges[field] = min(low, smallest), max(high, largest)
    return ranges


def _sizes_of(architecture: str, budget: int, problem: Problem) -> dict[str, tuple[int, int]]:
    if architecture == "mlp":
        return {"hidden_dim": (1, max(1, budget // problem.in_features))}
    if architecture == "class_somata":  # of each class
        a_class = budget / problem.n_classes
        inputs = min(4, problem.in_features), min(60, problem.in_features)
        return {"n_dendrites": (1, max(2, round(a_class / 14))), "n_dendrite_inputs": inputs}
    if architecture not in _SIZES:
        known = did_you_mean(architecture, [*_SIZES, "class_somata", "mlp"])
        raise SpaceError(
            f"no good ranges are known for {architecture!r}{known}; search a space of your own"
        )
    ranges: dict[str, tuple[int, int]] = {}
    for field, (low, high, power, least) in _SIZES[architecture].items():
        factor = (budget / 8000) ** power
        most = problem.in_features if field == "n_dendrite_inputs" else budget
        ends = max(MIN_SIZE, round(low * factor)), max(least, round(high * factor))
        ranges[field] = min(ends[0], ends[1], most), min(ends[1], most)
    return ranges
