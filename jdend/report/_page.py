"""One self-contained HTML page: no file beside it, no network, interactive figures by Plotly."""

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources

from jdend.report import _style
from jdend.report._html import escape

__all__ = ["Section", "page", "plot"]


NO_SCRIPT = '<noscript><p class="note">The figures need JavaScript.</p></noscript>'

Section = tuple[str, str, str]
"""Name, title and contents of a section."""


def plot(name: str, *, scrolls: bool = False) -> str:
    """Where the figure of that name is drawn; one that needs width scrolls on a phone."""
    label = f'role="group" aria-label="figure: {escape(name)}"'
    place = f'<div class="plot" {label} data-figure="{escape(name)}"></div>'
    return f'<div class="scroll">{place}</div>' if scrolls else place


def page(
    title: str,
    subtitle: str,
    tiles: str,
    sections: Sequence[Section],
    figures: Mapping[str, object],
) -> str:
    """The page.

    Args:
      title: plain text.
      subtitle, tiles: HTML.
      sections: with contents in HTML.
      figures: Plotly's, by the name given to `plot`.
    """
    links = "".join(f'<a href="#{name}">{escape(heading)}</a>' for name, heading, _ in sections)
    body = "\n".join(
        f'<section id="{name}">\n<h2>{escape(heading)}</h2>\n{contents}\n</section>'
        for name, heading, contents in sections
    )
    drawn = {name: json.loads(figure.to_json()) for name, figure in figures.items()}  # pyright: ignore
    data = _packed(json.dumps({"dark": _style.DARK, "figures": drawn}, separators=(",", ":")))
    return f"""<!doctype html>
<html lang="en"{"" if drawn else ' data-drawn="yes"'}>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<link rel="icon" href="data:,">
<style>{_css()}</style>
</head>
<body>
<header><div>
<h1>{escape(title)}</h1>
<p class="soft">{subtitle}</p>
{tiles}
<nav>{links}</nav>
{NO_SCRIPT if drawn else ""}
</div></header>
<main>
{body}
</main>
<footer>Made by jdend.</footer>
<script type="text/plain" id="figures">{data}</script>
<script type="text/plain" id="plotly">{_plotly() if drawn else ""}</script>
<script>{_file("page.js") if drawn else ""}</script>
</body>
</html>
"""


def _css() -> str:
    """The style sheet with the colours of both modes; paper is always light."""
    light, dark = _style.variables(dark=False), _style.variables(dark=True)
    modes = f":root{{{light}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}"
    return modes + _file("page.css")


def _file(name: str) -> str:
    return resources.files("jdend.report").joinpath(name).read_text(encoding="utf-8")


@cache
def _plotly() -> str:
    """Plotly's own library, packed: 1.9 MB of 4.8."""
    from plotly.offline import get_plotlyjs

    return _packed(get_plotlyjs())


def _packed(text: str) -> str:
    """Text compressed by gzip, in base64; the page inflates it."""
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()
