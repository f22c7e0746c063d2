"""Structural plasticity: weak synapses are replaced by new ones while the network learns."""

from jdend.plasticity._layer import resample_layer
from jdend.plasticity._proposals import GRADIENTS, PROPOSALS
from jdend.plasticity._resample import NEW_MOMENTS, NEW_WEIGHTS, RULES, resample
from jdend.plasticity._schedules import (
    SHARES,
    resampling_at,
    resamplings_until,
    share_at,
    sharpness_at,
)

__all__ = [
    "GRADIENTS",
    "NEW_MOMENTS",
    "NEW_WEIGHTS",
    "PROPOSALS",
    "RULES",
    "SHARES",
    "resample",
    "resample_layer",
    "resampling_at",
    "resamplings_until",
    "share_at",
    "sharpness_at",
]
