"""Configurations: a user's dict of parameters, parsed once into typed, canonical form."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Int

from jdend._words import did_you_mean
from jdend.connectivity import CONNECTIVITIES, ImageShape
from jdend.models._initialization import INITIALIZATIONS
from jdend.models._registry import (
    CONNECTIVITY_FIELDS,
    RESAMPLING_FIELDS,
    Architecture,
    architecture,
    architectures,
)
from jdend.plasticity import PROPOSALS, RULES

__all__ = [
    "DEFAULTS",
    "SCHEDULES",
    "Configuration",
    "Hyperparameters",
    "Problem",
    "Structure",
    "build",
    "check_names",
    "configure",
    "known_fields",
]

SCHEDULES = ("constant", "cosine")
ALIASES = {"strategy": "connectivity"}

# What a configuration that leaves a field out means: the reference's settings.
DEFAULTS: dict[str, object] = {
    "architecture": "dendritic_simple",
    "n_epochs": 15,
    "batch_size": 256,
    "lr": 5e-4,
    "weight_decay": 0.01,
    "schedule": "constant",
    "connectivity": "random",
    "field_std": None,
    "initialization": "reference",
    "synaptic_resampling": True,
    "percentage_resample": 0.25,
    "steps_to_resample": 128,
    "resampling_rule": "flat",
    "resampling_inputs": "uniform",
}
CHOICES: dict[str, Collection[str]] = {
    "connectivity": CONNECTIVITIES,  # a user may add to it
    "schedule": SCHEDULES,
    "initialization": INITIALIZATIONS,
    "resampling_rule": RULES,
    "resampling_inputs": PROPOSALS,
}
TRAINING_FIELDS = ("lr", "weight_decay", "schedule", "n_epochs", "batch_size")
# Training's arrays are int32 and float32.
_LARGEST_WHOLE = 2**31 - 1
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Problem:
    """What the data fix: `F` features, the classes, and `(H, W, C)` if the features are pixels."""

    in_features: int
    n_classes: int
    image_shape: ImageShape | None = None


@dataclass(frozen=True)
class Structure:
    """What fixes array shapes, and with them the compiled program.

    Attributes:
      architecture: its registered name.
      problem: what the data fix.
      batch_size: examples a step.
      values: the architecture's own fields, sorted by name.
    """

    architecture: str
    problem: Problem
    batch_size: int
    values: tuple[tuple[str, int | bool | float | str], ...]

    def __getitem__(self, field: str):
        return dict(self.values)[field]

    @property
    def sizes(self) -> dict[str, int]:
        """The fields that are whole numbers, which padding may enlarge."""
        return {name: value for name, value in self.values if type(value) is int}

    def __str__(self) -> str:
        values = ", ".join(f"{name}={value}" for name, value in self.values)
        return f"{self.architecture}({values})"


@dataclass(frozen=True)
class Hyperparameters:
    """The numbers that fix no shape. What an architecture does not read has a neutral value, so
    that equal configurations compare equal.

    Attributes:
      n_epochs: passes over the training data.
      lr: peak learning rate of AdamW.
      weight_decay: decoupled, a fraction of the learning rate a step.
      schedule: `constant`, or `cosine` to zero at the end of `n_epochs`.
      connectivity, field_std (pixels), initialization: see `DendriticLayer`.
      percentage_resample: see `jdend.plasticity.resample`.
      steps_to_resample: steps between resamplings; 0 where there is none.
      resampling_rule, resampling_inputs: see `jdend.plasticity.resample`.
    """

    n_epochs: int
    lr: float
    weight_decay: float
    schedule: str
    connectivity: str = "random"
    field_std: float = 1.0
    initialization: str = "reference"
    percentage_resample: float = 0.0
    steps_to_resample: int = 0
    resampling_rule: str = "flat"
    resampling_inputs: str = "uniform"


@dataclass(frozen=True)
class Configuration:
    """Structure and hyperparameters, without the seed, in canonical form."""

    structure: Structure
    hyperparameters: Hyperparameters


def configure(
    params: Mapping[str, object],
    problem: Problem,
    defaults: Mapping[str, object] | None = None,
) -> Configuration:
    """Parses a dict of parameters; fields that play no part under the others are dropped.

    Args:
      params: values by field name, None for the default. `strategy` stands for `connectivity`;
        `seed` is passed over.
      problem: what the data fix.
      defaults: values of training's fields that `params` leaves out, before the reference's.

    Raises:
      ValueError: naming the field, what it was given and what it allows.
    """
    params = check_names(params)
    given = {name: value for name, value in params.items() if value is not None}
    values = {**DEFAULTS, **(defaults or {})}
    arch = architecture(str(given.get("architecture", values["architecture"])))
    values |= {**arch.defaults, **given}

    structure = _structure(arch, values, problem)
    hyperparameters = Hyperparameters(
        n_epochs=_whole("n_epochs", values["n_epochs"]),
        lr=_real("lr", values["lr"], above=0.0),
        weight_decay=_real("weight_decay", values["weight_decay"], at_least=0.0),
        schedule=_choice("schedule", values["schedule"]),
        **_wiring(arch, values, structure),
    )
    return Configuration(structure, hyperparameters)


def known_fields() -> tuple[str, ...]:
    """Every field that a configuration may have."""
    own = [field for name in architectures() for field in architecture(name).fields]
    return tuple(dict.fromkeys(["architecture", *own, *TRAINING_FIELDS, "seed"]))


def check_names(params: Mapping[str, object]) -> dict[str, object]:
    """The parameters with aliases resolved; `ValueError` for a name that nothing reads."""
    resolved: dict[str, object] = {}
    known = known_fields()
    for name, value in params.items():
        field = ALIASES.get(name, name)
        if field not in known:
            raise ValueError(f"unknown parameter {name!r}{did_you_mean(name, (*known, *ALIASES))}")
        if field in resolved:
            raise ValueError(f"parameter {field!r} is given twice, once as {name!r}")
        resolved[field] = value
    return resolved


def build(
    structure: Structure,
    *,
    connectivity: str | Int[Array, ""] = "random",
    field_std: float | Float[Array, ""] | None = None,
    initialization: str | Int[Array, ""] = "reference",
    kernel: str = "auto",
    sizes=None,
    rngs: nnx.Rngs,
) -> nnx.Module:
    """Makes the network of a structure; the other arguments reach it if it takes them."""
    arch = architecture(structure.architecture)
    optional = {
        "connectivity": connectivity,
        "field_std": field_std,
        "initialization": initialization,
    }
    arguments = {name: value for name, value in optional.items() if name in arch.fields}
    context = {"image_shape": structure.problem.image_shape, "kernel": kernel, "sizes": sizes}
    arguments |= {name: value for name, value in context.items() if name in arch.context}
    problem = structure.problem
    module: Any = arch.module
    return module(
        problem.in_features, problem.n_classes, **dict(structure.values), **arguments, rngs=rngs
    )


def _structure(arch: Architecture, values: Mapping[str, object], problem: Problem) -> Structure:
    own: dict[str, Any] = {}
    for field in arch.fields:
        if field in CONNECTIVITY_FIELDS or field in RESAMPLING_FIELDS:
            continue
        value = values.get(field)
        if field == "hidden_dim" and value is None:
            value = values.get("n_neurons")
        own[field] = _static(field, value, arch.defaults.get(field))
    if _fully_connected(arch, values) and "n_dendrite_inputs" in own:
        own["n_dendrite_inputs"] = problem.in_features
    for field in arch.ignores(own):
        own.pop(field, None)
    if own.get("n_dendrite_inputs", 0) > problem.in_features:
        raise ValueError(
            f"n_dendrite_inputs={own['n_dendrite_inputs']} is more than the data's "
            f"{problem.in_features} features; a dendrite reads each at most once"
        )
    batch_size = _whole("batch_size", values["batch_size"])
    return Structure(arch.name, problem, batch_size, tuple(sorted(own.items())))


def _wiring(
    arch: Architecture, values: Mapping[str, object], structure: Structure
) -> dict[str, Any]:
    """The hyperparameters of connectivity and resampling that play a part."""
    read: dict[str, Any] = {}
    wants_width = False
    if "connectivity" in arch.fields:
        rule = _choice("connectivity", values["connectivity"])
        wants_width = rule == "local_receptive_fields"
        if wants_width and structure.problem.image_shape is None:
            raise ValueError(
                "connectivity='local_receptive_fields' needs images; these data are not images: "
                "use 'random'"
            )
        read["connectivity"] = rule
    if "initialization" in arch.fields:
        read["initialization"] = _choice("initialization", values["initialization"])
    resampled = (
        "synaptic_resampling" in arch.fields
        and _flag("synaptic_resampling", values["synaptic_resampling"])
        and not _fully_connected(arch, values)
    )
    percentage = 0.0
    if resampled:
        percentage = _real("percentage_resample", values["percentage_resample"], 0.0, at_most=1.0)
    if percentage > 0:
        proposals = _choice("resampling_inputs", values["resampling_inputs"])
        if proposals == "local" and structure.problem.image_shape is None:
            raise ValueError("resampling_inputs='local' needs images; use 'uniform'")
        wants_width |= proposals == "local"
        read |= {
            "percentage_resample": percentage,
            "steps_to_resample": _whole("steps_to_resample", values["steps_to_resample"]),
            "resampling_rule": _choice("resampling_rule", values["resampling_rule"]),
            "resampling_inputs": proposals,
        }
    if wants_width and "field_std" in arch.fields:
        width = values.get("field_std")
        if width is None and "n_dendrite_inputs" in structure.sizes:
            width = structure.sizes["n_dendrite_inputs"] ** 0.5
        if width is not None:
            read["field_std"] = _real("field_std", width, above=0.0)
    return read


def _fully_connected(arch: Architecture, values: Mapping[str, object]) -> bool:
    return "connectivity" in arch.fields and values["connectivity"] == "fully_connected"


def _static(field: str, value: object, default: object) -> int | bool | float | str:
    """A field of the architecture itself: of its default's kind, or else a positive integer."""
    if isinstance(default, bool):
        return _flag(field, value)
    if isinstance(default, float):
        return _real(field, value)
    if isinstance(default, str):
        if not isinstance(value, str):
            raise ValueError(f"{field} must be a string, got {value!r}")
        return value
    return _whole(field, value)


