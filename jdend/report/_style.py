"""Colours that can be told apart in light and dark mode, also by people who are colour-blind.

The palette follows Okabe & Ito (2008). A figure is drawn in the light colours; a page in dark mode
replaces each of them by its counterpart.
"""

__all__ = ["BLUE", "DARK", "GREY", "GRID", "INK", "MUTED", "ORANGE", "PAPER", "SERIES", "faint"]

PAPER, GROUND, INK, MUTED, GRID = "#ffffff", "#f4f5f3", "#1d242b", "#5d6770", "#dfe3e6"
GREY = "#98a2ab"
ORANGE, BLUE, GREEN, YELLOW, PURPLE = "#c9540a", "#0072b2", "#00856f", "#b98900", "#b0629b"
SERIES = (ORANGE, BLUE, GREEN, YELLOW, PURPLE)

DARK = {
    PAPER: "#1b2025",
    GROUND: "#12161a",
    INK: "#e5e8ea",
    MUTED: "#9ea9b2",
    GRID: "#343b42",
    GREY: "#6f7a84",
    ORANGE: "#ff9148",
    BLUE: "#5fb4ea",
    GREEN: "#3cc6a8",
    YELLOW: "#e8bd3f",
    PURPLE: "#de9acb",
}
VARIABLES = {
    "paper": PAPER,
    "ground": GROUND,
    "ink": INK,
    "muted": MUTED,
    "grid": GRID,
    "grey": GREY,
    "orange": ORANGE,
    "blue": BLUE,
}
FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'


def faint(colour: str, opacity: float) -> str:
    """The colour, translucent, as `#rrggbbaa`."""
    return f"{colour}{round(255 * opacity):02x}"


def variables(*, dark: bool) -> str:
    """The colours as CSS variables."""
    pairs = ((name, DARK[value] if dark else value) for name, value in VARIABLES.items())
    return "".join(f"--{name}:{value};" for name, value in pairs)
