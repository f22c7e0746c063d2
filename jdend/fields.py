"""Every field of a configuration, once: its kind, bounds, default, names, and when it plays a part.

Parsing, search spaces, traced arrays, tables, report, help and docs read it here. To add a
hyperparameter, add an entry to `HyperparameterFields`, with its neutral value as the one that
changes nothing, and use it: `hyperparameters.its_name`, one array of a population's program.
Nothing here imports jdend or anything heavy.
"""

# ruff: noqa: RUF009  (an entry is a call that makes a dataclass field)

import dataclasses
import functools
import importlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

__all__ = [
    "FIELDS",
    "GROUPS",
    "HYPERPARAMETERS",
    "SCHEDULES",
    "Condition",
    "Derived",
    "Field",
    "HyperparameterFields",
    "Kind",
    "Value",
    "aliases",
    "canonical_name",
    "canonical_names",
    "heading",
    "label",
    "names_of",
]

SCHEDULES = ("constant", "cosine")

Kind = Literal["whole", "real", "flag", "choice", "text"]
# search: what a trial is. network: arguments of an architecture's constructor that fix a shape.
# wiring: its other arguments. resampling: read by training, for architectures with
# `synaptic_resampling`. training: read for every architecture.
Group = Literal["search", "network", "wiring", "resampling", "training"]
GROUPS: tuple[Group, ...] = ("search", "network", "wiring", "resampling", "training")
Value = int | float | bool | str
Values = Mapping[str, Any]


@dataclass(frozen=True)
class Condition:
    """That another field has a value; if `negated`, that it has not."""

    field: str
    value: Value
    negated: bool = False

    def holds(self, values: Values) -> bool:
        return (values[self.field] == self.value) is not self.negated

    def __str__(self) -> str:
        return f"`{self.field}` is {'not ' if self.negated else ''}`{self.value}`"


@dataclass(frozen=True)
class Derived:
    """A default that follows from another field.

    Attributes:
      source: that field.
      formula: from its value to the default.
      text: the formula for people.
    """

    source: str
    formula: Callable[[Any], Value]
    text: str


@dataclass(frozen=True, kw_only=True)
class Field:
    """All that is known of a field of a configuration.

    Attributes:
      name: what configurations call it.
      kind: of its values.
      group: who reads it.
      doc: a sentence.
      default: where a configuration leaves it out; None if its architecture says.
      neutral: its value where it plays no part, so that equal configurations compare equal.
      above, at_least, at_most: bounds of a number.
      choices: allowed names, or `module:NAME` of a collection of them, which may grow.
      needs_images: choices that need images, and what to use instead.
      fixes_shape: whether arrays' shapes, or how many parameters there are, can depend on it.
      only_if: it plays a part only where one of these holds; always where there are none.
      heading: of a table's column.
      label: in a report.
      unit: of a number.
      aliases: other names that are accepted for it.
    """

    name: str
    kind: Kind
    group: Group
    doc: str = ""
    default: Value | Derived | None = None
    neutral: Value | None = None
    above: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    choices: tuple[str, ...] | str = ()
    needs_images: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])
    fixes_shape: bool = False
    only_if: tuple[Condition, ...] = ()
    heading: str = ""
    label: str = ""
    unit: str = ""
    aliases: tuple[str, ...] = ()

    def plays_part(self, values: Values) -> bool:
        """Whether it does, under a configuration's other values."""
        return not self.only_if or any(condition.holds(values) for condition in self.only_if)

    def allowed(self) -> tuple[str, ...]:
        """The names that it may have at this moment."""
        if isinstance(self.choices, tuple):
            return self.choices
        path, _, name = self.choices.partition(":")
        module = sys.modules.get(path) or importlib.import_module(path)
        return tuple(getattr(module, name))


def _whole(**settings: Any) -> Any:
    return _hyperparameter("whole", **{"at_least": 1, **settings})


def _real(**settings: Any) -> Any:
    return _hyperparameter("real", **settings)


def _choice(**settings: Any) -> Any:
    return _hyperparameter("choice", **settings)


def _hyperparameter(kind: Kind, **settings: Any) -> Any:
    """An entry: a dataclass's field whose value, where it is left out, is the neutral one."""
    neutral = settings.get("neutral", dataclasses.MISSING)
    return dataclasses.field(default=neutral, metadata={"kind": kind, **settings})


Real = TypeVar("Real")
Whole = TypeVar("Whole")
Name = TypeVar("Name")

_RESAMPLED = Condition("percentage_resample", 0.0, negated=True)


