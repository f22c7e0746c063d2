"""The hyperparameters of training, which every architecture reads: an entry for each."""

# ruff: noqa: RUF009  (an entry is a call that makes a dataclass field)

from dataclasses import dataclass
from typing import Generic, TypeVar

from jdend._field import Condition, choice, real, whole

__all__ = ["SCHEDULES", "SELF", "TAUGHT_WEIGHT", "Name", "Real", "TrainingFields", "Whole"]

SCHEDULES = ("constant", "cosine")
# What `distillation_weight` is where a search has a teacher and a space does not say.
TAUGHT_WEIGHT = 0.9
# The teacher of a search that finds its own.
SELF = "self"

Real = TypeVar("Real")
Whole = TypeVar("Whole")
Name = TypeVar("Name")


@dataclass(frozen=True, kw_only=True)
class TrainingFields(Generic[Real, Whole, Name]):
    """Those that say how networks are trained, but for `batch_size`, which fixes a shape."""

    n_epochs: Whole = whole(
        group="training",
        doc="Passes over the training data.",
        default=15,
        label="epochs",
    )
    lr: Real = real(
        group="training",
        doc="Peak learning rate of the optimizer.",
        default=5e-4,
        above=0.0,
        label="learning rate",
    )
    weight_decay: Real = real(
        group="training",
        doc="The decoupled decay, a fraction of the learning rate a step.",
        default=0.01,
        at_least=0.0,
        heading="decay",
        label="weight decay",
    )
    schedule: Name = choice(
        group="training",
        doc="How the rate goes: as it is, or along half a cosine to zero at the end of `n_epochs`.",
        default="constant",
        choices=SCHEDULES,
    )
    warmup_steps: Whole = whole(
        group="training",
        doc="Steps in which the rate rises from zero in a straight line.",
        default=0,
        neutral=0,
        at_least=0,
        heading="warm-up",
        label="warm-up",
        unit="steps",
    )
    label_smoothing: Real = real(
        group="training",
        doc="Share of a target's probability that is spread over all classes (Szegedy et al. "
        "2016).",
        default=0.0,
        neutral=0.0,
        at_least=0.0,
        at_most=1.0,
        own_program="if_used",
        heading="smoothing",
        label="label smoothing",
    )
    clip_norm: Real = real(
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
    optimizer: Name = choice(
        group="training",
        doc="AdamW (Loshchilov & Hutter 2019), SGD with momentum, or Lion (Chen et al. 2023), all "
        "with decoupled decay; `adam_b1` is the momentum.",
        default="adamw",
        neutral="adamw",
        choices="jdend.training:OPTIMIZERS",
        own_program="by_value",
    )
    averaging: Real = real(
        group="training",
        doc="Share that averaged weights keep at a step, less in the first steps; they are what is "
        "evaluated, chosen and kept; 0 for no averages (Polyak & Juditsky 1992).",
        default=0.0,
        neutral=0.0,
        at_least=0.0,
        at_most=0.99999,
        own_program="if_used",
        heading="averaged",
        label="averaged weights",
    )
    input_noise: Real = real(
        group="training",
        doc="Standard deviation of Gaussian noise that is added to normalised inputs in training "
        "(Bishop 1995).",
        default=0.0,
        neutral=0.0,
        at_least=0.0,
        own_program="if_used",
        heading="noise",
        label="noise of inputs",
    )
    adam_b1: Real = real(
        group="training",
        doc="Share that the optimizer keeps of the mean gradient at a step.",
        default=0.9,
        neutral=0.9,
        at_least=0.0,
        at_most=0.9999,
        own_program="if_used",
        heading="b1",
        label="AdamW's first beta",
    )
    adam_b2: Real = real(
        group="training",
        doc="Share that AdamW keeps of the mean squared gradient; Lion's second share.",
        default=0.999,
        neutral=0.999,
        only_if=(Condition("optimizer", "sgd", negated=True),),
        at_least=0.0,
        at_most=0.99999,
        own_program="if_used",
        heading="b2",
        label="AdamW's second beta",
    )
    distillation_weight: Real = real(
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
    distillation_temperature: Real = real(
        group="training",
        doc="What the teacher's and the network's logits are divided by for that.",
        default=3.0,
        neutral=1.0,
        above=0.0,
        only_if=(Condition("distillation_weight", 0.0, negated=True),),
        heading="temp.",
        label="temperature of the teacher",
    )
    augmentation: Name = choice(
        group="training",
        doc="How training images are changed at every step: one in two is mirrored left to right, "
        "each is moved by up to `shift_pixels` in both directions, or both (Simard et al. 2003).",
        default="none",
        neutral="none",
        choices="jdend.training:AUGMENTATIONS",
        needs_images=dict.fromkeys(("flips", "shifts", "flips_and_shifts"), "none"),
        own_program="by_value",  # all configurations of a seed see the same batch
    )
    shift_pixels: Whole = whole(
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
