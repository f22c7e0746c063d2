"""Assembles a report, and writes it as HTML, Markdown or PNG."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from jdend._files import os_errors_as, user_path, write_bytes
from jdend.models import MULTILABEL, REGRESSION
from jdend.report import _sections as of
from jdend.report._best_network import Portrait
from jdend.report._figures import accuracy_figure, curves_figure, importance_figure, plotly
from jdend.report._format import metric_of
from jdend.report._importance import Importances, importances, varying
from jdend.report._network_sections import confusion_section, fields_section, resampling_section
from jdend.report._page import Section, page
from jdend.report._parallel import parallel_figure
from jdend.report._predictions import labels_section, predictions_figure, predictions_section
from jdend.report._record import SearchRecord, finite
from jdend.report._resampling import resampling_figure
from jdend.report._templates import Markup, render
from jdend.study import SearchResult, StudyError

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["FORMATS", "write_report"]

FORMATS = ("html", "md", "png")


@dataclass(frozen=True)
class Contents:
    """The contents of a report, in whichever form it is written.

    Attributes:
      title: plain text.
      subtitle, tiles: HTML.
      sections: the sections; their contents are HTML.
      figures: Plotly's figures by name.
      portrait: a close look at the best network, if it was trained again.
    """

    title: str
    subtitle: Markup
    tiles: Markup
    sections: Sequence[Section] = ()
    figures: Mapping[str, "Figure"] = field(default_factory=dict)
    portrait: Portrait | None = None


def contents_of(record: SearchRecord, portrait: Portrait | None, why_none: str) -> Contents:
    """The report of a study.

    Args:
      record: the study, as `read_record` returns it.
      portrait: the best network, as `portrait_of` returns it; None if there is none.
      why_none: the reason if there is no portrait.
    """
    results = record.results
    measured = [r for r in results if r.failed is None and finite(r.score)]
    shares = importances(results, record.studies) if measured else None
    figures = _figures(record, measured, shares, portrait)
    sections = [
        Section("best", "Best networks", of.best_section(record)),
        *_sections_of_measured(record, shares, figures),
        _section_of_stopped(record),
        *_sections_of_network(portrait, why_none),
        Section("repeat", "To repeat it", of.repeat_section(record)),
    ]
    return Contents(
        of.title(record),
        of.subtitle(record),
        of.tiles(record),
        [section for section in sections if section.contents],
        figures,
        portrait,
    )


def _figures(
    record: SearchRecord,
    measured: Sequence[SearchResult],
    shares: Importances | None,
    portrait: Portrait | None,
) -> dict[str, "Figure"]:
    """The interactive figures, by name; without those that would be empty."""
    figures = {}
    if measured:
        budget = record.budgets[0] if len(record.budgets) == 1 else None
        figures["accuracy"] = accuracy_figure(measured, budget=budget)
    if any(result.score_history for result in measured):
        figures["curves"] = curves_figure(measured)
    if shares is not None and shares.shares:
        figures["importance"] = importance_figure(shares)
    if len(varying(measured)) > 1:
        figures["parallel"] = parallel_figure(measured)
    if portrait is not None and portrait.model.task == REGRESSION:
        figures["predictions"] = predictions_figure(portrait)
    if portrait is not None and portrait.moved:
        figures["resampling"] = resampling_figure(portrait.history)
    return figures


def _sections_of_measured(
    record: SearchRecord, shares: Importances | None, figures: Mapping[str, "Figure"]
) -> list[Section]:
    """The sections that need validation accuracies; none if no trial has one."""
    if shares is None:
        return []
    mattered = of.mattered_section(record, shares, "parallel" in figures)
    metric = metric_of(record.results)
    against = f"{metric[0].upper()}{metric[1:]} against parameters"
    sections = [Section("accuracy", against, of.accuracy_section(record))]
    if "curves" in figures:
        sections.append(Section("curves", "Learning curves", of.curves_section(record)))
    return [*sections, Section("mattered", "What mattered", mattered)]


def _section_of_stopped(record: SearchRecord) -> Section:
    has_stopped = any(result.stopped_epoch is not None for result in record.results)
    title = "Stopped early" if has_stopped else "Failed"
    return Section("stopped", title, of.stopped_section(record))


def _sections_of_network(portrait: Portrait | None, why_none: str) -> list[Section]:
    if portrait is None:
        return [Section("confusion", "The best network", render("no_network", why=why_none))]
    return [
        _section_of_outputs(portrait),
        Section("fields", "Receptive fields", fields_section(portrait)),
        Section("resampling", "Resampling", resampling_section(portrait)),
    ]


def _section_of_outputs(portrait: Portrait) -> Section:
    """What the best network says of the test examples."""
    if portrait.model.task == REGRESSION:
        return Section("predictions", "The best network", predictions_section(portrait))
    if portrait.model.task == MULTILABEL:
        return Section("labels", "The best network", labels_section(portrait))
    return Section("confusion", "The best network", confusion_section(portrait))


def write_report(
    record: SearchRecord,
    out: str | Path,
    *,
    form: str = "html",
    portrait: Portrait | None = None,
    why_none: str = "",
) -> Path:
    """Writes the report and replaces an older one; each file is written whole or not at all.

    Args:
      record: the study, as `read_record` returns it.
      out: the file. Pictures of `md` go to the folder `<name>_files` beside it.
      form: one of `FORMATS`.
      portrait: the best network, as `portrait_of` returns it; None if there is none.
      why_none: the reason if there is no portrait.

    Raises:
      StudyError: if it cannot be written, there are no results, or a package is missing.
    """
    plotly()
    if not record.results:
        raise StudyError("there are no results to report")
    out = user_path(out, StudyError)
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
        return {out: one_picture(title, subtitle.striptags(), drawn)}
    folder = out.with_name(f"{out.stem}_files")
    address = {name: f"{folder.name}/{name}.png" for name in drawn}
    text = markdown(title, subtitle, contents.sections, lambda name: address.get(name, ""))
    return {**{folder / f"{n}.png": data for n, data in drawn.items()}, out: text.encode()}
