"""Draws the pictures of docs/architectures.md: `python docs/tools/draw.py`.

Colours are of middle brightness and the background is left open, so that the pictures read on
white and on black.
"""

from pathlib import Path

PICTURES = Path(__file__).parents[1] / "pictures"

GREY, DENDRITE, SOMA, LINEAR, CLASS = "#7d838c", "#0f9d94", "#dd7f22", "#5a7fd8", "#a862c4"
NEURONS = ("#0f9d94", "#c2703d", "#7a74d1")  # whose synapses these are
HEIGHT, TOP, BOTTOM = 290, 24, 226
MIDDLE = (TOP + BOTTOM) / 2
SIDE, PIXEL = 12, 13.0

# Where synapses sit, as offsets in pixels around a dendrite's centre.
FIELD = ((0, 0), (1, 0), (0, 1), (-1, 1), (1, -1))
CENTRES = ((2, 2), (5, 3), (9, 2), (3, 6), (7, 6), (10, 7), (2, 10), (5, 9), (9, 10))

# Which of the seven dendrites each of four somata reads.
SOMA_INPUTS = ((0, 2, 5), (1, 2, 4), (0, 3, 6), (3, 5, 6))
# Which of three neurons each of the six dendrites of a second layer reads.
SECOND_INPUTS = ((0, 1), (1, 2), (0, 2), (0, 1), (1, 2), (0, 2))


