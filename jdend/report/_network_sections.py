"""What a report says of its best network, in HTML."""

from collections.abc import Sequence

import numpy as np

from jdend.report._best_network import Portrait
from jdend.report._fields import field_pair
from jdend.report._format import percent
from jdend.report._html import escape, table
from jdend.report._images import diverging, img, pixels, sequential
from jdend.report._page import plot
from jdend.report._synapses import coverage, kept, smooth, spread

__all__ = ["confusion_section", "fields_section", "resampling_section"]

# With more classes than that their table is too wide for anyone.
MOST_CLASSES, MOST_PAIRS = 50, 8


def confusion_section(portrait: Portrait) -> str:
    """Confusion matrix and most confused images."""
    model = portrait.model
    contents = [f"<p>{_again(portrait)}</p>", '<div class="columns"><div>']
    names = [escape(name) for name in model.class_names]
    if len(names) <= MOST_CLASSES:
        contents.append(
            "<h3>True class in rows, predicted in columns</h3>" + _matrix(portrait.confusion, names)
        )
    contents.append(
        f"</div><div><h3>Most frequent confusions</h3>{_pairs(portrait, names)}</div></div>"
    )
    if portrait.image_shape is not None and portrait.confused:
        contents.append(
            "<h3>Most confused images</h3><p class='soft'>Test images that it got wrong with most "
            "confidence.</p>" + _images(portrait, names)
        )
    return "\n".join(contents)


def fields_section(portrait: Portrait) -> str:
    """Receptive fields before and after training; empty if there are none to draw."""
    shape = portrait.image_shape
    if shape is None or not portrait.history:
        return ""
    first, last = portrait.history[0], portrait.history[-1]
    n_neurons, n_dendrites, n_inputs = last.indices.shape
    change = coverage(last, shape, weighted=False) - coverage(first, shape, weighted=False)
    maps: list[tuple[np.ndarray, str]] = [
        (sequential(smooth(coverage(first, shape))), "Before training"),
        (sequential(smooth(coverage(last, shape))), "After training"),
    ]
    if change.any():
        maps.append((diverging(smooth(change)), "Where synapses came (orange) and went (blue)"))
    figures = "".join(
        f"<figure>{img(image, caption)}<figcaption>{caption}</figcaption></figure>"
        for image, caption in maps
    )
    rows = zip(portrait.fields, portrait.favourites, strict=True)
    pairs = "".join(field_pair(portrait, place, row) for place, row in rows)
    ringed = ""
    if change.any():
        ring = "background:#777;box-shadow:0 0 0 1.5px #fff,0 0 0 2.5px #777"
        ringed = f'; <span class="key" style="{ring}"></span>ringed ones moved while it learned'
    somata = f"{n_neurons:,} neurons with " if n_neurons > 1 else ""
    each = "One of each neuron, over" if n_neurons > 1 else "Over"
    return f"""<p>The network has {somata}{n_dendrites:,} dendrites of {n_inputs:,} synapses. How
strongly is each pixel read? The sum of its synapses' |weight|, smoothed over a pixel,
each map on its own scale:</p>
<div class="grid maps" data-picture="maps">{figures}</div>
<h3>Dendrites that weigh most</h3>
<p class="soft">{each} the test image that excites it most. A dot is a synapse,
its area the |weight|. <span class="key" style="background:#ff8f3f"></span>orange excites,
<span class="key" style="background:#4da9ff"></span>blue inhibits{ringed}.</p>
<div class="grid fields" data-picture="fields">{pairs}</div>"""


