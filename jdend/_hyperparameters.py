"""The hyperparameters of a configuration: an entry of the table of fields for each.

`jdend.fields` adds the other fields, and is where all of them are read.
"""

# ruff: noqa: RUF009  (an entry is a call that makes a dataclass field)

import dataclasses
from dataclasses import dataclass
from typing import Generic

from jdend._field import Condition, Derived, choice, real, whole
from jdend._training_fields import (
    SCHEDULES,
    SELF,
    TAUGHT_WEIGHT,
    Name,
    Real,
    TrainingFields,
    Whole,
)

__all__ = ["FIXED_INPUTS", "SCHEDULES", "SELF", "TAUGHT_WEIGHT", "HyperparameterFields"]

_RESAMPLED = Condition("percentage_resample", 0.0, negated=True)
_LOCAL_INPUTS = tuple(
    Condition("resampling_inputs", name) for name in ("local", "local_free", "local_gradient")
)
# With these, dendrites keep the inputs that they begin with.
FIXED_INPUTS = ("fully_connected", "shared_inputs", "shared_receptive_fields")
_PRUNED = Condition("initial_density", 1.0, negated=True)


@dataclass(frozen=True, kw_only=True)
class HyperparameterFields(TrainingFields[Real, Whole, Name], Generic[Real, Whole, Name]):
    """The hyperparameters: of one configuration `float`, `int` and `str`, of a population arrays.

    What always plays a part has no neutral value.
    """

    connectivity: Name = choice(
        group="wiring",
        doc="The rule that draws which inputs a dendrite reads.",
        default="random",
        neutral="random",
        choices="jdend.connectivity:CONNECTIVITIES",
        needs_images={
            "local_receptive_fields": "random",
            "global_receptive_fields": "random",
            "shared_receptive_fields": "shared_inputs",
        },
        fixes_shape=True,  # fully connected dendrites read all features
        aliases=("strategy",),
    )
    field_std: Real = real(
        group="wiring",
        doc="Width of a receptive field, as a standard deviation; that of the centres of a "
        "neuron's dendrites, too.",
        default=Derived(
            "n_dendrite_inputs", lambda inputs: inputs**0.5, "n_dendrite_inputs ** 0.5"
        ),
        neutral=1.0,
        above=0.0,
        only_if=(
            Condition(
                "connectivity",
                (
                    "local_receptive_fields",
                    "global_receptive_fields",
                    "shared_receptive_fields",
                ),
            ),
            *_LOCAL_INPUTS,
        ),
        label="field width",
        unit="pixels",
    )
    initialization: Name = choice(
        group="wiring",
        doc="Variance of a dendrite's first weights: 2 / features, or 2 / inputs of the dendrite.",
        default="reference",
        neutral="reference",
        choices="jdend.models._initialization:INITIALIZATIONS",
        heading="init",
        label="initialisation",
    )
    dendrite_slope: Real = real(
        group="wiring",
        doc="Slope of dendrites' LeakyReLU below zero; below 0 they answer to sums of either sign, "
        "with -1 to both alike (Gidon et al. 2020); 1 leaves them linear, as a control.",
        default=0.1,
        neutral=0.1,
        at_least=-1.0,
        at_most=1.0,
        own_program="by_value",
        heading="slope",
        label="slope of dendrites",
    )
    percentage_resample: Real = real(
        group="resampling",
        doc="Fraction of a dendrite's synapses that may be replaced at a time.",
        default=0.25,
        neutral=0.0,
        at_least=0.0,
        at_most=1.0,
        only_if=(Condition("synaptic_resampling", True),),
        heading="replaced",
        label="share of synapses replaced",
    )
    steps_to_resample: Whole = whole(
        group="resampling",
        doc="Steps between resamplings.",
        default=128,
        neutral=0,
        only_if=(_RESAMPLED,),
        heading="every",
        label="steps to resample",
        unit="steps",
    )
    resampling_rule: Name = choice(
        group="resampling",
        doc="Which synapses may be replaced.",
        default="flat",
        neutral="flat",
        choices="jdend.plasticity:RULES",
        only_if=(_RESAMPLED,),
        label="resampling rule",
    )
    resampling_inputs: Name = choice(
        group="resampling",
        doc="Where new inputs come from.",
        default="uniform",
        neutral="uniform",
        choices="jdend.plasticity:PROPOSALS",
        needs_images={
            "local": "uniform",
            "local_free": "uniform_free",
            "local_gradient": "gradient",
        },
        only_if=(_RESAMPLED,),
        own_program="if_used",  # the gradient by every input takes time
        ordinary=("uniform", "local", "uniform_free", "local_free"),
        label="new inputs",
    )
    resampling_std: Real = real(
        group="resampling",
        doc="Width in which new local inputs are drawn, as a standard deviation around the mean of "
        "the dendrite's inputs.",
        default=Derived("field_std", float, "field_std"),
        neutral=1.0,
        above=0.0,
        only_if=_LOCAL_INPUTS,
        heading="reach",
        label="reach of new inputs",
        unit="pixels",
    )
    resampling_weights: Name = choice(
        group="resampling",
        doc="A new synapse's weight: drawn as at the beginning, or zero.",
        default="drawn",
        neutral="drawn",
        choices="jdend.plasticity:NEW_WEIGHTS",
        only_if=(_RESAMPLED,),
        heading="new weights",
        label="new weights",
    )
    resampling_moments: Name = choice(
        group="resampling",
        doc="The optimizer's moments of a new synapse: zero, or kept from the one it replaces.",
        default="zero",
        neutral="zero",
        choices="jdend.plasticity:NEW_MOMENTS",
        only_if=(_RESAMPLED,),
        heading="moments",
        label="moments of new synapses",
    )
    resampling_schedule: Name = choice(
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
    resampling_end: Real = real(
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
    max_resamplings: Whole = whole(
        group="resampling",
        doc="How often synapses are replaced at most; 0 for no limit.",
        default=0,
        neutral=0,
        at_least=0,
        only_if=(_RESAMPLED,),
        heading="at most",
        label="most resamplings",
    )
    resampling_slowdown: Real = real(
        group="resampling",
        doc="How much longer it takes to each further resampling than to the one before, as a part "
        "of `steps_to_resample`.",
        default=0.0,
        neutral=0.0,
        at_least=0.0,
        at_most=1000.0,
        only_if=(_RESAMPLED,),
        heading="slowdown",
        label="slowdown of resampling",
    )
    resampling_locality: Real = real(
        group="resampling",
        doc="Share of local proposals that are local; the others are uniform.",
        default=1.0,
        neutral=1.0,
        at_least=0.0,
        at_most=1.0,
        only_if=(
            Condition("resampling_inputs", "local"),
            Condition("resampling_inputs", "local_free"),
        ),
        heading="local",
        label="share of local inputs",
    )
    synapse_dropout: Real = real(
        group="resampling",
        doc="Share of synapses that are left out at random in a training step (DropConnect, Wan et "
        "al. 2013).",
        default=0.0,
        neutral=0.0,
        at_least=0.0,
        at_most=0.99,
        own_program="if_used",
        heading="dropout",
        label="dropout of synapses",
    )
    initial_density: Real = real(
        group="resampling",
        doc="How many times `n_dendrite_inputs` a dendrite has at first; the weakest are removed "
        "during training, until there are so many (Zhu & Gupta 2017). At most all features.",
        default=1.0,
        neutral=1.0,
        at_least=1.0,
        at_most=1000.0,
        only_if=(Condition("connectivity", FIXED_INPUTS, negated=True),),
        own_program="by_ceiling",  # it fixes how many synapses there is room for
        heading="density",
        label="initial density",
    )
    steps_to_prune: Whole = whole(
        group="resampling",
        doc="Steps between removals.",
        default=128,
        neutral=0,
        only_if=(_PRUNED,),
        heading="prune every",
        label="steps to prune",
        unit="steps",
    )
    pruning_end: Real = real(
        group="resampling",
        doc="The part of training after which there are `n_dendrite_inputs`.",
        default=0.5,
        neutral=1.0,
        above=0.0,
        at_most=1.0,
        only_if=(_PRUNED,),
        heading="pruned by",
        label="end of pruning",
    )

    def wiring(self) -> dict[str, Real | Whole | Name]:
        """Those that an architecture's constructor takes traced, by name."""
        return {
            entry.name: getattr(self, entry.name)
            for entry in dataclasses.fields(self)
            if entry.metadata.get("group") == "wiring" and "own_program" not in entry.metadata
        }
