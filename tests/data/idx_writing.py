"""Writing IDX files, for the tests that read them."""

import struct

import numpy as np


def idx_bytes(array: np.ndarray) -> bytes:
    """`array` as an IDX file of unsigned bytes."""
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(np.uint8).tobytes()
