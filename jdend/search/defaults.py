"""The space that is searched when nobody names one."""

from jdend.models import Problem

__all__ = ["default_space"]


def default_space(budget: int, problem: Problem) -> dict[str, object]:
    """A space of good networks for a budget: sparse dendrites, local where the data are images.

    Args:
      budget: the most trainable parameters allowed.
      problem: what the data fix.
    """
    # A neuron costs D (K + 2) + 1 parameters and one weight a class; half the square root of the
    # budget is about as many neurons as leave each of them some dendrites.
    most_neurons = max(2, min(24, round(budget**0.5 / 4)))
    most_inputs = min(problem.in_features, 96)
    space: dict[str, object] = {
        "architecture": "dendritic_simple",
        "n_neurons": (max(1, most_neurons // 2), most_neurons),
        "n_dendrites": (2, 10),
        "n_dendrite_inputs": (min(8, most_inputs), most_inputs),
        "initialization": "fan_in",
        "schedule": "cosine",
        "lr": {"type": "uniform", "low": 1e-3, "high": 5e-3, "log": True},
        "synaptic_resampling": [True, False],
    }
    if problem.image_shape is not None:
        space |= {"strategy": "local_receptive_fields", "field_std": (1.5, 4.0)}
    return space
