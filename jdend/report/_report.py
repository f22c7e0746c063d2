"""Puts a report together, and writes it in one of its forms."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING

from jdend._files import os_errors_as, write_bytes
from jdend.report import _sections as of
from jdend.report._best_network import Portrait
from jdend.report._figures import accuracy_figure, curves_figure, importance_figure, plotly
from jdend.report._html import escape
from jdend.report._importance import importances, varying
from jdend.report._network_sections import confusion_section, fields_section, resampling_section
from jdend.report._page import Section, page
from jdend.report._parallel import parallel_figure
from jdend.report._record import SearchRecord, finite
from jdend.report._resampling import resampling_figure
from jdend.study import StudyError

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["FORMATS", "write_report"]

FORMATS = ("html", "md", "png")


@dataclass(frozen=True)
class Contents:
    """What every form of a report is made from.

    Attributes:
      title: plain text.
      subtitle, tiles: HTML.
      sections: with contents in HTML.
      figures: by name.
      portrait: of the best network, if there is one.
    """

    title: str
    subtitle: str
    tiles: str
    sections: Sequence[Section] = ()
    figures: Mapping[str, "Figure"] = field(default_factory=dict)
    portrait: Portrait | None = None


def contents_of(record: SearchRecord, portrait: Portrait | None, why_none: str) -> Contents:
    """The report of a study.

    Args:
      record: of `read_record`.
      portrait: of the best network, by `portrait_of`; or
      why_none: why there is none.
    """
    results = record.results
    figures, sections = {}, [("best", "Best networks", of.best_section(record))]
    measured = [r for r in results if r.failed is None and finite(r.validation_accuracy)]
    if measured:
        budget = record.budgets[0] if len(record.budgets) == 1 else None
        figures["accuracy"] = accuracy_figure(measured, budget=budget)
        sections.append(("accuracy", "Accuracy against parameters", of.accuracy_section(record)))
        if any(result.history.get("validation_accuracy") for result in measured):
            figures["curves"] = curves_figure(measured)
            sections.append(("curves", "Learning curves", of.curves_section(record)))
        found = importances(results, record.studies)
        if found.shares:
            figures["importance"] = importance_figure(found)
        if len(varying(measured)) > 1:
            figures["parallel"] = parallel_figure(measured)
        sections.append(
            ("mattered", "What mattered", of.mattered_section(found, "parallel" in figures))
        )
    stopped = of.stopped_section(record)
    if stopped:
        has_stopped = any(result.stopped_epoch is not None for result in results)
        sections.append(("stopped", "Stopped early" if has_stopped else "Failed", stopped))
    if portrait is None:
        sections.append(("confusion", "The best network", f"<p>Not shown: {escape(why_none)}.</p>"))
    else:
        sections.append(("confusion", "The best network", confusion_section(portrait)))
        sections.append(("fields", "Receptive fields", fields_section(portrait)))
        moves = resampling_section(portrait)
        if 'data-figure="resampling"' in moves:
            figures["resampling"] = resampling_figure(portrait.history)
        sections.append(("resampling", "Resampling", moves))
    sections.append(("repeat", "To repeat it", of.repeat_section(record)))
    return Contents(
        of.title(record),
        of.subtitle(record),
        of.tiles(record),
        [section for section in sections if section[2]],
        figures,
        portrait,
    )


def write_report(
    record: SearchRecord,
    out: str | Path,
    *,
    form: str = "html",
    portrait: Portrait | None = None,
    why_none: str = "",
) -> Path:
    """Writes the report, each file whole or not at all, over what was there.

    Args:
      record: of `read_record`.
      out: the file. Pictures of `md` go to the folder `<name>_files` beside it.
      form: one of `FORMATS`.
      portrait: of the best network, by `portrait_of`; or
      why_none: why there is none.

    Raises:
      StudyError: if it cannot be written, there are no results, or a package is missing.
    """
    plotly()
    if not record.results:
        raise StudyError("there are no results to report")
    out = Path(out).expanduser()
    contents = contents_of(record, portrait, why_none)
    files = _files(contents, out, form)
    with os_errors_as(StudyError, f"cannot write {out}"):
        for file, data in files.items():
            file.parent.mkdir(exist_ok=True)
            write_bytes(file, data)
    return out


def _files(contents: Contents, out: Path, form: str) -> dict[Path, bytes]:
    """Contents by file, the report itself last."""
    title, subtitle = contents.title, contents.subtitle
    if form == "html":
        text = page(title, subtitle, contents.tiles, contents.sections, contents.figures)
        return {out: text.encode()}
    from jdend.report._markdown import markdown
    from jdend.report._pictures import one_picture, pictures

    drawn = pictures(contents.figures, contents.portrait)
    if form == "png":
        return {out: one_picture(title, unescape(re.sub(r"<[^>]*>", "", subtitle)), drawn)}
    folder = out.with_name(f"{out.stem}_files")
    address = {name: f"{folder.name}/{name}.png" for name in drawn}
    text = markdown(title, subtitle, contents.sections, lambda name: address.get(name, ""))
    return {**{folder / f"{n}.png": data for n, data in drawn.items()}, out: text.encode()}