def resampling_section(portrait: Portrait) -> str:
    """How resampling moved synapses; empty if there are none."""
    hyperparameters = portrait.model.configuration.hyperparameters
    if not portrait.history:
        return ""
    if not hyperparameters.steps_to_resample:
        return "<p>The best network was trained without resampling: its synapses stay in place.</p>"
    still = kept(portrait.history)[-1]
    if still.all():
        return (
            "<p>No synapse moved: the training was over before "
            f"{hyperparameters.steps_to_resample:,} steps, or nothing was to be replaced.</p>"
        )
    share = percent(hyperparameters.percentage_resample, digits=0)
    text = (
        f"Every {hyperparameters.steps_to_resample:,} steps up to {share} of each dendrite's "
        "synapses, the weakest, let go and look for another input. In the end "
        f"{percent(1 - still.mean(), digits=1)} of the {still.size:,} synapses read another input "
        "than at first."
    )
    first, last = portrait.history[0], portrait.history[-1]
    weights = np.abs(last.weight)
    if still.any():
        ratio = weights[~still].mean() / max(weights[still].mean(), 1e-30)
        text += f" The |weight| of those that moved is {ratio:.2f} times that of those that stayed."
    if portrait.image_shape is not None:
        before, after = (spread(d, portrait.image_shape) for d in (first, last))
        text += (
            f" A synapse lies {before:.1f} pixels from the middle of its dendrite before training, "
            f"{after:.1f} after it (root mean square)."
        )
    return f"<p>{escape(text)}</p>{plot('resampling')}"


def _again(portrait: Portrait) -> str:
    """How this network came about, and how good it is."""
    test, known = portrait.model.figures.get("test_accuracy"), portrait.measured_before
    text = (
        f"The best network, with seed {portrait.seed}{_among(portrait.result.seeds)}, trained "
        f"again for this report: test accuracy {percent(test)}"
    )
    before = known.get("test_accuracy")
    if test is not None and before is not None and abs(test - before) > 5e-4:
        text += f", where the search had {percent(before)} (sums are rounded in another order)"
    return escape(f"{text}.")


def _among(seeds: Sequence[int]) -> str:
    return "" if len(seeds) == 1 else f" (of {len(seeds)} the one of best validation accuracy)"


def _matrix(confusion: np.ndarray, names: Sequence[str]) -> str:
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    head = "".join(f'<th scope="col"><span>{name}</span></th>' for name in names)
    rows = []
    for i, name in enumerate(names):
        cells = []
        for j in range(len(names)):
            colour = "0,114,178" if i == j else "213,94,0"
            strength = 0.5 * shares[i, j] if i == j else min(0.75, 2.5 * shares[i, j])
            number = f"{confusion[i, j]:,}" if confusion[i, j] else ""
            cells.append(f'<td style="background:rgba({colour},{strength:.2f})">{number}</td>')
        rows.append(f'<tr><th scope="row">{name}</th>{"".join(cells)}</tr>')
    return (
        '<div class="wide" data-picture="confusion"><table class="confusion">'
        f"<thead><tr><th></th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _pairs(portrait: Portrait, names: Sequence[str]) -> str:
    confusion = portrait.confusion
    off = confusion * (1 - np.eye(len(names), dtype=np.int64))
    order = np.argsort(-off, axis=None, kind="stable")[:MOST_PAIRS]
    found = [divmod(int(flat), len(names)) for flat in order if off.flat[flat] > 0]
    if not found:
        return "<p>None: every test example is classified correctly.</p>"
    rows = []
    for i, j in found:
        total = int(confusion[i].sum())
        rows.append(
            [
                names[i],
                names[j],
                f"{off[i, j]:,} of {total:,}",
                percent(off[i, j] / total, digits=1),
            ]
        )
    return table(["true", "taken for", "examples", "share"], rows, left=[0, 1])


def _images(portrait: Portrait, names: Sequence[str]) -> str:
    shape = portrait.image_shape
    assert shape is not None
    figures = []
    for row, true, guess, probability in portrait.confused:
        image = img(pixels(portrait.images[row], shape), f"test image {row}")
        figures.append(
            f"<figure>{image}<figcaption><b>{names[true]}</b><br>taken for {names[guess]}, "
            f"{100 * probability:.0f}\u00a0%</figcaption></figure>"
        )
    return f'<div class="grid images" data-picture="confused">{"".join(figures)}</div>'
