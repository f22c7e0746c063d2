"""What a searcher has found: ranked, shown, kept and read back."""

from pathlib import Path

from jdend.search.display import Display
from jdend.study import (
    Results,
    StudyError,
    pareto_front,
    rank,
    read_results,
    results_table,
    write_results,
)

__all__ = ["Findings"]


class Findings(Display):
    """Results, and what is asked of them.

    Attributes:
      results: of all searches so far.
    """

    results: Results

    def get_best_results(self, n: int = 5) -> Results:
        """The `n` best results, by validation accuracy; failed trials last.

        Raises:
          StudyError: if there is no validation accuracy to rank by.
        """
        return Results(rank(self.results)[:n])

    def print_results(self, n: int = 10) -> None:
        """Prints the `n` best results as a table; unranked if nothing was held out to rank by."""
        try:
            print(results_table(self.get_best_results(n)))
        except StudyError as error:
            print(f"{results_table(self.results[:n])}\nnot ranked: {error}")

    def pareto_front(self) -> Results:
        """The results that no other beats in both parameters and validation accuracy, by
        parameters; those that failed or were stopped are left out."""
        return Results(pareto_front(self.results))

    def save_results(self, path: str | Path) -> None:
        """Writes all results as a JSON list.

        Raises:
          StudyError: if the file cannot be written.
        """
        write_results(path, self.results)

    def load_results(self, path: str | Path) -> Results:
        """Reads results that `save_results` wrote, in place of those that are here.

        Raises:
          StudyError: if the file cannot be read or holds no results.
        """
        self.results = Results(read_results(path))
        return self.results
