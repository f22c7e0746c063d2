"""How a searcher shows what it found in a notebook: tables, figures, a report."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from jdend.study import Results, StudyError, rank, results_html, to_dataframe

if TYPE_CHECKING:
    import pandas
    from plotly.graph_objects import Figure

    from jdend.search.driver.data import Material
    from jdend.search.space.budget import Budget

__all__ = ["Display"]


class Display:
    """What is shown of `results`. Figures need the extra `report`, and are Plotly's."""

    results: Results
    budget: "Budget"
    _data: "Material"
    _settings: Any

    def _repr_html_(self) -> str:
        n = len(self.results)
        lead = f"<p>{n:,} results within {self.budget.max_params:,} parameters"
        try:
            return f"{lead}, best first</p>{results_html(rank(self.results))}"
        except StudyError:
            return f"{lead}</p>{results_html(self.results)}"

    def to_dataframe(self) -> "pandas.DataFrame":
        """One row a result, in the order trained: parameters, figures, seeds.

        Raises:
          StudyError: if pandas is not installed.
        """
        return to_dataframe(self.results)

    def plot_accuracy(self) -> "Figure":
        """Validation accuracy against parameters, with the Pareto front.

        Raises:
          StudyError: if Plotly is not installed, or there is nothing to draw; as all of these.
        """
        from jdend.report import accuracy_figure

        return accuracy_figure(self._measured(), budget=self.budget.max_params)

    def plot_learning_curves(self, n: int = 5) -> "Figure":
        """Validation accuracy by epoch of the `n` best, with bands over their seeds."""
        from jdend.report import curves_figure

        return curves_figure(self._measured(), n)

    def plot_importance(self) -> "Figure":
        """Which hyperparameters mattered, by Optuna's PED-ANOVA of these results."""
        from jdend.report import importance_figure, importances

        found = importances(self._measured())
        if not found.shares:
            raise StudyError(
                f"importances take at least 8 results that differ, here are {found.n_trials}"
            )
        return importance_figure(found)

    def plot_parallel(self) -> "Figure":
        """Every result as a line across its hyperparameters, to its validation accuracy."""
        from jdend.report import parallel_figure

        return parallel_figure(self._measured())

    def report(self, path: str | Path = "report.html") -> Path:
        """Writes one HTML page about all results; the best network is trained again for it.

        Raises:
          StudyError: if there are no results, Plotly is not installed, or the file cannot be
            written.
        """
        from jdend.report import Findings, portrait_of, write_report

        if not self.results:
            raise StudyError("there are no results yet: search first")
        results = tuple(self.results)
        findings = Findings(results, (results,), (self._settings(),))
        portrait, why_none = None, ""
        try:
            portrait = portrait_of(findings, self._data.dataset)
        except StudyError as error:
            why_none = str(error)
        return write_report(findings, path, portrait=portrait, why_none=why_none)

    def _measured(self) -> Results:
        """Results with a validation accuracy to draw."""
        found = Results(
            r for r in self.results if r.failed is None and r.validation_accuracy is not None
        )
        if not found:
            raise StudyError(
                "there is nothing to draw: search first, with validation_fraction above 0"
            )
        return found
