"""One self-contained HTML page: no file beside it, no network, interactive figures by Plotly."""

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from jdend.report import _style
from jdend.report._templates import Markup, render, source

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["Section", "page"]


class Section(NamedTuple):
    """A part of the page with a heading.

    Attributes:
      name: the anchor that links point to.
      title: plain text.
      contents: HTML; a section without any is left out.
    """

    name: str
    title: str
    contents: Markup


def page(
    title: str,
    subtitle: Markup,
    tiles: Markup,
    sections: Sequence[Section],
    figures: Mapping[str, "Figure"],
) -> str:
    """The page.

    Args:
      title: plain text.
      subtitle, tiles: HTML.
      sections: in the order in which they are shown.
      figures: Plotly's figures, by the name that the sections' templates pass to `plot`.
    """
    drawn = {name: json.loads(figure.to_json() or "") for name, figure in figures.items()}
    data = json.dumps({"dark": _style.DARK, "figures": drawn}, separators=(",", ":"))
    return render(
        "page",
        title=title,
        subtitle=subtitle,
        tiles=tiles,
        sections=sections,
        figures=drawn,
        css=_css(),
        figures_packed=_packed(data),
        plotly_packed=_plotly() if drawn else "",
        script=source("page.js") if drawn else "",
    )


def _css() -> Markup:
    """The style sheet with the colours of both modes; paper is always light."""
    light, dark = _style.variables(dark=False), _style.variables(dark=True)
    modes = f":root{{{light}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}"
    return Markup(modes) + source("page.css")


@cache
def _plotly() -> str:
    """Plotly's own library, compressed from 4.8 to 1.9 MB."""
    from plotly.offline import get_plotlyjs

    return _packed(get_plotlyjs())


def _packed(text: str) -> str:
    """Text compressed by gzip, in base64; the page inflates it."""
    return base64.b64encode(gzip.compress(text.encode(), 6, mtime=0)).decode()
