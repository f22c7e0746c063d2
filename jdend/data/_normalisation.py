"""Offset and scale, by which features are normalised on the device.

Shapes: `n` examples, `F` features an example.
"""

from dataclasses import dataclass

import numpy as np

from jdend.data._dataset import Dataset

__all__ = ["Normaliser"]


@dataclass(frozen=True)
class Normaliser:
    """Computes a data set's offset and scale from training examples.

    Attributes:
      dataset: the data set. If its publisher gives mean and deviation, these are taken.
      standardised: bool `[F]`, which features are normalised; None for all.
    """

    dataset: Dataset
    standardised: np.ndarray | None = None

    def __call__(self, train_x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """`offset` and `scale`, float32, `[]` for images of one channel, else `[F]`.

        Args:
          train_x: `[n, F]`. Constant features are only centred.
        """
        offset, scale = _offset_and_scale(self.dataset, train_x)
        if self.standardised is not None:
            offset = np.where(self.standardised, offset, np.float32(0))
            scale = np.where(self.standardised, scale, np.float32(1))
        return offset, scale


def _offset_and_scale(dataset: Dataset, train_x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    channels = dataset.image_shape[2] if dataset.image_shape else train_x.shape[1]
    if dataset.channel_statistics is not None:
        mean, deviation = (255.0 * np.array(part) for part in dataset.channel_statistics)
    else:
        mean, deviation = _mean_and_deviation(train_x.reshape(-1, channels))
    # Rounding may give a constant column a deviation, and float32 has no inverse of a tiny one.
    constant = deviation <= np.maximum(1e-6 * np.abs(mean), 1e-30)
    scale = np.where(constant, 1.0, 1.0 / np.where(constant, 1.0, deviation))
    if dataset.image_shape and channels == 1:
        return np.array(mean[0], np.float32), np.array(scale[0], np.float32)
    repeats = train_x.shape[1] // channels
    return np.tile(mean, repeats).astype(np.float32), np.tile(scale, repeats).astype(np.float32)


def _mean_and_deviation(columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of every column, in blocks: a float64 copy could exceed memory."""
    blocks = np.array_split(columns, columns.size // 2**22 + 1)
    mean = np.sum([block.sum(axis=0, dtype=np.float64) for block in blocks], axis=0) / len(columns)
    squares = np.sum([np.square(block - mean).sum(axis=0) for block in blocks], axis=0)
    return mean, np.sqrt(squares / len(columns))
