"""All figures of a report as PNG pictures."""

import io
import textwrap
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from jdend.report._best_network import Dendrites, Portrait
from jdend.report._images import diverging, pixels, sequential
from jdend.report._matplotlib import draw, new_figure
from jdend.report._style import INK, MUTED
from jdend.report._synapses import coverage, positions, smooth

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["one_picture", "pictures"]

WIDTH, DPI = 9.0, 150
TITLES = {
    "accuracy": "Accuracy against parameters",
    "curves": "Learning curves",
    "importance": "What mattered",
    "parallel": "All networks, each a line",
    "predictions": "Predictions of the best network",
    "confusion": "Confusion matrix of the best network",
    "confused": "Most confused test images",
    "maps": "How strongly each pixel is read",
    "fields": "Receptive fields of the dendrites that weigh most",
    "resampling": "How resampling moved synapses",
}
# The colours of synapses that excite and of those that inhibit.
UP, DOWN = "#ff8f3f", "#4da9ff"


def pictures(figures: Mapping[str, Any], portrait: Portrait | None) -> dict[str, bytes]:
    """PNG files by name, in the order of the page."""
    drawings = {name: _still(figure) for name, figure in figures.items()}
    drawings |= dict(_of_network(portrait)) if portrait else {}
    return {name: _png(drawings[name]) for name in TITLES if name in drawings}


def one_picture(title: str, subtitle: str, files: Mapping[str, bytes]) -> bytes:
    """All pictures, one below the other, as one PNG file."""
    from PIL import Image

    head = new_figure(WIDTH, 0.9)
    head.text(0.03, 0.62, title, fontsize=18, fontweight="bold", color=INK, va="center")
    head.text(0.03, 0.2, subtitle, fontsize=10, color=MUTED, va="center")
    parts = [_png(head)]
    for name, content in files.items():
        label = new_figure(WIDTH, 0.5)
        label.text(0.03, 0.4, TITLES[name], fontsize=13, fontweight="bold", color=INK, va="center")
        parts += [_png(label), content]
    images = [Image.open(io.BytesIO(part)).convert("RGB") for part in parts]
    sheet = Image.new("RGB", (max(i.width for i in images), sum(i.height for i in images)), "white")
    top = 0
    for image in images:
        sheet.paste(image, (0, top))
        top += image.height
    file = io.BytesIO()
    sheet.save(file, "PNG", optimize=True)
    return file.getvalue()


def _still(figure: Any) -> "Figure":
    spec = figure.to_dict()
    height = spec["layout"].get("height", 420) / 96
    picture = new_figure(WIDTH, height)
    # Names beside bars need more room than numbers.
    left = 0.17 if any(trace.get("orientation") == "h" for trace in spec["data"]) else 0.09
    axes = picture.add_axes((left, 0.2, 0.97 - left, 0.74))
    draw(spec, axes)
    return picture


def _of_network(portrait: Portrait) -> Iterator[tuple[str, "Figure"]]:
    if portrait.predictions is None:
        yield "confusion", _confusion(portrait)
    shape = portrait.image_shape
    if shape is None:
        return
    if portrait.confused:
        yield "confused", _confused(portrait)
    if portrait.history:
        yield "maps", _maps(portrait, shape)
        yield "fields", _fields(portrait, shape)


def _confusion(portrait: Portrait) -> "Figure":
    names, counts = portrait.model.class_names, portrait.confusion
    size = min(WIDTH, 2.2 + 0.5 * len(names))
    picture = new_figure(size, size - 0.8)
    axes = picture.add_axes((0.2, 0.04, 0.78, 0.76))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(np.sqrt(shares), cmap="Blues", vmin=0, vmax=1.3)
    axes.set_xticks(range(len(names)), names, rotation=60, ha="left", fontsize=8, color=INK)
    axes.set_yticks(range(len(names)), names, fontsize=8, color=INK)
    axes.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    axes.set_ylabel("true", color=MUTED)
    axes.set_title("predicted", fontsize=10, color=MUTED)
    for spine in axes.spines.values():
        spine.set_visible(False)
    if len(names) <= 20:
        for i, j in np.argwhere(counts):
            colour = "white" if shares[i, j] > 0.4 else INK
            axes.text(j, i, f"{counts[i, j]:,}", ha="center", va="center", fontsize=7, color=colour)
    return picture


