"""Every field of a configuration, once: its kind, bounds, default, names, and when it plays a part.

Parsing, search spaces, traced arrays, tables, report, help and docs read it here. To add a
hyperparameter, add an entry to `jdend/_hyperparameters.py`, with its neutral value as the one that
changes nothing, and use it: `hyperparameters.its_name`, one array of a population's program.
Nothing here imports anything heavy.
"""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

from jdend._field import GROUPS, Condition, Derived, Field, Group, Kind, Value
from jdend._hyperparameters import (
    FIXED_INPUTS,
    SCHEDULES,
    SELF,
    TAUGHT_WEIGHT,
    HyperparameterFields,
)

__all__ = [
    "FIELDS",
    "GROUPS",
    "HYPERPARAMETERS",
    "SCHEDULES",
    "SELF",
    "TAUGHT_WEIGHT",
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
    "that_play_a_part",
]


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

_HIDDEN_DIM = Derived("hidden_dim", lambda hidden_dim: hidden_dim, "hidden_dim")
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
    _size("second_n_neurons", "Neurons of a second dendritic layer.", "second neurons"),
    _size("second_n_dendrites", "Dendrites of each of these.", "second dendrites"),
    _size(
        "second_n_dendrite_inputs",
        "Neurons of the first layer that each of those reads.",
        "second inputs",
        capped_by="n_neurons",
    ),
    _size("patch_size", "Side of the patches that dendrites look at, in pixels.", "patch"),
    _size("stride", "Pixels from one patch to the next.", "stride"),
    _size("pooled_size", "Side of the grid of regions that patches are pooled in.", "pooled"),
    _size("hidden_dim", "Units of the hidden layer.", "hidden", _N_NEURONS),
    _size("second_hidden_dim", "Units of a second one.", "second", _HIDDEN_DIM),
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
        only_if=(Condition("connectivity", FIXED_INPUTS, negated=True),),
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


def that_play_a_part(params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters under their fields' own names, without those that change nothing beside the
    others, such as how much is resampled where nothing is."""
    named = canonical_names(params)
    return {name: value for name, value in named.items() if _plays_part(name, named)}


def _plays_part(name: str, values: Mapping[str, Any]) -> bool:
    """As `Field.plays_part`, where fields may be left out."""
    conditions = FIELDS[name].only_if if name in FIELDS else ()
    read = {c.field: _value(c.field, values) for c in conditions}
    return not conditions or any(condition.holds(read) for condition in conditions)


def _value(name: str, values: Mapping[str, Any]) -> Any:
    """What a field is, or means where it is left out or plays no part."""
    if not _plays_part(name, values):
        return FIELDS[name].neutral
    value = values.get(name)
    value = FIELDS[name].default if value is None else value
    return value.replace("-", "_") if isinstance(value, str) else value


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
