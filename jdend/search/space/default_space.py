"""The search spaces that are used when the user gives none."""

from collections.abc import Mapping

from jdend._messages import did_you_mean
from jdend.models import Problem
from jdend.search.errors import SpaceError

__all__ = [
    "ARCHITECTURES",
    "architecture_sizes",
    "budget_architectures",
    "budget_space",
    "default_space",
    "default_training",
    "narrow_space",
]

ARCHITECTURES = ("dendritic_simple", "soma_disabled", "dendritic_with_hidden")


def default_space(budget: int, problem: Problem) -> dict[str, object]:
    """A space of good networks for a budget: many sparse dendrites, shared by all neurons.

    The ranges were measured on Fashion-MNIST with 110 to 32,000 parameters (docs/results.md). The
    number of dendrites grows with the budget to the power of 0.75 and the other sizes with its
    square root, while rates fall with its fourth root.

    Args:
      budget: the largest number of trainable parameters allowed.
      problem: the data's features, classes and image shape.
    """
    root, size = budget**0.5, budget / 8000

    def whole(low: float, high: float, least: int, most: int) -> tuple[int, int]:
        return min(max(1, round(low)), most), min(max(least, round(high)), most)

    def real(low: float, high: float) -> dict[str, object]:
        return {"type": "uniform", "low": low, "high": high, "log": True}

    space: dict[str, object] = {
        "architecture": ["sparse_somata", "soma_disabled"],
        "n_dendrites": whole(0.16 * root**1.5, 0.37 * root**1.5, 3, budget),
        "n_neurons": whole(0.25 * root, 0.7 * root, 2, budget),
        "n_soma_inputs": whole(0.4 * root, 0.9 * root, 2, budget),
        "n_dendrite_inputs": whole(max(4.0, 0.1 * root), 0.4 * root, 16, problem.in_features),
        "initialization": "fan_in",
        "schedule": "cosine",
        "warmup_steps": 100,
        "lr": real(8e-3 * size**-0.25, 2.5e-2 * size**-0.25),
        "weight_decay": real(0.01 * size**0.5, 0.15 * size**0.5),
        "label_smoothing": (0.0, 0.1 * min(1.0, size**0.5)),
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
        if budget < LOCAL_PARAMS:
            space |= {
                "connectivity": ["local_receptive_fields", "random"],
                "resampling_inputs": ["local_free", "uniform_free"],
            }
    return space


# Networks of fewer parameters may read pixels from anywhere.
LOCAL_PARAMS = 2000
# Of networks of 8,000 parameters, when a search takes about a minute: passes over the data, and
# steps, at least. Smaller networks are trained for longer, up to so many times.
MIN_EPOCHS, MIN_STEPS, MAX_TIMES_LONGER = 20, 1500, 4.0
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


# For each architecture and size: both ends of the range as multiples of the budget's square root,
# and the smallest value allowed for the upper end. For 8,000 parameters these are 40 to 60 neurons
# of 4 to 8 dendrites with 13 to 36 inputs; for the architecture without somata 120 to 180 dendrites
# of 13 to 36 inputs, and 20 to 26 units after them.
_SIZE_RANGES: dict[str, dict[str, tuple[float, float, int]]] = {
    "dendritic_simple": {
        "n_neurons": (0.45, 0.67, 2),
        "n_dendrites": (0.045, 0.09, 3),
        "n_dendrite_inputs": (0.15, 0.4, 8),
    },
    "soma_disabled": {
        "n_neurons": (0.22, 0.29, 2),
        "n_dendrites": (1.34, 2.0, 3),
        "n_dendrite_inputs": (0.15, 0.4, 8),
    },
    "dendritic_with_hidden": {
        "n_neurons": (0.4, 0.6, 2),
        "n_dendrites": (0.045, 0.09, 3),
        "n_dendrite_inputs": (0.15, 0.4, 8),
        "hidden_dim": (0.2, 0.35, 2),
    },
}


def narrow_space(architecture: str, budget: int, problem: Problem) -> dict[str, object]:
    """A narrow space around an architecture's best networks, for a search of a dozen short trials.

    High learning rates that fall by a cosine, and smoothed labels. Resampling moves weak synapses
    to free inputs near the dendrite's field, where they start with weight 0; the share of synapses
    that it moves shrinks during training (docs/results.md, docs/resampling.md).

    Args:
      architecture: `dendritic_simple`, `soma_disabled`, `dendritic_with_hidden` or `mlp`.
      budget: the largest number of trainable parameters allowed.
      problem: the data's features, classes and image shape.

    Raises:
      SpaceError: for another architecture.
    """
    training: dict[str, object] = {
        "architecture": architecture,
        "schedule": "cosine",
        "lr": {"type": "uniform", "low": 1e-2, "high": 2e-2, "log": True},
        "weight_decay": {"type": "uniform", "low": 0.02, "high": 0.1, "log": True},
        "label_smoothing": 0.05,
    }
    if architecture == "mlp":
        return {**training, "hidden_dim": (1, max(1, budget // problem.in_features))}
    if architecture not in _SIZE_RANGES:
        raise SpaceError(
            f"no good ranges are known for {architecture!r}"
            f"{did_you_mean(architecture, _SIZE_RANGES)}; search a space of your own"
        )
    space = {
        **training,
        **_sizes(_SIZE_RANGES[architecture], budget, problem),
        "initialization": "fan_in",
        "percentage_resample": (0.2, 0.35),
        "steps_to_resample": 100,
        "resampling_weights": "zero",
        "resampling_schedule": "cosine",
        "resampling_end": 0.85,
        "resampling_inputs": "uniform_free" if problem.image_shape is None else "local_free",
    }
    if problem.image_shape is not None:
        space |= {
            "connectivity": "local_receptive_fields",
            "field_std": (1.5, 3.0),
            "resampling_std": 4.0,
        }
    return space


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


def _sizes(
    size_ranges: Mapping[str, tuple[float, float, int]], budget: int, problem: Problem
) -> dict[str, object]:
    ranges = {}
    for field, (low, high, least) in size_ranges.items():
        most = problem.in_features if field == "n_dendrite_inputs" else budget
        ends = max(1, round(low * budget**0.5)), max(least, round(high * budget**0.5))
        ranges[field] = tuple(min(end, most) for end in ends)
    return ranges
