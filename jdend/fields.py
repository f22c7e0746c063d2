"""Every field of a configuration, once: its kind, bounds, default, names, and when it plays a part.

Parsing, search spaces, traced arrays, tables, report, help and docs read it here. To add a
hyperparameter, add an entry to `HyperparameterFields`, with its neutral value as the one that
changes nothing, and use it: `hyperparameters.its_name`, one array of a population's program.
Nothing here imports anything heavy.
"""

# ruff: noqa: RUF009  (an entry is a call that makes a dataclass field)

import dataclasses
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from jdend._field import GROUPS, Condition, Derived, Field, Group, Kind, Value

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
    warmup_steps: Whole = _whole(
        group="training",
        doc="Steps in which the rate rises from zero in a straight line.",
        default=0,
        neutral=0,
        at_least=0,
        heading="warm-up",
        label="warm-up",
        unit="steps",
    )
    label_smoothing: Real = _real(
        group="training",
        doc="Share of a target's probability that is spread over all classes (Szegedy et al. "
        "2016).",
        default=0.0,
        neutral=0.0,
        at_least=0.0,
        at_most=1.0,
        heading="smoothing",
        label="label smoothing",
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
            Condition("resampling_inputs", "local_free"),
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
        needs_images={"local": "uniform", "local_free": "uniform_free"},
        only_if=(_RESAMPLED,),
        label="new inputs",
    )
    resampling_std: Real = _real(
        group="resampling",
        doc="Width in which new local inputs are drawn, as a standard deviation around the mean of "
        "the dendrite's inputs.",
        default=Derived("field_std", float, "field_std"),
        neutral=1.0,
        above=0.0,
        only_if=(
            Condition("resampling_inputs", "local"),
            Condition("resampling_inputs", "local_free"),
        ),
        heading="reach",
        label="reach of new inputs",
        unit="pixels",
    )
    resampling_weights: Name = _choice(
        group="resampling",
        doc="A new synapse's weight: drawn as at the beginning, or zero.",
        default="drawn",
        neutral="drawn",
        choices="jdend.plasticity:NEW_WEIGHTS",
        only_if=(_RESAMPLED,),
        heading="new weights",
        label="new weights",
    )
    resampling_schedule: Name = _choice(
        group="resampling",
        doc="How `percentage_resample` goes: as it is, or along half a cosine to zero at "
        "`resampling_end`.",
        default="constant",
        neutral="constant",
        choices="jdend.plasticity:SHARES",
        only_if=(_RESAMPLED,),
        heading="share goes",
        label="schedule of resampling",
    )
    resampling_end: Real = _real(
        group="resampling",
        doc="The part of training after which no synapse is replaced.",
        default=1.0,
        neutral=1.0,
        above=0.0,
        at_most=1.0,
        only_if=(_RESAMPLED,),
        heading="until",
        label="end of resampling",
    )

    def wiring(self) -> dict[str, Real | Whole | Name]:
        """Those that an architecture's constructor takes, by name."""
        return {name: getattr(self, name) for name in names_of("wiring")}


def _size(
    name: str, doc: str, heading: str, default: Derived | None = None, capped_by: str = ""
) -> Field:
    return Field(
        name=name,
        kind="whole",
        group="network",
        doc=doc,
        default=default,
        at_least=1,
        fixes_shape=True,
        capped_by=capped_by,
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
    _size(
        "n_soma_inputs",
        "Dendrites that a soma reads, where somata share them.",
        "soma inputs",
        capped_by="n_dendrites",
    ),
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
