"""Trials and what came of them: results, their table, and the folder that keeps a search."""

from jdend.study._confidence import FEW_EXAMPLES, validation_note, wilson_interval
from jdend.study._errors import StudyError
from jdend.study._files import read_results, write_results
from jdend.study._folder import (
    JOURNAL,
    RESULTS,
    RUN,
    TEACHERS,
    holds_search,
    latest_folder,
    new_folder,
    teachers_in,
)
from jdend.study._html import results_html
from jdend.study._ledger import Claim, Generation, Ledger, MemoryLedger, ProposedTrial
from jdend.study._notebook import Results, to_dataframe
from jdend.study._pareto import pareto_front, smallest_reaching
from jdend.study._ranking import rank
from jdend.study._reader import StoredStudy, open_study
from jdend.study._result import FINAL_FIGURES, SearchResult
from jdend.study._snapshots import SnapshotFolder, TrialInTraining, trials_in_training
from jdend.study._storage import open_storage, quiet_optuna
from jdend.study._study import Effort, Study
from jdend.study._table import results_table

__all__ = [
    "FEW_EXAMPLES",
    "FINAL_FIGURES",
    "JOURNAL",
    "RESULTS",
    "RUN",
    "TEACHERS",
    "Claim",
    "Effort",
    "Generation",
    "Ledger",
    "MemoryLedger",
    "ProposedTrial",
    "Results",
    "SearchResult",
    "SnapshotFolder",
    "StoredStudy",
    "Study",
    "StudyError",
    "TrialInTraining",
    "holds_search",
    "latest_folder",
    "new_folder",
    "open_storage",
    "open_study",
    "pareto_front",
    "quiet_optuna",
    "rank",
    "read_results",
    "results_html",
    "results_table",
    "smallest_reaching",
    "teachers_in",
    "to_dataframe",
    "trials_in_training",
    "validation_note",
    "wilson_interval",
    "write_results",
]