class Picture:
    """SVG elements, drawn from left to right."""

    def __init__(self, title: str):
        self.title, self.lines, self.shapes, self.texts = title, [], [], []
        self.right = 0.0

    def line(self, a, b, colour, width=1.0, opacity=0.7):
        self.lines.append(
            f'<line x1="{a[0]:.1f}" y1="{a[1]:.1f}" x2="{b[0]:.1f}" y2="{b[1]:.1f}" '
            f'stroke="{colour}" stroke-width="{width}" stroke-opacity="{opacity}"/>'
        )

    def circle(self, at, radius, colour):
        self.shapes.append(
            f'<circle cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="{radius}" fill="{colour}"/>'
        )

    def label(self, x, *lines):
        for row, text in enumerate(lines):
            weight = ' font-weight="600"' if row == 0 else ""
            self.texts.append(
                f'<text x="{x:.1f}" y="{BOTTOM + 26 + 18 * row}"{weight}>{text}</text>'
            )
        self.right = x

    def image(self, x):
        """A square of pixels; returns the middle of each."""
        top = MIDDLE - SIDE * PIXEL / 2
        for row in range(SIDE):
            for column in range(SIDE):
                self.shapes.append(
                    f'<rect x="{x + column * PIXEL:.1f}" y="{top + row * PIXEL:.1f}" '
                    f'width="{PIXEL - 1.5}" height="{PIXEL - 1.5}" rx="2" fill="{GREY}" '
                    f'fill-opacity="0.28"/>'
                )
        self.label(x + SIDE * PIXEL / 2, "inputs", "F features")
        return lambda column, row: (
            x + (column + 0.44) * PIXEL,
            top + (row + 0.44) * PIXEL,
        )

    def column(self, x, n, radius, colour, *label, gaps=1):
        """`n` circles below one another, in groups of `gaps`."""
        heights = [i + 0.6 * (i // gaps) for i in range(n)] if gaps > 1 else list(range(n))
        span = (BOTTOM - TOP) * (0.92 if n > 4 else 0.7)
        step = span / max(1.0, heights[-1]) if n > 1 else 0.0
        places = [(x, MIDDLE + (h - heights[-1] / 2) * step) for h in heights]
        for place in places:
            self.circle(place, radius, colour)
        self.label(x, *label)
        return places

    def all_to_all(self, left, right, colour):
        for a in left:
            for b in right:
                self.line(a, b, colour, 1.0, 0.45)

    def text(self) -> str:
        width = round(self.right + 70)
        body = "\n".join([*self.lines, *self.shapes, *self.texts])
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" '
            f'width="{width}" height="{HEIGHT}" role="img" aria-label="{self.title}" '
            f'font-family="system-ui, sans-serif" font-size="15" text-anchor="middle" '
            f'fill="{GREY}">\n<title>{self.title}</title>\n{body}\n</svg>\n'
        )


def synapses(picture: Picture, pixel, dendrites, colours) -> None:
    """Each dendrite's synapses; the pixels that they read."""
    for dendrite, (column, row), colour in zip(dendrites, CENTRES, colours, strict=False):
        for right, down in FIELD:
            at = pixel(column + right, row + down)
            picture.line(at, dendrite, colour, 1.0, 0.55)
            picture.circle(at, 4.2, colour)


def with_somata(picture: Picture):
    pixel = picture.image(24)
    dendrites = picture.column(330, 9, 7, DENDRITE, "dendrites", "N·D, K inputs each", gaps=3)
    somata = picture.column(480, 3, 14, SOMA, "somata", "N")
    colours = [colour for colour in NEURONS for _ in range(3)]
    synapses(picture, pixel, dendrites, colours)
    for i, dendrite in enumerate(dendrites):
        picture.line(dendrite, somata[i // 3], NEURONS[i // 3], 2.2, 0.9)
    return somata


def without_somata(picture: Picture):
    pixel = picture.image(24)
    dendrites = picture.column(330, 7, 8, DENDRITE, "dendrites", "D, K inputs each")
    synapses(picture, pixel, dendrites, [DENDRITE] * 7)
    return dendrites


def second_layer(picture: Picture, before):
    dendrites = picture.column(610, 6, 7, DENDRITE, "dendrites", "N₂·D₂, K₂ somata each", gaps=2)
    somata = picture.column(740, 3, 14, SOMA, "somata", "N₂")
    for i, dendrite in enumerate(dendrites):
        for j in SECOND_INPUTS[i]:
            picture.line(before[j], dendrite, NEURONS[i // 2], 1.4, 0.7)
        picture.line(dendrite, somata[i // 2], NEURONS[i // 2], 2.2, 0.9)
    return somata


def sharing_somata(picture: Picture):
    dendrites = without_somata(picture)
    somata = picture.column(480, 4, 11, SOMA, "somata", "N, n_soma_inputs each")
    for i, soma in enumerate(somata):
        for j in SOMA_INPUTS[i]:
            picture.line(dendrites[j], soma, SOMA, 1.6, 0.8)
    return somata


def classes(picture: Picture, before, x):
    found = picture.column(x, 5, 9, CLASS, "classes", "C logits")
    picture.all_to_all(before, found, CLASS)


def hidden(picture: Picture, before, x, size):
    found = picture.column(x, 4, 11, LINEAR, "linear", size)
    picture.all_to_all(before, found, LINEAR)
    return found


def pictures() -> dict[str, str]:
    """The pictures by file name."""
    simple = Picture("dendritic_simple: dendrites, somata, classes")
    classes(simple, with_somata(simple), 620)
    bare = Picture("dendritic_simple without somata: dendrites, classes")
    classes(bare, without_somata(bare), 480)
    disabled = Picture("soma_disabled: dendrites, a linear layer, classes")
    classes(disabled, hidden(disabled, without_somata(disabled), 480, "n_neurons"), 620)
    sparse = Picture("sparse_somata: dendrites, somata that each read some of them, classes")
    classes(sparse, sharing_somata(sparse), 620)
    deep = Picture("dendritic_with_hidden: dendrites, somata, a linear layer, classes")
    classes(deep, hidden(deep, with_somata(deep), 620, "hidden_dim"), 760)
    two = Picture(
        "dendritic_two_layers: dendrites, somata, dendrites that each read some of these, somata, "
        "classes"
    )
    classes(two, second_layer(two, with_somata(two)), 880)
    mlp = Picture("mlp: a linear layer that reads every input, classes")
    pixel = mlp.image(24)
    middle = mlp.column(400, 4, 11, LINEAR, "linear", "hidden_dim")
    mlp.all_to_all([pixel(11, row) for row in range(SIDE)], middle, LINEAR)
    classes(mlp, middle, 540)
    return {
        "dendritic_simple.svg": simple.text(),
        "dendritic_simple_without_somata.svg": bare.text(),
        "soma_disabled.svg": disabled.text(),
        "sparse_somata.svg": sparse.text(),
        "dendritic_with_hidden.svg": deep.text(),
        "dendritic_two_layers.svg": two.text(),
        "mlp.svg": mlp.text(),
    }


if __name__ == "__main__":
    for name, text in pictures().items():
        (PICTURES / name).write_text(text, encoding="utf-8")
        print(PICTURES / name)
