"""The hyperparameters of a configuration: an entry of the table of fields for each.

`jdend.fields` adds the other fields, and is where all of them are read.
"""

# ruff: noqa: RUF009  (an entry is a call that makes a dataclass field)

import dataclasses
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from jdend._field import Condition, Derived, Kind

__all__ = ["SCHEDULES", "TAUGHT_WEIGHT", "HyperparameterFields"]

SCHEDULES = ("constant", "cosine")
# What `distillation_weight` is where a search has a teacher and a space does not say.
TAUGHT_WEIGHT = 0.9


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
_PRUNED = Condition("initial_density", 1.0, negated=True)


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
    clip_norm: Real = _real(
        group="training",
        doc="The most that a network's gradient may measure, as a Euclidean norm; 0 for no limit "
        "(Pascanu et al. 2013).",
        default=0.0,
        neutral=0.0,
        at_least=0.0,
        own_program="if_used",
        heading="clip",
        label="largest gradient",
    )
    adam_b1: Real = _real(
        group="training",
        doc="Share that AdamW keeps of the mean gradient at a step.",
        default=0.9,
        neutral=0.9,
        at_least=0.0,
        at_most=0.9999,
        own_program="if_used",
        heading="b1",
        label="AdamW's first beta",
    )
    adam_b2: Real = _real(
        group="training",
        doc="Share that it keeps of the mean squared gradient.",
        default=0.999,
        neutral=0.999,
        at_least=0.0,
        at_most=0.99999,
        own_program="if_used",
        heading="b2",
        label="AdamW's second beta",
    )
    distillation_weight: Real = _real(
        group="training",
        doc="Share of the loss that is the cross-entropy with a teacher's probabilities, times the "
        "temperature's square (Hinton et al. 2015).",
        default=0.0,
        neutral=0.0,
        at_least=0.0,
        at_most=1.0,
        own_program="if_used",
        heading="taught",
        label="weight of the teacher",
    )
    distillation_temperature: Real = _real(
        group="training",
        doc="What the teacher's and the network's logits are divided by for that.",
        default=3.0,
        neutral=1.0,
        above=0.0,
        only_if=(Condition("distillation_weight", 0.0, negated=True),),
        heading="temp.",
        label="temperature of the teacher",
    )
    augmentation: Name = _choice(
        group="training",
        doc="How training images are changed at every step: one in two is mirrored left to right, "
        "each is moved by up to `shift_pixels` in both directions, or both (Simard et al. 2003).",
        default="none",
        neutral="none",
        choices="jdend.training:AUGMENTATIONS",
        needs_images=dict.fromkeys(("flips", "shifts", "flips_and_shifts"), "none"),
        own_program="by_value",  # all configurations of a seed see the same batch
    )
    shift_pixels: Whole = _whole(
        group="training",
        doc="The most that an image is moved, in each direction; its border is repeated.",
        default=1,
        neutral=0,
        only_if=(
            Condition("augmentation", "shifts"),
            Condition("augmentation", "flips_and_shifts"),
        ),
        own_program="by_value",
        heading="shift",
        label="largest shift",
        unit="pixels",
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
    dendrite_slope: Real = _real(
        group="wiring",
        doc="Slope of dendrites' LeakyReLU below zero; 1 leaves them linear, as a control.",
        default=0.1,
        neutral=0.1,
        at_least=0.0,
        at_most=1.0,
        own_program="by_value",
        heading="slope",
        label="slope of dendrites",
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
    resampling_moments: Name = _choice(
        group="resampling",
        doc="The optimizer's moments of a new synapse: zero, or kept from the one it replaces.",
        default="zero",
        neutral="zero",
        choices="jdend.plasticity:NEW_MOMENTS",
        only_if=(_RESAMPLED,),
        heading="moments",
        label="moments of new synapses",
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
    initial_density: Real = _real(
        group="resampling",
        doc="How many times `n_dendrite_inputs` a dendrite has at first; the weakest are removed "
        "during training, until there are so many (Zhu & Gupta 2017). At most all features.",
        default=1.0,
        neutral=1.0,
        at_least=1.0,
        at_most=1000.0,
        only_if=(Condition("connectivity", "fully_connected", negated=True),),
        own_program="by_ceiling",  # it fixes how many synapses there is room for
        heading="density",
        label="initial density",
    )
    steps_to_prune: Whole = _whole(
        group="resampling",
        doc="Steps between removals.",
        default=128,
        neutral=0,
        only_if=(_PRUNED,),
        heading="prune every",
        label="steps to prune",
        unit="steps",
    )
    pruning_end: Real = _real(
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
