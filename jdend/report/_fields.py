"""The receptive field of a dendrite, drawn over an image, before and after training."""

import numpy as np

from jdend.report._best_network import Dendrites, Portrait
from jdend.report._html import escape
from jdend.report._images import pixels, png
from jdend.report._synapses import positions

__all__ = ["field_pair"]


def field_pair(portrait: Portrait, place: tuple[int, int], row: int) -> str:
    """A figure in HTML.

    Args:
      portrait: of an image network.
      place: neuron and dendrite.
      row: of the test image that is drawn under it.
    """
    shape = portrait.image_shape
    assert shape is not None
    image = png(pixels(portrait.images[row], shape))
    first, last = portrait.history[0], portrait.history[-1]
    moved = last.indices[place] != first.indices[place]
    still = np.zeros_like(moved)
    neuron, dendrite = place
    whose = f"Neuron {neuron + 1}, dendrite" if len(last.weight) > 1 else "Dendrite"
    caption = f"{whose} {dendrite + 1}"
    if moved.any():
        caption += f": {moved.sum()} of {moved.size} moved"
    before = _drawing(first, place, still, shape, image)
    after = _drawing(last, place, moved, shape, image)
    return (
        f'<figure><div class="pair"><div><span>before</span>{before}</div>'
        f"<div><span>after</span>{after}</div></div>"
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _drawing(
    dendrites: Dendrites,
    place: tuple[int, int],
    moved: np.ndarray,
    shape: tuple[int, int, int],
    image: str,
) -> str:
    height, width, _ = shape
    weight = dendrites.weight[place]
    rows, columns = positions(dendrites.indices[place], shape)
    largest = max(float(np.abs(weight).max()), 1e-30)
    scale = min(height, width) / 28
    dots = []
    for k in np.argsort(-np.abs(weight)):  # small ones last, on top
        radius = scale * (0.25 + 0.8 * np.sqrt(abs(weight[k]) / largest))
        kind = ("up" if weight[k] > 0 else "down") + (" new" if moved[k] else "")
        at = f'cx="{columns[k] + 0.5}" cy="{rows[k] + 0.5}" r="{radius:.2f}"'
        dots.append(f'<circle class="{kind}" {at}/>')
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="synapses over an image"><image href="{image}" width="{width}" '
        f'height="{height}" opacity=".6" style="image-rendering:pixelated"/>{"".join(dots)}</svg>'
    )
