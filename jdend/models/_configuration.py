"""Configurations: parses a user's dict of parameters once, into a typed and canonical form."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from flax import nnx

from jdend._messages import did_you_mean
from jdend.connectivity import ImageShape
from jdend.data import CLASSIFICATION, MULTILABEL, REGRESSION, TASKS
from jdend.fields import (
    FIELDS,
    HYPERPARAMETERS,
    SCHEDULES,
    Derived,
    Field,
    HyperparameterFields,
    Value,
    aliases,
    canonical_name,
    names_of,
)
from jdend.models._registry import Architecture, architecture, architectures
from jdend.models._values import parse_value

__all__ = [
    "DEFAULTS",
    "SCHEDULES",
    "Configuration",
    "Hyperparameters",
    "Problem",
    "Structure",
    "build",
    "check_names",
    "check_value",
    "configure",
    "extras_of",
    "known_fields",
    "structure_of",
]

# The values of fields that a configuration leaves out, unless its architecture has other defaults.
# These are the settings of the reference.
DEFAULTS: dict[str, object] = {
    name: field.default
    for name, field in FIELDS.items()
    if field.default is not None and not isinstance(field.default, Derived)
}

# The tasks of hyperparameters that do not go with all of them.
TASKS_OF = {
    "label_smoothing": (CLASSIFICATION, MULTILABEL),
    "distillation_weight": (CLASSIFICATION,),
}

_OWN_PROGRAM = tuple(n for n, field in HYPERPARAMETERS.items() if field.own_program != "never")

# Sizes that are at most the smaller side of an image.
OF_PIXELS = ("patch_size", "stride", "pooled_size")


@dataclass(frozen=True)
class Problem:
    """What the data say of networks.

    Attributes:
      in_features: the number of features.
      n_classes: the number of classes; of regression 1, for the one number that is predicted; of
        multilabel the number of labels, each of which has a logit.
      image_shape: `(H, W, C)` if the features are the pixels of images.
      task: `classification`, `regression` or `multilabel`.
      loss: the name of the loss that training minimises, see `jdend.training.Loss`; None for that
        of the task.

    Raises:
      ValueError: if there is no such task.
    """

    in_features: int
    n_classes: int
    image_shape: ImageShape | None = None
    task: str = CLASSIFICATION
    loss: str | None = None

    def __post_init__(self):
        if self.task not in TASKS:
            raise ValueError(f"unknown task {self.task!r}{did_you_mean(self.task, TASKS)}")

    def most(self, field: str) -> int | None:
        """The largest value of a size that these data allow; None if any."""
        if field == "n_dendrite_inputs":
            return self.in_features
        if field in OF_PIXELS and self.image_shape is not None:
            return min(self.image_shape[:2])
        return None

    @property
    def has_classes(self) -> bool:
        """Whether examples have classes or labels, so that there is an accuracy; not of regression,
        whose target is a number."""
        return self.task != REGRESSION


@dataclass(frozen=True)
class Structure:
    """The part of a configuration that fixes array shapes, and with them the compiled program.

    Attributes:
      architecture: the registered name of the architecture.
      problem: the data's features, classes and image shape.
      batch_size: the number of examples in a step.
      values: the architecture's own fields, sorted by name.
      extras: the hyperparameters that need a program of their own, see `Field.own_program`: the
        value of each, or True if its value is traced. Those that are off are left out.
    """

    architecture: str
    problem: Problem
    batch_size: int
    values: tuple[tuple[str, Value], ...]
    extras: tuple[tuple[str, Value], ...] = ()

    def __getitem__(self, field: str) -> Value:
        return dict(self.values)[field]

    @property
    def sizes(self) -> dict[str, int]:
        """The fields that are whole numbers; padding may enlarge them."""
        return {name: value for name, value in self.values if type(value) is int}

    @property
    def options(self) -> dict[str, Value]:
        """The other fields; padding does not change them."""
        return {name: value for name, value in self.values if type(value) is not int}

    def with_sizes(self, sizes: Mapping[str, Any]) -> "Structure":
        """The structure with other sizes: those of a padded bucket, traced ones, or none at all."""
        return replace(self, values=tuple(sorted({**self.options, **sizes}.items())))

    @property
    def family(self) -> "Structure":
        """What networks that share a padded program have in common: the structure without the
        sizes that padding may enlarge, which are none if its architecture cannot be padded."""
        arch = architecture(self.architecture)
        if not arch.paddable:
            return self
        return self.with_sizes({n: size for n, size in self.sizes.items() if n in arch.exact})

    @property
    def patches(self) -> tuple[int, int]:
        """How many parts of an example its dendrites read, and how many inputs a part has."""
        return architecture(self.architecture).patches(dict(self.values), self.problem)

    def extra(self, name: str) -> Value | None:
        """One of the `extras`; None if it is off."""
        return dict(self.extras).get(name)

    def __str__(self) -> str:
        values = ", ".join(f"{name}={value}" for name, value in (*self.values, *self.extras))
        return f"{self.architecture}({values})"


@dataclass(frozen=True, kw_only=True)
class Hyperparameters(HyperparameterFields[float, int, str]):
    """The fields of a configuration that fix no shape; `jdend.fields` explains them. A field that
    has no effect has a neutral value, so that equal configurations compare equal."""


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
    """Parses a dict of parameters. Fields that have no effect beside the others are left out.

    Args:
      params: a value for each field; None for the default. `strategy` is an alias of
        `connectivity`; `seed` is ignored.
      problem: the data's features, classes and image shape.
      defaults: the values of training's fields that `params` leaves out; fields that are in neither
        have the reference's settings.

    Raises:
      ValueError: if a value is not allowed; the message names the field, the value and what is
        allowed.
    """
    parsed = _Parsed.of(params, problem, defaults)
    for name, tasks in TASKS_OF.items():
        if problem.task not in tasks and parsed[name] != HYPERPARAMETERS[name].neutral:
            raise ValueError(f"{name}={parsed[name]!r} is for classes, and this is {problem.task}")
    hyperparameters = Hyperparameters(**{name: parsed[name] for name in HYPERPARAMETERS})
    return Configuration(_structure(parsed, extras_of(hyperparameters)), hyperparameters)


def structure_of(params: Mapping[str, object], problem: Problem) -> Structure:
    """The structure of a dict of parameters without its `extras`, which change no shape. Checks the
    fields that fix shapes and no others.

    Args:
      params: as for `configure`.
      problem: the data's features, classes and image shape.

    Raises:
      ValueError: as `configure`.
    """
    return _structure(_Parsed.of(params, problem, None))


def extras_of(hyperparameters: Hyperparameters) -> tuple[tuple[str, Value], ...]:
    """The `extras` of a structure that follow from a configuration's hyperparameters."""
    extras = {
        name: HYPERPARAMETERS[name].in_program(getattr(hyperparameters, name))
        for name in _OWN_PROGRAM
    }
    return tuple((name, extra) for name, extra in extras.items() if extra is not None)


