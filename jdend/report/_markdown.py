"""A report's sections as Markdown, converted from the subset of HTML that they use."""

import re
from collections.abc import Callable, Sequence
from html.parser import HTMLParser

from jdend.report._page import Section
from jdend.report._templates import Markup

__all__ = ["markdown"]

SKIPPED = ("details", "svg")


def markdown(
    title: str, subtitle: Markup, sections: Sequence[Section], picture: Callable[[str], str]
) -> str:
    """The report as Markdown.

    Args:
      title: plain text.
      subtitle: HTML.
      sections: the sections; their contents are HTML.
      picture: the address of a picture by name; empty if there is none.
    """
    parts = [f"# {_escaped(title)}", _converted(f"<p>{subtitle}</p>", picture)]
    for section in sections:
        parts += [f"## {_escaped(section.title)}", _converted(section.contents, picture)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _converted(contents: str, picture: Callable[[str], str]) -> str:
    reader = _Reader(picture)
    reader.feed(contents)
    reader.close()
    return "\n\n".join(block for block in reader.blocks if block.strip())


class _Reader(HTMLParser):
    """Collects blocks. An element with `data-picture` or `data-figure` becomes a picture; its
    contents are left out."""

    def __init__(self, picture: Callable[[str], str]):
        super().__init__()
        self.blocks: list[str] = []
        self._picture = picture
        self._text: list[str] = []
        self._rows: list[list[str]] = []
        self._skipping: list[str] = []  # open elements whose contents are left out

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        name = attributes.get("data-picture") or attributes.get("data-figure")
        if self._skipping or name or tag in SKIPPED:
            if tag not in ("img", "br", "image", "circle"):
                self._skipping.append(tag)
            if name and len(self._skipping) == 1 and self._picture(name):
                self.blocks.append(f"![{name}]({self._picture(name)})")
            return
        if tag in ("p", "h3", "pre", "td", "th", "dt", "dd", "figcaption"):
            self._text = []
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("table", "dl"):
            self._rows = []

    def handle_endtag(self, tag: str) -> None:
        if self._skipping:
            if tag == self._skipping[-1]:
                self._skipping.pop()
            return
        text = re.sub(r"\s+", " ", "".join(self._text)).strip()
        if tag == "p":
            self.blocks.append(_escaped(text))
        elif tag == "h3":
            self.blocks.append(f"### {_escaped(text)}")
        elif tag == "pre":
            self.blocks.append(_fenced("".join(self._text)))
        elif tag in ("td", "th") and self._rows:
            self._rows[-1].append(_escaped(text).replace("|", "\\|"))
        elif tag == "dt":
            self._rows.append([_escaped(text)])
        elif tag == "dd":
            self._rows[-1].append(_escaped(text))
        elif tag == "table":
            self.blocks.append(_table(self._rows))
        elif tag == "dl":
            self.blocks.append("\n".join(f"- {name}: {value}" for name, value in self._rows))

    def handle_data(self, data: str) -> None:
        if not self._skipping:
            self._text.append(data)


def _table(rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    head, *body = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([head, "|" + "---|" * len(rows[0]), *body])


def _fenced(command: str) -> str:
    """A command in a fence that is longer than any run of backticks in it."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", command)), default=0))
    return f"{fence}bash\n{command}\n{fence}"


def _escaped(text: str) -> str:
    """Escapes the characters that Markdown reads as HTML, a link, emphasis or code."""
    return re.sub(r"([\\*_`<>&\[\]])", r"\\\1", text)
