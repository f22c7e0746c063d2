"""Draws the pictures of docs/architecture.md: `python docs/tools/draw_house.py`.

The rooms are those of the import contract in pyproject.toml, the steps those that the page names.
As in draw.py, colours are of middle brightness and the background is left open.
"""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PICTURES, PAGE = ROOT / "docs" / "pictures", ROOT / "docs" / "architecture.md"

GREY, SEARCH, TRAINING, BASE, WEAK = "#7d838c", "#0f9d94", "#dd7f22", "#5a7fd8", "#c2703d"

# What each room of the import contract is for, in a few words.
ROOMS = {
    "testing": "contracts for yours",
    "search": "proposes and drives",
    "report": "pages, pictures",
    "estimator": "scikit-learn",
    "predict": "classifies files",
    "exporting": "StableHLO, C",
    "study": "trials, on disk",
    "training": "populations",
    "models": "networks, counts",
    "plasticity": "moves synapses",
    "pruning": "removes synapses",
    "connectivity": "draws inputs",
    "kernels": "the weighted sum",
    "data": "sets in, arrays out",
    "fields": "the table of fields",
    "_hyperparameters": "each one's entry",
    "_training_fields": "those of training",
    "_field": "what is said of one",
    "_files": "written whole",
    "_messages": "what errors say",
    "_output": "what is printed",
    "__main__": "signals",
    "cli": "options in, table out",
    "scenarios": "ready-made searches",
    "searcher": "the Python interface",
    "networks": "what fits, untrained",
    "teachers": "a search for them",
    "results": "ranked, shown, saved",
    "keywords": "fields as arguments",
    "options": "each setting once",
    "driver": "the loop",
    "samplers": "what to try",
    "planning": "who shares a program",
    "progress": "what is shown",
    "rungs": "who is stopped",
    "pruners": "when, how many",
    "space": "what may be tried",
    "errors": "one line each",
}


class Picture:
    """An SVG of boxes, lines and words."""

    def __init__(self, title: str, width: int, height: int):
        self.title, self.width, self.height = title, width, height
        self.parts: list[str] = []

    def box(self, x, y, width, height, colour, *, filled=0.12, dashed=False):
        dashes = ' stroke-dasharray="5 4"' if dashed else ""
        self.parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6" '
            f'fill="{colour}" fill-opacity="{filled:g}" stroke="{colour}"{dashes}/>'
        )

    def words(self, x, y, text, *, size=14, bold=False, anchor="middle", colour=GREY):
        weight = ' font-weight="600"' if bold else ""
        text = text.replace("&", "&amp;").replace("<", "&lt;")
        self.parts.append(
            f'<text x="{x:g}" y="{y:g}" font-size="{size}" text-anchor="{anchor}" '
            f'fill="{colour}"{weight}>{text}</text>'
        )

    def arrow(self, *points, colour=GREY, dashed=False):
        dashes = ' stroke-dasharray="5 4"' if dashed else ""
        path = " ".join(f"{x:g},{y:g}" for x, y in points)
        self.parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"{dashes} '
            f'marker-end="url(#head)"/>'
        )

    def titled_box(self, x, y, width, height, colour, title, below=""):
        self.box(x, y, width, height, colour)
        middle = y + height / 2
        self.words(x + width / 2, middle - (3 if below else -5), title, bold=True)
        if below:
            self.words(x + width / 2, middle + 14, below, size=12)

    def text(self) -> str:
        head = (
            '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
            'markerHeight="7" orient="auto-start-reverse">'
            f'<path d="M0,0 L8,4 L0,8 z" fill="{GREY}"/></marker></defs>'
        )
        body = "\n".join(self.parts)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
            f'width="{self.width}" height="{self.height}" role="img" aria-label="{self.title}" '
            f'font-family="system-ui, sans-serif">\n<title>{self.title}</title>\n{head}\n{body}\n'
            "</svg>\n"
        )


def layers(container: str) -> list[list[str]]:
    """The rooms of a package from top to bottom, as the import contract has them."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    (found,) = (c["layers"] for c in contracts if container in c.get("containers", ()))
    rows = [re.findall(r"\w+", row) for row in found]
    folder = ROOT.joinpath(*container.split("."))
    there = [[room for room in row if _exists(folder / room)] for row in rows]
    return [row for row in there if row]


def _exists(place: Path) -> bool:
    return place.is_dir() or place.with_suffix(".py").is_file()


def rooms() -> Picture:
    """Two towers: the packages, and the rooms of the search."""
    towers = {"jdend": layers("jdend"), "jdend.search": layers("jdend.search")}
    box, gap, row, top = 146, 8, 62, 62
    left = max(map(len, towers["jdend"])) * (box + gap) + 70
    right = max(map(len, towers["jdend.search"])) * (box + gap)
    height = top + row * max(map(len, towers.values())) + 16
    picture = Picture("The rooms: imports run from top to bottom", left + right + 16, height)
    for x, (name, rows) in zip((34, left), towers.items(), strict=True):
        picture.words(x, 26, name, bold=True, size=16, anchor="start")
        for i, line in enumerate(rows):
            for j, room in enumerate(line):
                colour = _colour(name, room)
                where = (x + j * (box + gap), top + i * row - 16)
                picture.titled_box(*where, box, row - 14, colour, room, ROOMS.get(room, ""))
    picture.arrow((14, top), (14, height - 24))
    picture.words(8, height - 8, "imports", size=12, anchor="start")
    return picture


def _colour(container: str, room: str) -> str:
    if container == "jdend.search" or room in ("search", "testing"):
        return SEARCH
    return TRAINING if room in ("training", "models", "plasticity", "pruning", "kernels") else BASE


def steps() -> list[tuple[str, str]]:
    """Of the page's table of the path: the file and function, and what happens there."""
    text = PAGE.read_text(encoding="utf-8")
    section = text.split("\n## From the command to the step\n")[1].split("\n## ")[0]
    return re.findall(r"^\| `([^`]+)` \| (.+?) \|$", section, re.MULTILINE)


