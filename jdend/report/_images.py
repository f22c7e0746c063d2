"""Small images, embedded in a page as PNG data."""

import base64
import io

import numpy as np
from jaxtyping import Float

__all__ = ["diverging", "pixels", "png", "sequential"]

# From zero to the largest value; and from the most negative value over zero to the most positive.
SEQUENTIAL = ("#0d1217", "#0f4c7a", "#2f8fd0", "#9fd4f7", "#ffffff")
DIVERGING = ("#7cc4ff", "#1f6ea8", "#11161b", "#a94a0c", "#ffb27a")


def pixels(example: np.ndarray, image_shape: tuple[int, int, int]) -> np.ndarray:
    """An example `[F]` of bytes as `[H, W, 3]`; channels beyond three are left out."""
    image: np.ndarray = example.reshape(image_shape)
    return np.repeat(image[..., :1], 3, axis=2) if image.shape[2] < 3 else image[..., :3]


def sequential(values: Float[np.ndarray, "H W"]) -> np.ndarray:
    """Values from 0 up as colours, uint8 `[H, W, 3]`."""
    return _coloured(values / max(values.max(), 1e-30), SEQUENTIAL)


def diverging(values: Float[np.ndarray, "H W"]) -> np.ndarray:
    """Values around 0 as colours, uint8 `[H, W, 3]`."""
    return _coloured(0.5 + 0.5 * values / max(np.abs(values).max(), 1e-30), DIVERGING)


def png(image: np.ndarray) -> str:
    """An image as a data URL, which holds its PNG file."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def _coloured(shares: np.ndarray, anchors: tuple[str, ...]) -> np.ndarray:
    rgb = np.array([[int(a[i : i + 2], 16) for i in (1, 3, 5)] for a in anchors], np.float64)
    at = np.linspace(0, 1, len(anchors))
    channels = [np.interp(shares, at, rgb[:, channel]) for channel in range(3)]
    return np.stack(channels, axis=-1).round().astype(np.uint8)