def check_value(field: str, value: object, architecture_name: str, problem: Problem) -> None:
    """Checks one value of a field by itself, if the architecture reads the field.

    Raises:
      ValueError: as `configure`.
    """
    arch = architecture(architecture_name)
    if field in arch.reads:
        _check_most(field, _parse(arch.field(field), value, problem), problem)


def known_fields() -> tuple[str, ...]:
    """The names of all fields that a configuration may have."""
    own = [field for name in architectures() for field in architecture(name).reads]
    return tuple(dict.fromkeys(["architecture", *own, "seed"]))


def check_names(params: Mapping[str, object]) -> dict[str, object]:
    """The parameters under canonical names; `ValueError` if one is no field, or is there twice."""
    resolved: dict[str, object] = {}
    for name, value in params.items():
        field = canonical_name(name)
        if field not in FIELDS and field not in known_fields():
            allowed = (*known_fields(), *aliases())
            raise ValueError(f"unknown parameter {name!r}{did_you_mean(name, allowed)}")
        if field in resolved:
            raise ValueError(f"parameter {field!r} is given twice, once as {name!r}")
        resolved[field] = value
    return resolved


def build(
    structure: Structure, *, kernel: str = "auto", sizes: Any = None, rngs: nnx.Rngs, **wiring: Any
) -> nnx.Module:
    """Builds the network of a structure. Its constructor gets those of the other arguments that it
    takes.

    Args:
      structure: fixes the network's shapes.
      kernel: the kernel that computes dendrites, see `jdend.kernels`.
      sizes: the true sizes by field, if those of the structure are a capacity that pads them.
      rngs: the network's keys.
      **wiring: `connectivity`, `field_std` and `initialization`, as values or traced, see
        `DendriticLayer`; those that are left out have the constructor's defaults.
    """
    arch = architecture(structure.architecture)
    problem = structure.problem
    context = {"image_shape": problem.image_shape, "kernel": kernel, "sizes": sizes}
    arguments = {name: value for name, value in wiring.items() if name in arch.fields}
    of_wiring = [extra for extra in structure.extras if extra[0] in names_of("wiring")]
    arguments |= {name: value for name, value in of_wiring if name in arch.fields}
    arguments |= {name: value for name, value in context.items() if name in arch.context}
    module: Any = arch.module
    return module(
        problem.in_features, problem.n_classes, **dict(structure.values), **arguments, rngs=rngs
    )


