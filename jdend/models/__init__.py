"""Dendritic networks as Flax NNX modules, and the configurations that describe them."""

from jdend.models._activations import ACTIVATIONS, NEGATIVE_SLOPE
from jdend.models._architectures import (
    ClassSomata,
    DendriticSimple,
    DendriticWithHidden,
    SomaDisabled,
    SparseSomata,
)
from jdend.models._configuration import (
    CLASSIFICATION,
    DEFAULTS,
    MULTILABEL,
    REGRESSION,
    SCHEDULES,
    TASKS,
    Configuration,
    Hyperparameters,
    Problem,
    Structure,
    build,
    check_names,
    check_value,
    configure,
    known_fields,
    structure_of,
)
from jdend.models._controls import MLP, LinearModel, TwoHiddenMLP
from jdend.models._convolutional import DendriticConvolutional
from jdend.models._count import (
    bytes_of_variables,
    count_params,
    count_params_of_sizes,
    counts_at_once,
    trace_params,
)
from jdend.models._initialization import INITIALIZATIONS, Linear, dendrite_std
from jdend.models._layer import DendriticLayer, SynapseIndex, TrueSizes
from jdend.models._registry import (
    Architecture,
    architecture,
    architectures,
    register_architecture,
)
from jdend.models._saving import ModelError, check_folder, load, save
from jdend.models._stack import Stack
from jdend.models._trained import TrainedModel
from jdend.models._two_layers import DendriticTwoLayers

__all__ = [
    "ACTIVATIONS",
    "CLASSIFICATION",
    "DEFAULTS",
    "INITIALIZATIONS",
    "MLP",
    "MULTILABEL",
    "NEGATIVE_SLOPE",
    "REGRESSION",
    "SCHEDULES",
    "TASKS",
    "Architecture",
    "ClassSomata",
    "Configuration",
    "DendriticConvolutional",
    "DendriticLayer",
    "DendriticSimple",
    "DendriticTwoLayers",
    "DendriticWithHidden",
    "Hyperparameters",
    "Linear",
    "LinearModel",
    "ModelError",
    "Problem",
    "SomaDisabled",
    "SparseSomata",
    "Stack",
    "Structure",
    "SynapseIndex",
    "TrainedModel",
    "TrueSizes",
    "TwoHiddenMLP",
    "architecture",
    "architectures",
    "build",
    "bytes_of_variables",
    "check_folder",
    "check_names",
    "check_value",
    "configure",
    "count_params",
    "count_params_of_sizes",
    "counts_at_once",
    "dendrite_std",
    "known_fields",
    "load",
    "register_architecture",
    "save",
    "structure_of",
    "trace_params",
]