def _whole(field: str, value: object) -> int:
    integral = isinstance(value, int | np.integer) and not isinstance(value, bool | np.bool_)
    if not integral or int(value) < 1:  # pyright: ignore[reportArgumentType]
        raise ValueError(f"{field} must be a positive integer, got {value!r}")
    if int(value) > _LARGEST_WHOLE:  # pyright: ignore[reportArgumentType]
        raise ValueError(f"{field} must be at most {_LARGEST_WHOLE}, got {value!r}")
    return int(value)  # pyright: ignore[reportArgumentType]


def _real(
    field: str,
    value: object,
    at_least: float = -math.inf,
    *,
    above: float = -math.inf,
    at_most: float = math.inf,
) -> float:
    number = isinstance(value, int | float | np.integer | np.floating)
    if not number or isinstance(value, bool) or not abs(value) <= _LARGEST:  # pyright: ignore
        raise ValueError(f"{field} must be a finite number, got {value!r}")
    if not (at_least <= value <= at_most and value > above):  # pyright: ignore
        bound = f"above {above:g}" if above > -math.inf else f"at least {at_least:g}"
        upper = f" and at most {at_most:g}" if at_most < math.inf else ""
        raise ValueError(f"{field} must be {bound}{upper}, got {value!r}")
    return float(value)  # pyright: ignore[reportArgumentType]


def _flag(field: str, value: object) -> bool:
    if isinstance(value, bool | np.bool_):
        return bool(value)
    raise ValueError(f"{field} must be True or False, got {value!r}")


def _choice(field: str, value: object) -> str:
    if value not in tuple(CHOICES[field]):
        raise ValueError(f"unknown {field} {value!r}{did_you_mean(value, CHOICES[field])}")
    return str(value)
