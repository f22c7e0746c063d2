"""The space that is searched when nobody names one."""

from jdend.models import Problem

__all__ = ["default_space"]


def default_space(budget: int, problem: Problem) -> dict[str, object]:
    """A space of good networks for a budget: many neurons, sparse dendrites, high rates.

    Its ranges are where the best of wide random searches on Fashion-MNIST lay (docs/results.md).

    Args:
      budget: the most trainable parameters allowed.
      problem: what the data fix.
    """
    scale = budget**0.5
    most_inputs = min(problem.in_features, 48)
    space: dict[str, object] = {
        "architecture": "dendritic_simple",
        "n_neurons": (max(1, round(0.2 * scale)), max(2, round(0.7 * scale))),
        "n_dendrites": (2, 10),
        "n_dendrite_inputs": (min(4, most_inputs), most_inputs),
        "initialization": "fan_in",
        "schedule": "cosine",
        "lr": {"type": "uniform", "low": 6e-3, "high": 2.5e-2, "log": True},
        "weight_decay": {"type": "uniform", "low": 1e-3, "high": 0.1, "log": True},
        "synaptic_resampling": [True, False],
        "percentage_resample": {"type": "uniform", "low": 0.02, "high": 0.2, "log": True},
    }
    if problem.image_shape is not None:
        space |= {
            "connectivity": "local_receptive_fields",
            "field_std": (1.5, 5.0),
            "resampling_inputs": "local",
        }
    return space
