from ._best_network import Observed, Portrait, portrait_of, portray
from ._comparisons import heatmap_figure, time_figure
from ._figures import accuracy_figure, curves_figure, importance_figure
from ._importance import Importances, importances
from ._make import make_report, report_after_search
from ._parallel import parallel_figure
from ._record import SearchRecord, read_record
from ._report import write_report
from ._resampling import resampling_figure

__all__ = [
    "Importances",
    "Observed",
    "Portrait",
    "SearchRecord",
    "accuracy_figure",
    "curves_figure",
    "heatmap_figure",
    "importance_figure",
    "importances",
    "make_report",
    "parallel_figure",
    "portrait_of",
    "portray",
    "read_record",
    "report_after_search",
    "resampling_figure",
    "time_figure",
    "write_report",
]
