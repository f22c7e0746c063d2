"""Reports of finished searches: one page to open, figures for notebooks, pictures for papers."""

from jdend.report._figures import accuracy_figure, curves_figure, importance_figure
from jdend.report._findings import Findings, read_findings
from jdend.report._importance import Importances, importances
from jdend.report._parallel import parallel_figure
from jdend.report._report import html_report, write_report

__all__ = [
    "Findings",
    "Importances",
    "accuracy_figure",
    "curves_figure",
    "html_report",
    "importance_figure",
    "importances",
    "parallel_figure",
    "read_findings",
    "write_report",
]
