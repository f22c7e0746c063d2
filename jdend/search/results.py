"""The results of a searcher: ranking, tables, plots, files."""

import abc
import textwrap
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from jdend.data import Dataset
from jdend.search.space.budget import Budget
from jdend.study import (
    Results,
    SearchResult,
    Study,
    StudyError,
    pareto_front,
    rank,
    read_results,
    results_html,
    results_table,
    smallest_reaching,
    to_dataframe,
    write_results,
)

if TYPE_CHECKING:
    import pandas
    from plotly.graph_objects import Figure

    from jdend.report import Observed

__all__ = ["CollectedResults", "SearchResult", "Study", "StudyError"]

TEST_ACCURACY_WARNING = (
    "results without validation accuracy, as the older toolkit wrote, are ranked by test accuracy, "
    "which flatters the best"
)


class CollectedResults(abc.ABC):
    """The results of a searcher's searches, with methods to rank, show and save them.

    Figures are Plotly's; they and the report need the extra `report`.

    Attributes:
      results: the results of all searches so far.
      budget: the budget of the searches, unless one was called with other budgets.
      largest_budget: the largest budget of all searches so far.
    """

    results: Results
    budget: Budget
    largest_budget: int

    @property
    @abc.abstractmethod
    def dataset(self) -> Dataset:
        """The data that the networks were trained on, loaded at first use."""

    @abc.abstractmethod
    def describe(self) -> Mapping[str, object]:
        """The settings of data and training, enough to repeat the search."""

    def get_best_results(self, n: int = 5) -> Results:
        """The `n` best results, by their metric on the validation examples; failed trials last, and
        networks over the budget after all that keep to it.

        Results that the older toolkit wrote have only a test accuracy: they are ranked by it,
        after all others, with a warning.

        Raises:
          StudyError: if there is no validation accuracy to rank by.
        """
        best = Results(self._ranked()[:n])
        if any(result.only_tested for result in best):
            warnings.warn(TEST_ACCURACY_WARNING, stacklevel=2)
        return best

    def print_results(self, n: int = 10) -> None:
        """Prints the `n` best results as a table; unranked if nothing was held out to rank by."""
        try:
            best = self._ranked()[:n]
            print(results_table(best))
            if note := self._validation_note():
                print(textwrap.fill(note, 80, subsequent_indent="  "))
            if any(result.only_tested for result in best):
                print(TEST_ACCURACY_WARNING)
        except StudyError as error:
            print(f"{results_table(self.results[:n])}\nnot ranked: {error}")

    def _validation_note(self) -> str:
        """How much the validation accuracies say; empty if the data are not known."""
        return ""

    def _observed(self) -> "Observed | None":
        """The best network as it was trained; None if that was not kept."""
        return None

    def pareto_front(self) -> Results:
        """The results that no other beats in both parameters and validation accuracy, or their
        metric, by parameters; those that failed or were stopped are left out."""
        return Results(pareto_front(self.results))

    def smallest_reaching(self, accuracy: float) -> SearchResult | None:
        """The result of fewest parameters that reaches an accuracy, see
        `jdend.study.smallest_reaching`; None if none does."""
        return smallest_reaching(self.results, accuracy)

    def save_results(self, path: str | Path) -> None:
        """Writes all results as a JSON list.

        Raises:
          StudyError: if the file cannot be written.
        """
        write_results(path, self.results)

    def load_results(self, path: str | Path) -> Results:
        """Reads results that `save_results` wrote; they replace the present ones.

        Raises:
          StudyError: if the file cannot be read or holds no results.
        """
        self.results = Results(read_results(path))
        return self.results

    def to_dataframe(self) -> "pandas.DataFrame":
        """Parameters, figures and seeds, with one row per result in the order of training.

        Raises:
          StudyError: if pandas is not installed.
        """
        return to_dataframe(self.results)

    def plot_accuracy(self) -> "Figure":
        """Validation accuracy against parameters, with the Pareto front.

        Raises:
          StudyError: if Plotly is not installed, or there is nothing to draw. The other plots
            raise the same.
        """
        from jdend.report import accuracy_figure

        return accuracy_figure(self._measured(), budget=self.budget.max_params)

    def plot_learning_curves(self, n: int = 5) -> "Figure":
        """Validation accuracy by epoch of the `n` best, with bands over their seeds."""
        from jdend.report import curves_figure

        return curves_figure(self._measured(), n)

    def plot_importance(self) -> "Figure":
        """Hyperparameter importances, by Optuna's PED-ANOVA of these results."""
        from jdend.report import importance_figure, importances

        importance = importances(self._measured())
        if not importance.shares:
            raise StudyError(
                f"importances take at least 8 results that differ, here are {importance.n_trials}"
            )
        return importance_figure(importance)

    def plot_parallel(self) -> "Figure":
        """Every result as a line across its hyperparameters, to its validation accuracy."""
        from jdend.report import parallel_figure

        return parallel_figure(self._measured())

    def plot_time(self) -> "Figure":
        """Seconds of training against parameters."""
        from jdend.report import time_figure

        return time_figure(self._measured())

    def plot_heatmap(
        self, row: str = "resampling_rule", column: str = "steps_to_resample"
    ) -> "Figure":
        """Mean validation accuracy, or another metric, by the values of two parameters.

        Raises:
          StudyError: also if no result has both.
        """
        from jdend.report import heatmap_figure

        return heatmap_figure(self._measured(), row, column)

    def report(self, path: str | Path = "report.html") -> Path:
        """Writes one HTML page about all results, for which the best network is trained again if it
        was not kept.

        Raises:
          StudyError: if there are no results, Plotly is not installed, or the file cannot be
            written.
        """
        from jdend.report import SearchRecord, portrait_of, write_report

        if not self.results:
            raise StudyError("there are no results yet: search first")
        results = tuple(self.results)
        record = SearchRecord(results, (results,), (self.describe(),))
        portrait, why_none = None, ""
        try:
            portrait = portrait_of(record, self.dataset, self._observed())
        except StudyError as error:
            why_none = str(error)
        return write_report(record, path, portrait=portrait, why_none=why_none)

    def _repr_html_(self) -> str:
        n = len(self.results)
        lead = f"<p>{n:,} results within {self.budget.max_params:,} parameters"
        try:
            return f"{lead}, best first</p>{results_html(self._ranked())}"
        except StudyError:
            return f"{lead}</p>{results_html(self.results)}"

    def _ranked(self) -> list[SearchResult]:
        return sorted(rank(self.results), key=lambda r: r.total_params > self.largest_budget)

    def _measured(self) -> Results:
        """Results with a validation accuracy to draw."""
        measured = Results(r for r in self.results if r.failed is None and r.is_validated)
        if not measured:
            raise StudyError(
                "there is nothing to draw: search first, with validation_fraction above 0"
            )
        return measured