def path() -> Picture:
    """The steps below one another, indented where one calls the next."""
    found, row, width = steps(), 52, 720
    picture = Picture("From the command to the step", width + 40, row * len(found) + 12)
    for i, (place, what) in enumerate(found):
        x, y = 12 + 14 * i, 6 + row * i
        colour = SEARCH if "/search/" in place else TRAINING
        picture.box(x, y, width - 14 * len(found), row - 12, colour)
        picture.words(x + 12, y + 17, place, bold=True, size=13, anchor="start")
        picture.words(x + 12, y + 33, re.sub(r"[`\[\]]|\(\S+\)", "", what), size=12, anchor="start")
        if i:
            picture.arrow((x - 7, y - 12), (x - 7, y + 20), (x, y + 20))
    return picture


def trial() -> Picture:
    """The states of a trial from left to right, and the ways out of training."""
    states = (
        ("proposed", "fits the budget", SEARCH),
        ("begun", "in the study", BASE),
        ("planned", "has a program", SEARCH),
        ("training", "epoch by epoch", TRAINING),
        ("finished", "in the study", BASE),
        ("ranked", "by validation", SEARCH),
    )
    picture = Picture("The life of a trial", 906, 226)
    for i, (name, below, colour) in enumerate(states):
        picture.titled_box(10 + 150 * i, 84, 120, 50, colour, name, below)
        if i:
            picture.arrow((150 * i - 20, 109), (150 * i + 9, 109))
    picture.titled_box(494, 6, 120, 46, WEAK, "stopped", "at a rung")
    picture.titled_box(494, 166, 120, 46, WEAK, "failed", "loss not finite")
    for y, edge in ((52, 84), (166, 134)):
        picture.arrow((554, edge), (554, y))
    picture.arrow((614, 29), (670, 29), (670, 83))
    picture.arrow((614, 189), (670, 189), (670, 135))
    picture.arrow((476, 84), (476, 29), (220, 29), (220, 83), dashed=True)
    picture.words(348, 22, "cut off: trained again, the same", size=12)
    return picture


def words() -> Picture:
    """A study, its generations, a generation's buckets, and their seeds × configurations."""
    picture = Picture("Study, generation, bucket, population, trial, seed", 860, 310)
    picture.box(8, 8, 844, 294, BASE, filled=0.05)
    picture.words(22, 30, "study: a search and all its trials", bold=True, anchor="start")
    for x, width, name in ((22, 90, "generation 0"), (126, 590, ""), (730, 108, "generation 2")):
        picture.box(x, 44, width, 244, SEARCH, filled=0.05, dashed=not name)
        if name:
            picture.words(x + width / 2, 170, name, size=12)
    picture.words(138, 66, "generation 1: proposed, trained and stored together", anchor="start")
    for x, columns, sizes in ((192, 6, "padded to 48×7×19"), (510, 4, "exactly 12×6×96")):
        width = 34 * columns + 16
        picture.box(x - 8, 96, width, 130, TRAINING, filled=0.08)
        picture.words(x - 8 + width / 2, 90, f"bucket, {sizes}", size=12)
        for column in range(columns):
            for seed in range(3):
                chosen = x == 192 and column == 2
                colour = WEAK if chosen else TRAINING
                at = (x + 34 * column, 104 + 38 * seed)
                picture.box(*at, 26, 30, colour, filled=0.6 if chosen else 0.2)
    for seed in range(3):
        picture.words(158, 124 + 38 * seed, f"seed {seed}", size=12)
    picture.arrow((273, 258), (273, 218))
    picture.words(273, 273, "a trial: one configuration, all its seeds", size=12)
    picture.words(580, 246, "a population: what trains at one time", size=12)
    picture.words(580, 262, "in one program, seeds × configurations", size=12)
    return picture


def pictures() -> dict[str, str]:
    """The pictures by file name."""
    drawn = {"rooms": rooms(), "path": path(), "trial": trial(), "words": words()}
    return {f"{name}.svg": picture.text() for name, picture in drawn.items()}


if __name__ == "__main__":
    for name, text in pictures().items():
        (PICTURES / name).write_text(text, encoding="utf-8")
        print(PICTURES / name)
