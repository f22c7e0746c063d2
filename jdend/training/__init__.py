"""Trains populations: many configurations of one shape, with many seeds, in one program."""

from jdend.training._augmentation import AUGMENTATIONS
from jdend.training._block_shape import BlockShape, block_shape, trains_in_blocks
from jdend.training._blocks import Narrow
from jdend.training._bucket import Bucket, PrecisionError
from jdend.training._class_weights import ClassWeightsError, check_class_weights, weighted
from jdend.training._compilation import Compilations, compilations, in_background
from jdend.training._compilation_cache import enable_program_cache, program_cache_folder
from jdend.training._device_data import DeviceData, Examples, on_device
from jdend.training._interruption import uninterrupted
from jdend.training._kept_networks import KeptNetworks
from jdend.training._kept_populations import let_go_of_populations, population
from jdend.training._loss import Loss, LossError, check_loss, find_loss, losses, register_loss
from jdend.training._memory import OutOfMemoryError, check_memory, estimate_bytes, memory_ran_out
from jdend.training._metrics import (
    ACCURACY,
    Metric,
    MetricError,
    check_metric,
    find_metric,
    metrics,
    register_metric,
)
from jdend.training._optimizer import OPTIMIZERS
from jdend.training._order import epoch_order
from jdend.training._outcome import HISTORY_FIGURES, Outcome, Progress
from jdend.training._population import Population
from jdend.training._run import Run
from jdend.training._sharding import EVERY_DEVICE, DevicesError, Placement, find_devices
from jdend.training._single import extract, train_model
from jdend.training._snapshot import Snapshot
from jdend.training._state import State, concat, take
from jdend.training._streaming import StreamingError
from jdend.training._teachers import Teacher, TeacherError, check_teacher, taught
from jdend.training._traced_hyperparameters import TracedHyperparameters, trace_hyperparameters
from jdend.training._train import compiled_bytes, prepare, runs, train

__all__ = [
    "ACCURACY",
    "AUGMENTATIONS",
    "EVERY_DEVICE",
    "HISTORY_FIGURES",
    "OPTIMIZERS",
    "BlockShape",
    "Bucket",
    "ClassWeightsError",
    "Compilations",
    "DeviceData",
    "DevicesError",
    "Examples",
    "KeptNetworks",
    "Loss",
    "LossError",
    "Metric",
    "MetricError",
    "Narrow",
    "OutOfMemoryError",
    "Outcome",
    "Placement",
    "Population",
    "PrecisionError",
    "Progress",
    "Run",
    "Snapshot",
    "State",
    "StreamingError",
    "Teacher",
    "TeacherError",
    "TracedHyperparameters",
    "block_shape",
    "check_class_weights",
    "check_loss",
    "check_memory",
    "check_metric",
    "check_teacher",
    "compilations",
    "compiled_bytes",
    "concat",
    "enable_program_cache",
    "epoch_order",
    "estimate_bytes",
    "extract",
    "find_devices",
    "find_loss",
    "find_metric",
    "in_background",
    "let_go_of_populations",
    "losses",
    "memory_ran_out",
    "metrics",
    "on_device",
    "population",
    "prepare",
    "program_cache_folder",
    "register_loss",
    "register_metric",
    "runs",
    "take",
    "taught",
    "trace_hyperparameters",
    "train",
    "train_model",
    "trains_in_blocks",
    "uninterrupted",
    "weighted",
]