@dataclass(frozen=True, kw_only=True)
class HyperparameterFields(Generic[Real, Whole, Name]):
    """The hyperparameters: of one configuration `float`, `int` and `str`, of a population arrays.

    What always plays a part has no neutral value.
    """

    n_epochs: Whole = _whole(
        group="training",
        doc="Passes over the training data.",
        default=15,
        label="epochs",
    )
    lr: Real = _real(
        group="training",
        doc="Peak learning rate of AdamW.",
        default=5e-4,
        above=0.0,
        label="rate",
    )
    weight_decay: Real = _real(
        group="training",
        doc="AdamW's decoupled decay, a fraction of the learning rate a step.",
        default=0.01,
        at_least=0.0,
        heading="decay",
        label="decay",
    )
    schedule: Name = _choice(
        group="training",
        doc="How the rate goes: as it is, or along half a cosine to zero at the end of `n_epochs`.",
        default="constant",
        choices=SCHEDULES,
    )
    connectivity: Name = _choice(
        group="wiring",
        doc="The rule that draws which inputs a dendrite reads.",
        default="random",
        neutral="random",
        choices="jdend.connectivity:CONNECTIVITIES",
        needs_images={"local_receptive_fields": "random"},
        fixes_shape=True,  # fully connected dendrites read all features
        aliases=("strategy",),
    )
    field_std: Real = _real(
        group="wiring",
        doc="Width of a local receptive field, as a standard deviation.",
        default=Derived(
            "n_dendrite_inputs", lambda inputs: inputs**0.5, "n_dendrite_inputs ** 0.5"
        ),
        neutral=1.0,
        above=0.0,
        only_if=(
            Condition("connectivity", "local_receptive_fields"),
            Condition("resampling_inputs", "local"),
        ),
        label="field width",
        unit="pixels",
    )
    initialization: Name = _choice(
        group="wiring",
        doc="Variance of a dendrite's first weights: 2 / features, or 2 / inputs of the dendrite.",
        default="reference",
        neutral="reference",
        choices="jdend.models._initialization:INITIALIZATIONS",
        heading="init",
        label="initialisation",
    )
    percentage_resample: Real = _real(
        group="resampling",
        doc="Fraction of a dendrite's synapses that may be replaced at a time.",
        default=0.25,
        neutral=0.0,
        at_least=0.0,
        at_most=1.0,
        only_if=(Condition("synaptic_resampling", True),),
        heading="share",
        label="share resampled",
    )
    steps_to_resample: Whole = _whole(
        group="resampling",
        doc="Steps between resamplings.",
        default=128,
        neutral=0,
        only_if=(_RESAMPLED,),
        heading="every",
        label="steps to resample",
        unit="steps",
    )
    resampling_rule: Name = _choice(
        group="resampling",
        doc="Which synapses may be replaced.",
        default="flat",
        neutral="flat",
        choices="jdend.plasticity:RULES",
        only_if=(_RESAMPLED,),
        label="resampling rule",
    )
    resampling_inputs: Name = _choice(
        group="resampling",
        doc="Where new inputs come from.",
        default="uniform",
        neutral="uniform",
        choices="jdend.plasticity:PROPOSALS",
        needs_images={"local": "uniform"},
        only_if=(_RESAMPLED,),
        label="new inputs",
    )

    def wiring(self) -> dict[str, Real | Whole | Name]:
        """Those that an architecture's constructor takes, by name."""
        return {name: getattr(self, name) for name in names_of("wiring")}


def _size(name: str, doc: str, heading: str, default: Derived | None = None) -> Field:
    return Field(
        name=name,
        kind="whole",
        group="network",
        doc=doc,
        default=default,
        at_least=1,
        fixes_shape=True,
        heading=heading,
        label=heading,
    )


HYPERPARAMETERS: Mapping[str, Field] = {
    entry.name: Field(name=entry.name, **entry.metadata)
    for entry in dataclasses.fields(HyperparameterFields)
}

_N_NEURONS = Derived("n_neurons", lambda n_neurons: n_neurons, "n_neurons")

_OTHERS = (
    Field(
        name="architecture",
        kind="text",
        group="search",
        doc="The kind of network, by its registered name.",
        default="dendritic_simple",
        fixes_shape=True,
    ),
    _size(
        "n_neurons",
        "Neurons; without somata, units of a layer of their own.",
        "neurons",
    ),
    _size("n_dendrites", "Dendrites of a neuron; without somata, of the layer.", "dendrites"),
    _size("n_dendrite_inputs", "Inputs of a dendrite, at most the data's features.", "inputs"),
    _size("hidden_dim", "Units of the hidden layer.", "hidden", _N_NEURONS),
    Field(
        name="soma_enabled",
        kind="flag",
        group="network",
        doc="Whether somata sum a neuron's dendrites.",
        fixes_shape=True,
        heading="soma",
        label="soma",
    ),
    Field(
        name="synaptic_resampling",
        kind="flag",
        group="resampling",
        doc="Whether weak synapses are replaced during training.",
        default=True,
        neutral=False,
        only_if=(Condition("connectivity", "fully_connected", negated=True),),
        heading="resample",
        label="resampling",
    ),
    Field(
        name="batch_size",
        kind="whole",
        group="training",
        doc="Examples a step.",
        default=256,
        at_least=1,
        fixes_shape=True,
        label="batch",
    ),
    Field(
        name="seed",
        kind="whole",
        group="search",
        doc="Fixes initialisation, connectivity and the order of the data; trials that differ in "
        "it alone are one.",
        at_least=0,
    ),
)

FIELDS: Mapping[str, Field] = {
    field.name: field
    for group in GROUPS
    for field in (*_OTHERS, *HYPERPARAMETERS.values())
    if field.group == group
}

_ALIASES = {alias: field.name for field in FIELDS.values() for alias in field.aliases}


def canonical_name(name: str) -> str:
    """The field that a name stands for; any other name is its own."""
    return _ALIASES.get(name, name)


def canonical_names(params: Mapping[str, Any]) -> dict[str, Any]:
    """The same values, each under its field's own name."""
    return {canonical_name(name): value for name, value in params.items()}


@functools.cache
def names_of(*groups: Group) -> tuple[str, ...]:
    """The fields of these groups, in their order here."""
    return tuple(name for name, field in FIELDS.items() if field.group in groups)


def heading(name: str) -> str:
    """What a table's column of a parameter is called; of an unknown one, its name."""
    name = canonical_name(name)
    return FIELDS[name].heading or name if name in FIELDS else name


def label(name: str) -> str:
    """Likewise in words, for a report."""
    name = canonical_name(name)
    plain = name.replace("_", " ")
    return FIELDS[name].label or plain if name in FIELDS else plain


def aliases() -> tuple[str, ...]:
    """The names that are accepted beside the fields' own."""
    return tuple(_ALIASES)
