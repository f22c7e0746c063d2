"""`teacher="self"`: a search begins with one for its teachers, networks of a larger budget.

That is a search like any other, within the folder of the one proper. The best of its networks are
trained again, and saved beside its files; what goes on loads those that are there.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from jdend._output import show
from jdend._phases import phase
from jdend.data import Split
from jdend.models import TrainedModel, count_params, load, save
from jdend.search.driver.data import SearchData
from jdend.search.driver.time_limit import TimeLimit
from jdend.search.errors import BudgetError, SearchError
from jdend.search.options import SearcherOptions
from jdend.search.space.default_space import default_space, default_training
from jdend.study import (
    RESULTS,
    RUN,
    TEACHERS,
    SearchResult,
    Study,
    holds_search,
    rank,
    read_results,
)

if TYPE_CHECKING:
    from jdend.search.searcher import HyperparameterSearcher

__all__ = ["FirstSearch", "options_of_first"]

# How many teach together, of how many networks, if time does not say it.
N_TEACHERS, N_TRIALS = 3, 9
# The share of a search's time that the search for them may take.
TIME_SHARE = 0.25


def options_of_first(
    options: SearcherOptions, budget: int, folder: str | Path | None
) -> SearcherOptions:
    """The settings of the search for teachers: the same data, one seed, a larger budget.

    Args:
      options: those of the search proper.
      budget: its largest budget.
      folder: its folder; None if it has none.

    Raises:
      SearchError: if the budget of the teachers is not allowed.
    """
    out = None if folder is None or options.dry_run else Path(folder) / TEACHERS
    return replace(
        options,
        max_params=options.budget_of_teachers(budget),
        seeds=1,
        teacher=None,
        teacher_budget=None,
        study=None,
        storage=None,
        study_name=None,
        out=out,
        resume=out is not None and holds_search(out),
    )


@dataclass(frozen=True)
class FirstSearch:
    """The search for teachers.

    Attributes:
      searcher: searches for them, and trains them again.
      options: its settings, as `options_of_first` returns them.
      say: called with lines of text for the user.
    """

    searcher: "HyperparameterSearcher"
    options: SearcherOptions
    say: Callable[[str], None]

    def teach(self, data: SearchData, study: Study, time_limit: TimeLimit | None) -> None:
        """Finds the teachers of data, which learn of them; a dry run only shows its plan.

        Args:
          data: those of the search proper.
          study: its study, which begins.
          time_limit: its time limit; None for no limit.

        Raises:
          SearchError: if no network fits the budget or is trained to its end, or the folder holds
            the teachers of another search.
          DataError, ModelError, StudyError: as a search, and as `jdend.save` and `jdend.load`.
        """
        if self.options.dry_run:
            show("first, for teachers:")
            self._search(time_limit)
            show("then, taught by the best of them:")
            return
        study.begin()
        try:
            results = self._finished() or self._search(time_limit)
            best = [result for result in rank(results) if result.failed is None][:N_TEACHERS]
            if not best:
                raise SearchError("teacher 'self' has found none: each network failed")
            with phase("training the teachers"):
                teachers = [self._trained(result, i) for i, result in enumerate(best, 1)]
        except KeyboardInterrupt:
            study.write("interrupted")
            raise
        data.learn_of(teachers, {"teachers": self._described(teachers, data.split)})

    def _search(self, time_limit: TimeLimit | None) -> list[SearchResult]:
        """The results of a search in the default space of its budget."""
        limit = None if time_limit is None else time_limit.part(TIME_SHARE, N_TEACHERS)
        seconds, budget = None if limit is None else limit.seconds, self.options.max_params
        training = default_training(budget, self.searcher.n_train, seconds)
        whole = {**default_space(budget, self.searcher.problem), **training}
        given = self.options.training()
        space = {name: value for name, value in whole.items() if name not in given}
        try:
            n_trials = N_TRIALS if limit is None else None
            return self.searcher.optimize(space, n_trials, seconds=limit)
        except BudgetError as error:
            raise SearchError(f"teachers: {error}; or give another teacher_budget") from None

    def _finished(self) -> list[SearchResult] | None:
        """The results of a search that is complete; None if it has to go on, or begin."""
        folder = self.options.out
        if folder is None:
            return None
        try:
            run = json.loads((Path(folder) / RUN).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        if run["status"] != "complete":
            return None
        wanted = {**self.searcher.describe(), "search_entropy": [self.options.search_seed, 0]}
        for name, value in json.loads(json.dumps(wanted)).items():
            there = run["config"].get(name)
            if name != "dataset" and there != value:
                raise SearchError(
                    f"{folder} holds the teachers of another search: {name} is {there!r} there "
                    f"and {value!r} here. Search the same, or give another folder"
                )
        return read_results(Path(folder) / RESULTS)

    def _trained(self, result: SearchResult, place: int) -> TrainedModel:
        """The network of a result; of a search with a folder the saved one."""
        saved = None if self.options.out is None else Path(self.options.out) / str(place)
        if saved is None or not saved.exists():
            self.say(f"number {place}, of {result.total_params:,} parameters, is trained again")
            # Not as it was kept, which it is not after --resume: teachers are always the same.
            model = self.searcher.best_model(result, again=True)
            if saved is None:
                return model
            save(model, saved)
        return load(saved)

    def _described(self, teachers: list[TrainedModel], parts: Split) -> dict[str, object]:
        """What they are, with the validation accuracy of each and of all together."""
        alone = [_accuracy([model], parts) for model in teachers]
        each, together = ", ".join(f"{a:.4f}" for a in alone), _accuracy(teachers, parts)
        self.say(f"{each} on the validation examples, together {together:.4f}")
        networks = [
            {
                "architecture": model.configuration.structure.architecture,
                "total_params": count_params(model.configuration.structure),
                "validation_accuracy": accuracy,
            }
            for model, accuracy in zip(teachers, alone, strict=True)
        ]
        most = self.options.max_params
        return {"max_params": most, "networks": networks, "validation_accuracy": together}


def _accuracy(teachers: list[TrainedModel], parts: Split) -> float:
    """The validation accuracy of the mean of their probabilities."""
    x, y = parts.validation_x, parts.validation_y
    mean = np.mean([model.probabilities(x) for model in teachers], axis=0)
    return round(float((mean.argmax(axis=1) == y).mean()), 6)