def _confused(portrait: Portrait) -> "Figure":
    shape = portrait.image_shape
    assert shape is not None
    names = portrait.model.class_names
    cells = list(_cells(len(portrait.confused), 8, 1.5))
    picture = new_figure(WIDTH, cells[-1])
    for cell, (row, true, guess, probability) in zip(cells[:-1], portrait.confused, strict=True):
        axes = _image_axes(picture, cell, pixels(portrait.images[row], shape))
        text = textwrap.fill(f"taken for {names[guess]}, {100 * probability:.0f} %", 19)
        axes.set_title(f"{names[true]}\n{text}", fontsize=6.5, loc="left", color=INK, pad=3)
    return picture


def _maps(portrait: Portrait, shape: tuple[int, int, int]) -> "Figure":
    first, last = portrait.history[0], portrait.history[-1]
    change = coverage(last, shape, weighted=False) - coverage(first, shape, weighted=False)
    images = {
        "before training": sequential(smooth(coverage(first, shape))),
        "after training": sequential(smooth(coverage(last, shape))),
    }
    if change.any():
        images["synapses came (orange), went (blue)"] = diverging(smooth(change))
    cells = list(_cells(len(images), 3, 3.1))
    picture = new_figure(WIDTH, cells[-1])
    for cell, (title, image) in zip(cells[:-1], images.items(), strict=True):
        _image_axes(picture, cell, image).set_title(title, fontsize=9, loc="left", color=INK)
    return picture


def _fields(portrait: Portrait, shape: tuple[int, int, int]) -> "Figure":
    first, last = portrait.history[0], portrait.history[-1]
    cells = list(_cells(2 * len(portrait.fields), 6, 1.75))
    picture = new_figure(WIDTH, cells[-1])
    pairs = zip(portrait.fields, portrait.favourites, strict=True)
    for at, (place, row) in enumerate(pairs):
        image = pixels(portrait.images[row], shape)
        moved = last.indices[place] != first.indices[place]
        for offset, dendrites in ((0, first), (1, last)):
            axes = _image_axes(picture, cells[2 * at + offset], (0.6 * image).astype(np.uint8))
            _dots(axes, dendrites, place, moved & bool(offset), shape)
            when = "after" if offset else "before"
            title = f"{place[0] + 1}.{place[1] + 1} {when}"
            axes.set_title(title, fontsize=7.5, loc="left", color=INK, pad=3)
    return picture


def _dots(axes: "Axes", dendrites: Dendrites, place, moved, shape) -> None:
    weight = dendrites.weight[place]
    rows, columns = positions(dendrites.indices[place], shape)
    axes.scatter(
        columns,
        rows,
        s=2 + 22 * np.abs(weight) / max(float(np.abs(weight).max()), 1e-30),
        c=[UP if w > 0 else DOWN for w in weight],
        edgecolors=["white" if m else "none" for m in moved],
        linewidths=0.7,
    )


def _cells(n: int, columns: int, height: float) -> Iterator[Any]:
    """The boxes of a grid, row by row, in fractions of the figure; then its height in inches."""
    rows = -(-n // columns)
    total = rows * height + 0.1
    for cell in range(n):
        row, column = divmod(cell, columns)
        left = 0.03 + 0.94 * column / columns
        bottom = 1 - (row + 1) * height / total
        yield left, bottom, 0.94 / columns * 0.92, height / total * 0.8
    yield total


def _image_axes(picture: "Figure", cell: tuple[float, float, float, float], image) -> "Axes":
    axes = picture.add_axes(cell)
    axes.imshow(image, interpolation="nearest")
    axes.set_axis_off()
    return axes


def _png(figure: "Figure") -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=DPI)
    return file.getvalue()