class _Parsed(dict[str, Any]):
    """The values of a configuration's fields, each parsed when it is first read. A field that its
    architecture does not read, or that has no effect, has its neutral value."""

    def __init__(self, arch: Architecture, values: Mapping[str, object], problem: Problem):
        super().__init__()
        self.arch, self.problem, self._values, self._reads = arch, problem, values, arch.reads

    @classmethod
    def of(
        cls, params: Mapping[str, object], problem: Problem, defaults: Mapping[str, object] | None
    ) -> "_Parsed":
        """Those of a dict of parameters; the arguments are those of `configure`."""
        params = {name: value for name, value in check_names(params).items() if value is not None}
        values = {**DEFAULTS, **(defaults or {})}
        arch = architecture(str(params.get("architecture", values["architecture"])))
        if arch.needs_images and problem.image_shape is None:
            raise ValueError(
                f"architecture={arch.name!r} needs images; these data are not images: use another, "
                "such as 'sparse_somata'"
            )
        values |= arch.defaults_for(problem)
        return cls(arch, {**values, **params}, problem)

    def __missing__(self, name: str) -> Any:
        field = self._reads.get(name)
        if field is None or (field.only_if and not field.plays_part(self)):
            value = self.arch.field(name).neutral
        else:
            value = self._value(field)
        self[name] = value
        return value

    def _value(self, field: Field) -> Value | None:
        value = self._values.get(field.name)
        if value is None and isinstance(field.default, Derived):
            source = self[field.default.source]
            if source is None:
                return field.neutral
            value = field.default.formula(source)
        return _parse(field, value, self.problem)


def _parse(field: Field, value: object, problem: Problem) -> Value:
    parsed = parse_value(field, value)
    if field.needs_images and problem.image_shape is None and parsed in field.needs_images:
        raise ValueError(
            f"{field.name}={parsed!r} needs images; these data are not images: use "
            f"{field.needs_images[str(parsed)]!r}"
        )
    return parsed


def _check_most(field: str, value: Value | None, problem: Problem) -> None:
    most = problem.most(field)
    if most is None or value is None or int(value) <= most:
        return
    if field in OF_PIXELS:
        raise ValueError(f"{field}={value} is more than the {most} pixels of an image's side")
    raise ValueError(
        f"{field}={value} is more than the data's {most} features; "
        "a dendrite reads each at most once"
    )


def _structure(parsed: _Parsed, extras: tuple[tuple[str, Value], ...] = ()) -> Structure:
    arch, problem = parsed.arch, parsed.problem
    others = names_of("wiring", "resampling")
    own = {field: parsed[field] for field in arch.fields if field not in others}
    if "n_dendrite_inputs" in own and parsed["connectivity"] == "fully_connected":
        own["n_dendrite_inputs"] = problem.in_features
    for name in own:
        most = own.get(FIELDS[name].capped_by) if name in FIELDS else None
        own[name] = own[name] if most is None else min(own[name], most)
    for field in arch.ignores(own):
        own.pop(field, None)
    for name, value in own.items():
        _check_most(name, value, problem)
    return Structure(arch.name, problem, parsed["batch_size"], tuple(sorted(own.items())), extras)
