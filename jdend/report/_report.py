"""Puts a report together."""

import os
from pathlib import Path

from jdend.report import _sections as of
from jdend.report._closer import confusion_section, fields_section, resampling_section
from jdend.report._figures import accuracy_figure, curves_figure, importance_figure, plotly
from jdend.report._findings import Findings, finite
from jdend.report._html import escape
from jdend.report._importance import importances, varying
from jdend.report._page import page
from jdend.report._parallel import parallel_figure
from jdend.report._portrait import Portrait
from jdend.report._resampling import resampling_figure
from jdend.study import StudyError

__all__ = ["html_report", "write_report"]


def html_report(findings: Findings, portrait: Portrait | None = None, why_none: str = "") -> str:
    """The report as one HTML page.

    Args:
      findings: of `read_findings`.
      portrait: of the best network, by `portrait_of`; or
      why_none: why there is none.
    """
    results = findings.results
    figures, sections = {}, [("best", "Best networks", of.best_section(findings))]
    if any(finite(result.validation_accuracy) for result in results):
        budget = findings.budgets[0] if len(findings.budgets) == 1 else None
        figures["accuracy"] = accuracy_figure(results, budget=budget)
        sections.append(("accuracy", "Accuracy against parameters", of.accuracy_section(findings)))
    if any(result.history.get("validation_accuracy") for result in results):
        figures["curves"] = curves_figure(results)
        sections.append(("curves", "Learning curves", of.curves_section(findings)))
        found = importances(results, findings.studies)
        if found.shares:
            figures["importance"] = importance_figure(found)
        if len(varying(results)) > 1:
            figures["parallel"] = parallel_figure(results)
        sections.append(("mattered", "What mattered", of.mattered_section(findings, found)))
    stopped = of.stopped_section(findings)
    if stopped:
        sections.append(("stopped", "Stopped early", stopped))
    if portrait is None:
        sections.append(("confusion", "The best network", f"<p>Not shown: {escape(why_none)}.</p>"))
    else:
        sections.append(("confusion", "The best network", confusion_section(portrait)))
        fields = fields_section(portrait)
        if fields:
            sections.append(("fields", "Receptive fields", fields))
        moves = resampling_section(portrait)
        if moves:
            figures["resampling"] = resampling_figure(portrait.history)
            sections.append(("resampling", "Resampling", moves))
    sections.append(("repeat", "To repeat it", of.repeat_section(findings)))
    return page(of.title(findings), of.subtitle(findings), of.tiles(findings), sections, figures)


def write_report(
    findings: Findings, out: str | Path, *, portrait: Portrait | None = None, why_none: str = ""
) -> Path:
    """Writes the report, whole or not at all, over what was there.

    Args:
      findings: of `read_findings`.
      portrait, why_none: see `html_report`.
      out: the file.

    Raises:
      StudyError: if it cannot be written, or Plotly is not installed.
    """
    plotly()
    out = Path(out).expanduser()
    text = html_report(findings, portrait, why_none)
    scratch = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        scratch.write_text(text, encoding="utf-8")
        os.replace(scratch, out)
    except OSError as error:
        raise StudyError(f"cannot write {out}: {error.strerror or error}") from None
    finally:
        scratch.unlink(missing_ok=True)
    return out
