"""`HyperparameterSearcher`: proposes networks that fit a budget, trains them, and ranks them."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from jdend.search.driver.dry_run import show_plan
from jdend.search.driver.loop import run_search, train_first
from jdend.search.driver.retraining import fresh_seeds, lengthened
from jdend.search.driver.schedule import Schedule, default_generation
from jdend.search.driver.time_limit import TimeLimit, with_generations_for
from jdend.search.driver.trainer import Trainer
from jdend.search.errors import BudgetError, BudgetWarning, SearchError
from jdend.search.keywords import keywords_of
from jdend.search.networks import NetworksWithinBudget
from jdend.search.options import SearcherOptions
from jdend.search.planning.population import Trial
from jdend.search.progress.reporter import reporter
from jdend.search.pruners import Pruner, find_pruner
from jdend.search.samplers.candidates import Candidate, Candidates
from jdend.search.samplers.grid_and_random import check_trials
from jdend.search.samplers.local import around
from jdend.search.samplers.proposing import listed
from jdend.search.samplers.registry import Strategy, find_strategy
from jdend.search.space.budget import Budget
from jdend.search.space.dimensions import Dimension, Space, parse_space
from jdend.search.space.problem import SearchProblem
from jdend.search.space.validation import check_seed, parse_seeds
from jdend.search.teachers import FirstSearch, options_of_first
from jdend.study import FEW_EXAMPLES, Results, SearchResult
from jdend.training import Outcome, let_go_of_populations

__all__ = ["HyperparameterSearcher"]

# A space, or a function that returns the space for a budget.
SpaceOfBudget = Mapping[str, object] | Callable[[int], Mapping[str, object]]


class HyperparameterSearcher(NetworksWithinBudget):
    """Searches for the best network that fits a parameter budget.

    Example usage::

      >>> from jdend import HyperparameterSearcher

      >>> searcher = HyperparameterSearcher("digits", max_params=1000, n_epochs=2, verbose=False)
      >>> space = {"n_neurons": (4, 10), "n_dendrites": (2, 6), "n_dendrite_inputs": [16, 24]}
      >>> results = searcher.random_search(space, n_trials=3)
      >>> best = searcher.get_best_results(1)[0]
      >>> 800 <= best.total_params <= 1000
      True

    `jdend.search.space.dimensions` shows how spaces are written. Each search appends to `results`.
    Networks are ranked by their `metric` on validation examples; test figures are only reported.

    Attributes:
      results: the results of all searches so far.

    Raises:
      ValueError: `SearchError`, `DataError` or `StudyError`, if an argument is not allowed.
    """

    @keywords_of(SearcherOptions)
    def __init__(self, options: SearcherOptions):
        """All arguments have defaults; the first ten may be given by position."""
        super().__init__(options)
        self._seeds = parse_seeds(options.seeds)
        self._search_seed = check_seed("search_seed", options.search_seed)
        self._n_searches = 0
        self._columns_said = False
        self._reporter = reporter(options.verbose, options.log_format)
        self._trainer = Trainer(
            self._data,
            options.resolved_kernel(),
            buckets=options.buckets,
            max_programs=options.max_programs,
            compile_cache=options.compile_cache,
            metric=options.found_metric(self._data.task),
            placement=options.placement(),
            executor=options.new_executor(
                compile_cache=options.compile_cache,
                own_devices=(options.devices, options.population, options.stream)
                != (None, None, False),
            ),
            precision=options.precision,
        )
        self._study = options.study or options.new_study()
        self._outcomes: dict[Trial, Outcome] = {}  # of all trials so far
        self.results: Results = Results()

    def grid_search(
        self,
        param_grid: Mapping[str, object],
        max_trials: int | None = None,
        *,
        search_seed: int | None = None,
    ) -> list[SearchResult]:
        """Trains all combinations of lists of values that fit the budget, or a sample of them.

        Args:
          param_grid: a list of values or a constant for each parameter.
          max_trials: the largest number of trials, a random sample of those that fit; None for all.
          search_seed: the seed of this search; by default it follows from the searcher's
            `search_seed` and the number of searches before this one.

        Returns:
          The results of this search, in the order of the grid. Combinations that mean the same
          configuration are trained once, and each has a result. If nothing fits, the list is empty,
          and a `BudgetWarning` says which change would help most easily; `optimize` raises instead.

        Raises:
          SpaceError: if a parameter is unknown, a value impossible, or there is a range.
          DataError: if the data cannot be loaded.
        """
        return self._search_what_fits(param_grid, max_trials, "grid", search_seed)

    def random_search(
        self,
        param_distributions: Mapping[str, object],
        n_trials: int = 50,
        *,
        search_seed: int | None = None,
    ) -> list[SearchResult]:
        """Trains different configurations, drawn at random from those that fit the budget.

        Args:
          param_distributions: for each parameter a list, a `(low, high)` pair (both ends included),
            a `{"type": "randint" | "uniform" | "choice", …}`, or a constant.
          n_trials: the number of trials; there are fewer only if the space has no more.
          search_seed: as for `grid_search`.

        Returns, Raises: as `grid_search`, in the order drawn.
        """
        check_trials("n_trials", n_trials)
        return self._search_what_fits(param_distributions, n_trials, "random", search_seed)

    def mixed_search(
        self,
        param_distributions: Mapping[str, object],
        n_trials: int = 50,
        *,
        search_seed: int | None = None,
    ) -> list[SearchResult]:
        """Goes through all combinations of the lists; for each it draws values of the ranges.

        Args, Returns, Raises: as `random_search`.
        """
        check_trials("n_trials", n_trials)
        return self._search_what_fits(param_distributions, n_trials, "mixed", search_seed)

    def optimize(
        self,
        space: SpaceOfBudget,
        n_trials: int | None = 50,
        strategy: str | Strategy = "tpe",
        *,
        generation: int | None = None,
        pruner: str | Pruner | None = None,
        budgets: Sequence[int] | None = None,
        seconds: float | TimeLimit | None = None,
        search_seed: int | None = None,
    ) -> list[SearchResult]:
        """Searches by any strategy, generation by generation.

        Args:
          space: for each parameter a list, a `(low, high)` pair (both ends included), a
            `{"type": "randint" | "uniform" | "choice", …}`, or a constant. Or a function that
            returns such a space for a budget.
          n_trials: the number of trials; there are fewer only if the space has no more. None for
            all trials of a grid, or, with `seconds`, for as many as there is time for.
          strategy: `grid`, `random`, `mixed` or `qmc`, which do not learn from results; `tpe` or
            `gp`, which propose what looks best after the trials so far; `nsga2`, which trades
            validation accuracy against parameters (see `pareto_front`). Or a strategy of your own,
            or its name, see `jdend.search.samplers.registry.Strategy`.
          generation: how many trials are proposed and trained together. By default, a strategy that
            learns has an eighth of `n_trials`, at least 8, or 27 if a pruner stops trials; one that
            does not learn has up to 128.
          pruner: `halving` or `hyperband` stop the weak trials of a generation early, `none` stops
            none. Or a pruner of your own, or its name, see `jdend.search.pruners.Pruner`. By
            default `halving` with `tpe` and `gp`, `none` with the others.
          budgets: several budgets in place of the searcher's, with `n_trials` each; they share
            programs.
          seconds: the time limit in seconds: no generation begins that would end later. The first
            generation is always trained.
          search_seed: as for `grid_search`.

        Returns, Raises: as `grid_search`, in the order proposed. `BudgetError` if nothing fits;
        `SearchError` also if arguments contradict each other.
        """
        time_limit = seconds if isinstance(seconds, TimeLimit | None) else TimeLimit(seconds)
        chosen = find_strategy(strategy)
        stopping = find_pruner(chosen.default_pruner if pruner is None else pruner)
        sizes = "constants" if chosen.lists_all else "ranges"
        limit = None if time_limit is None else time_limit.seconds
        schedule = Schedule(
            self._search_problems(space, budgets, sizes, limit),
            chosen,
            entropy=self._entropy(search_seed),
            seeds=self._seeds,
            n_trials=n_trials,
            generation=(
                default_generation(chosen, n_trials, stopping) if generation is None else generation
            ),
            pruner=stopping,
        )
        if n_trials is None and time_limit is None and schedule.n_generations is None:
            raise SearchError(f"{chosen.name!r} has no end: give n_trials, or seconds")
        if time_limit is not None and generation is None:
            schedule = with_generations_for(schedule, time_limit, self._trainer)
        return self._run(schedule, {"n_trials": n_trials}, time_limit)

    def refine(self, centres: Sequence[SearchResult], n_each: int = 4) -> list[SearchResult]:
        """Trains the configurations of results again, and similar ones around each of them.

        Args:
          centres: the results, such as the best ones of another search with fewer seeds.
          n_each: the number of trials around each centre, itself included.

        Returns, Raises: as `random_search`.
        """
        configurations = [self._completed(centre.params) for centre in centres]
        if not configurations:
            raise SearchError("refine needs at least one result")
        space = parse_space(configurations[0])
        problem, entropy = self._search_problem(space, self.budget), self._entropy(None)
        candidates = around(problem, np.random.default_rng(list(entropy)), configurations, n_each)
        schedule = Schedule((problem,), listed("refine", candidates), entropy, self._seeds)
        return self._run(schedule, {"centres": configurations, "n_each": n_each})

    def train_and_evaluate(
        self, params: Mapping[str, object], *, allow_any_size: bool = False
    ) -> SearchResult | None:
        """Trains one configuration; the result is not appended to `results`.

        Args:
          params: a value for each parameter, such as a result's `params`.
          allow_any_size: whether to train it even if it does not fit the budget.

        Returns:
          The result. None if it does not fit; a `BudgetWarning` says why.

        Raises:
          SpaceError: if a parameter is unknown or a value impossible.
          DataError: if the data cannot be loaded.
        """
        misfit = None if allow_any_size else self._misfit(params)
        if misfit is not None:
            message = f"not trained: {misfit}; allow_any_size=True trains it"
            warnings.warn(message, BudgetWarning, stacklevel=2)
            return None
        return self._train_once(params, self._seeds)

    def retrain(
        self, result: SearchResult, *, n_epochs: int | None = None, seeds: int | Sequence[int] = 5
    ) -> SearchResult:
        """Trains a result's configuration again with new seeds, which it was not chosen by; the new
        result is not appended to `results`.

        Args:
          result: the result, such as the best one.
          n_epochs: the number of epochs; None for that of the result.
          seeds: a number of seeds, which follow those of the result; or a list of seeds.

        Raises:
          SearchError: if the seeds are not allowed.
          SpaceError: if the number of epochs is not allowed.
        """
        params = lengthened(result.params, n_epochs)
        return self._train_once(params, fresh_seeds(result, seeds))

    def _search_what_fits(
        self,
        space: Mapping[str, object],
        n_trials: int | None,
        strategy: str,
        search_seed: int | None,
    ) -> list[SearchResult]:
        """As `optimize`, but if nothing fits, it warns and returns no results. So a loop over
        spaces goes on, as with the older toolkit."""
        try:
            return self.optimize(space, n_trials, strategy, search_seed=search_seed)
        except BudgetError as error:
            warnings.warn(str(error), BudgetWarning, stacklevel=3)
            return Results()

    def _search_problem(self, space: Space, budget: Budget) -> SearchProblem:
        self._say_columns()  # first, since features and so parameters follow from them
        return SearchProblem(space, self.problem, budget, self._options.training())

    def _search_problems(
        self,
        space: SpaceOfBudget,
        budgets: Sequence[int] | None,
        sizes: str = "ranges",
        seconds: float | None = None,
    ) -> tuple[SearchProblem, ...]:
        """The problem of each budget, with what its space leaves out, which is said."""
        allowed = [self.budget]
        if budgets is not None:
            allowed = [Budget(n, self.budget.min_param_ratio) for n in budgets]
        if not allowed or len({budget.max_params for budget in allowed}) < len(allowed):
            raise SearchError(f"budgets must be different numbers, got {budgets!r}")
        self.largest_budget = max(self.largest_budget, *(b.max_params for b in allowed))
        problems: list[SearchProblem] = []
        for budget in allowed:
            most = budget.max_params
            own = parse_space(space(most) if callable(space) else space)
            added = self._left_out(own, most, sizes=sizes, seconds=seconds)
            problems.append(self._search_problem(Space({**own.dimensions, **added}), budget))
            self._say_left_out(added, f" for {most:,} parameters" if len(allowed) > 1 else "")
        return tuple(problems)

    def _say_left_out(self, added: Mapping[str, Dimension], whose: str) -> None:
        given = self._options.training()
        said = [f"{name}={dimension}" for name, dimension in added.items() if name not in given]
        if said:
            self._reporter.note(
                f"not in the space, so as in the default one{whose}: {', '.join(said)}"
            )

    def _say_columns(self) -> None:
        """Says once what is done with the columns of a table."""
        lines = [] if self._columns_said else self._data.column_lines
        self._columns_said = True
        for line in lines:
            self._reporter.note(line)

    def _entropy(self, search_seed: int | None) -> tuple[int, ...]:
        if search_seed is None:
            return (self._search_seed, self._n_searches)
        return (check_seed("search_seed", search_seed),)

    def _run(
        self,
        schedule: Schedule,
        record: Mapping[str, object],
        time_limit: TimeLimit | None = None,
        following: Callable[[], Schedule] | None = None,
    ) -> list[SearchResult]:
        self._n_searches += 1
        schedule.check_held_out(self._data.validation_fraction)
        lines = schedule.summary()  # raises if nothing fits
        self._teach(time_limit)
        for line in lines:
            self._reporter.note(line)
        if 0 < self._data.n_validation < FEW_EXAMPLES:
            self._reporter.note(
                f"only {self._data.n_validation} validation examples: differences of some per cent "
                f"are luck{self._data.advice} (docs/selection.md)"
            )
        if self._options.dry_run:
            compiled = self._options.dry_run == "compile"
            show_plan(schedule, self._trainer, time_limit, compiled=compiled)
            return Results()
        n_before = len(self._study.results)
        try:
            results = run_search(
                schedule,
                self._trainer,
                self._study,
                self._reporter,
                record={**self._options.record(), **schedule.describe(), **record},
                memo=self._outcomes,
                time_limit=time_limit,
                owns_study=self._options.study is None,
                best=self._best,
                following=following,
            )
        finally:  # however the search ends, the finished trials are in the results
            self.results += self._study.results[n_before:]
            self._trainer.close()
            let_go_of_populations()
        return Results(results)

    def _teach(self, time_limit: TimeLimit | None = None) -> None:
        if not self._data.awaits_teachers:
            return
        options = options_of_first(self._options, self.largest_budget, self._study.folder)
        first = HyperparameterSearcher(**vars(options))
        first._reporter, first._columns_said = self._reporter.named("teachers"), True
        search = FirstSearch(first, options, first._reporter.note)
        try:
            search.teach(self._data, self._study, time_limit)
        finally:
            first._study.discard()

    def _train_once(self, params: Mapping[str, object], seeds: Sequence[int]) -> SearchResult:
        self._teach()
        configuration = self._completed(params)
        seed = configuration.pop("seed", None)
        bases = [] if seed is None else [check_seed("seed", seed)]
        candidate = Candidate(configuration, self._configure(configuration), bases)
        problem = self._search_problem(parse_space(configuration), self.budget)
        candidates = Candidates((candidate,), n_over=0, n_under=0, n_fit=1, n_same=0)
        schedule = Schedule((problem,), listed("one configuration", candidates), (0,), tuple(seeds))
        here = replace(self._trainer, executor=None)
        return train_first(schedule, here, self._reporter, self._outcomes)[0]
