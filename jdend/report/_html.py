"""Pieces of HTML. Text from data and commands is escaped."""

import html
from collections.abc import Sequence

__all__ = ["definitions", "escape", "table", "tile"]


def escape(text: object) -> str:
    """Plain text as HTML."""
    return html.escape(str(text))


def table(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    left: Sequence[int] = (),
    first: bool = False,
) -> str:
    """A table that scrolls inside its own box.

    Args:
      headings: HTML.
      rows: likewise.
      left: columns that are words; numbers stand on the right.
      first: whether the first row is the best.
    """

    def cells(tag: str, row: Sequence[str]) -> str:
        places = ((cell, ' class="l"' if i in left else "") for i, cell in enumerate(row))
        return "".join(f"<{tag}{place}>{cell}</{tag}>" for cell, place in places)

    body = "\n".join(
        f"<tr{' class=first' if first and i == 0 else ''}>{cells('td', row)}</tr>"
        for i, row in enumerate(rows)
    )
    head = f"<thead><tr>{cells('th', headings)}</tr></thead>"
    return f'<div class="wide"><table>{head}<tbody>\n{body}\n</tbody></table></div>'


def tile(figure: str, spread: str, what: str) -> str:
    """A large figure with its name."""
    small = f" <small>{escape(spread)}</small>" if spread else ""
    return f'<div class="tile"><b>{escape(figure)}{small}</b><span>{escape(what)}</span></div>'


def definitions(pairs: Sequence[tuple[str, str]]) -> str:
    """Names and what they are, in two columns."""
    return "<dl>" + "".join(f"<dt>{escape(n)}</dt><dd>{escape(v)}</dd>" for n, v in pairs) + "</dl>"
