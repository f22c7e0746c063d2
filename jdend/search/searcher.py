"""`HyperparameterSearcher`: proposes networks that fit a budget, trains them, and ranks them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from flax import nnx

from jdend.data import Dataset
from jdend.models import (
    Configuration,
    Problem,
    TrainedModel,
    build,
    configure,
    count_params,
)
from jdend.search.driver.data import SearchData
from jdend.search.driver.retraining import fresh_seeds, lengthened, network_of
from jdend.search.driver.schedule import Schedule, default_generation, default_pruner
from jdend.search.driver.session import Session
from jdend.search.driver.time_limit import TimeLimit
from jdend.search.driver.trainer import Trainer
from jdend.search.errors import SearchError, SpaceError
from jdend.search.progress.reporter import reporter
from jdend.search.results import CollectedResults
from jdend.search.samplers.grid_and_random import Draw, Proposal, Question, check_trials
from jdend.search.samplers.local import around
from jdend.search.space.budget import Budget, estimate_params
from jdend.search.space.dimensions import parse_space
from jdend.search.space.validation import check_seed, parse_seeds
from jdend.study import (
    Results,
    SearchResult,
    Study,
)

__all__ = ["HyperparameterSearcher"]

# A space, or what makes one for a budget.
SpaceOfBudget = Mapping[str, object] | Callable[[int], Mapping[str, object]]


class HyperparameterSearcher(CollectedResults):
    """Searches for the best network that fits a parameter budget.

    Example usage::

      >>> from jdend import HyperparameterSearcher

      >>> searcher = HyperparameterSearcher("digits", max_params=1000, n_epochs=2, verbose=False)
      >>> space = {"n_neurons": (4, 10), "n_dendrites": (2, 6), "n_dendrite_inputs": [16, 24]}
      >>> results = searcher.random_search(space, n_trials=3)
      >>> best = searcher.get_best_results(1)[0]
      >>> 800 <= best.total_params <= 1000
      True

    Spaces are written as `jdend.search.space.dimensions` says. Each search appends to `results`.
    Networks are ranked by validation accuracy; test accuracy is only reported.

    Args:
      dataset: a name (`python -m jdend.data list`), the path of an `.npz` or `.csv` file, or a
        `jdend.data.Dataset`. It is loaded when training begins.
      subset_size: how many training examples to use, validation included; None for all.
      max_params: the budget, the most trainable parameters allowed.
      min_param_ratio: networks with less than this share of the budget are left out.
      n_epochs, lr, weight_decay, batch_size: of training, where the space does not have them.
      n_classes: checked against the data; None to take it from them.
      verbose: whether to say on stderr how the search goes.
      log_format: `text`, or `json` for an object a line.
      seeds: with how many seeds to train each trial (0, 1, …), or with which ones. Of a trial with
        a `seed` of its own, the seeds are counted from there.
      validation_fraction: share of the training examples held out to rank by. With 0 nothing can
        be ranked.
      split_seed: which examples are held out.
      search_seed: of the random draws. The same searches, in the same order, draw the same trials.
      target: the column of a CSV file that holds the classes.
      buckets: which trials share a program, `auto`, `exact` or `padded`; see
        `jdend.search.planning.planner`.
      max_programs: at most so many programs a search, as far as its architectures allow.
      kernel: how dendrites are computed, see `jdend.kernels`.
      compile_cache: whether compiled programs are kept in the user's cache folder.
      out: a folder in which to write `results.json` and `run.json`; None to write nothing.
      storage, study_name: where generations are kept, if not in `out`, and under which name: see
        `jdend.study.open_storage`. All who search with the same share one search.
      resume: whether to go on with the search that `out` holds.
      study: collects the results of several searchers, instead of `out`, `storage` and `resume`.
      dry_run: whether searches only print their plan; `"compile"` to compile it too, for the
        memory that the compiler says it takes.

    Attributes:
      results: of all searches so far.

    Raises:
      ValueError: `SearchError`, `DataError` or `StudyError`, for an argument that is not allowed.
    """

    def __init__(
        self,
        dataset: str | Path | Dataset = "fashion-mnist",
        subset_size: int | None = None,
        max_params: int = 8000,
        min_param_ratio: float = 0.8,
        n_epochs: int = 15,
        lr: float = 0.0005,
        weight_decay: float = 0.01,
        batch_size: int = 256,
        n_classes: int | None = None,
        verbose: bool = True,
        *,
        seeds: int | Sequence[int] = 1,
        validation_fraction: float = 0.1,
        split_seed: int = 0,
        search_seed: int = 0,
        target: str | None = None,
        buckets: str = "auto",
        max_programs: int | None = None,
        kernel: str = "auto",
        compile_cache: bool = True,
        out: str | Path | None = None,
        storage: str | Path | None = None,
        study_name: str | None = None,
        resume: bool = False,
        study: Study | None = None,
        dry_run: bool | str = False,
        log_format: str = "text",
    ):
        self.budget = Budget(max_params, min_param_ratio)
        self._data = SearchData(
            dataset,
            subset_size=subset_size,
            validation_fraction=validation_fraction,
            split_seed=split_seed,
            target=target,
        )
        self._data.check_classes(n_classes)
        self._defaults = {
            "n_epochs": n_epochs,
            "lr": lr,
            "weight_decay": weight_decay,
            "batch_size": batch_size,
        }
        self._configure({"architecture": "mlp"})  # which reads nothing but these
        self._seeds = parse_seeds(seeds)
        self._search_seed = check_seed("search_seed", search_seed)
        self._n_searches = 0
        said = reporter(verbose, log_format)
        self._trainer = Trainer(
            self._data,
            said,
            buckets=buckets,
            max_programs=max_programs,
            kernel=kernel,
            compile_cache=compile_cache,
        )
        if study is not None and (out or storage or study_name or resume):
            raise SearchError(
                "give study, or out, storage, study_name and resume, not both: a study has its own"
            )
        self._session = Session(
            self._data,
            self._trainer,
            said,
            study or Study(out, storage=storage, name=study_name, resume=resume),
            owns_study=study is None,
            settings=self.describe,
            dry_run=dry_run,
        )
        self.results: Results = Results()

    @property
    def problem(self) -> Problem:
        """The data's features, classes and image shape."""
        return self._data.problem

    @property
    def dataset(self) -> Dataset:
        """The whole data set, loaded when first asked for."""
        return self._data.dataset

    def grid_search(
        self,
        param_grid: Mapping[str, object],
        max_trials: int | None = None,
        *,
        search_seed: int | None = None,
    ) -> list[SearchResult]:
        """Trains all combinations of lists of values that fit the budget, or a sample of them.

        Args:
          param_grid: by parameter a list of values, or a constant.
          max_trials: at most so many, a random sample of those that fit; None for all.
          search_seed: of this search alone; by default that of the searcher and the number of its
            searches so far.

        Returns:
          This search's results, in the grid's order. Combinations that differ only in what plays no
          role are trained once, and each has its result.

        Raises:
          SpaceError: for an unknown parameter, an impossible value or a range.
          BudgetError: if nothing fits, with the nearest change that would help.
          DataError: if the data cannot be had.
        """
        return self.optimize(param_grid, max_trials, "grid", search_seed=search_seed)

    def random_search(
        self,
        param_distributions: Mapping[str, object],
        n_trials: int = 50,
        *,
        search_seed: int | None = None,
    ) -> list[SearchResult]:
        """Trains configurations drawn at random among those that fit the budget, all different.

        Args:
          param_distributions: by parameter a list, a `(low, high)` pair (both ends included), a
            `{"type": "randint" | "uniform" | "choice", …}`, or a constant.
          n_trials: how many; fewer only if the space holds fewer.
          search_seed: as for `grid_search`.

        Returns, Raises: as `grid_search`, in the order drawn.
        """
        check_trials("n_trials", n_trials)
        return self.optimize(param_distributions, n_trials, "random", search_seed=search_seed)

    def mixed_search(
        self,
        param_distributions: Mapping[str, object],
        n_trials: int = 50,
        *,
        search_seed: int | None = None,
    ) -> list[SearchResult]:
        """Goes through all combinations of the lists, with the ranges drawn at random for each.

        Args, Returns, Raises: as `random_search`.
        """
        check_trials("n_trials", n_trials)
        return self.optimize(param_distributions, n_trials, "mixed", search_seed=search_seed)

    def optimize(
        self,
        space: SpaceOfBudget,
        n_trials: int | None = 50,
        strategy: str = "tpe",
        *,
        generation: int | None = None,
        pruner: str | None = None,
        budgets: Sequence[int] | None = None,
        seconds: float | TimeLimit | None = None,
        search_seed: int | None = None,
    ) -> list[SearchResult]:
        """Searches by any strategy, generation by generation.

        Args:
          space: by parameter a list, a `(low, high)` pair (both ends included), a
            `{"type": "randint" | "uniform" | "choice", …}`, or a constant. Or a function that
            returns such a space for a budget.
          n_trials: how many; fewer only if the space holds fewer. None for all of a grid, or for
            as many as there is time for.
          strategy: `grid`, `random`, `mixed` or `qmc`, which learn nothing; `tpe` or `gp`, which
            propose what looks best after the trials so far; `nsga2`, which trades validation
            accuracy against parameters (see `pareto_front`).
          generation: how many trials are proposed and trained together. By default few where the
            strategy learns, an eighth of `n_trials` but at least 8, or 27 with a pruner, and up to
            128 where it does not.
          pruner: `halving` or `hyperband` stop the weak trials of a generation early, `none` stops
            none; see `jdend.search.pruners`. By default halving with `tpe` and `gp`, else none.
          budgets: several, in place of the searcher's, that share programs; each has `n_trials`.
          seconds: begin no generation that would not end in so many seconds; the first one is
            trained in any case.
          search_seed: as for `grid_search`.

        Returns, Raises: as `grid_search`, in the order proposed. `SearchError` also for what does
        not go together.
        """
        clock = seconds if isinstance(seconds, TimeLimit | None) else TimeLimit(seconds)
        pruner = default_pruner(strategy) if pruner is None else pruner
        search = Schedule(
            self._questions(space, budgets),
            strategy,
            entropy=self._entropy(search_seed),
            seeds=self._seeds,
            n_trials=n_trials,
            generation=(
                default_generation(strategy, n_trials, pruner) if generation is None else generation
            ),
            pruner=pruner,
        )
        if n_trials is None and clock is None and search.n_generations is None:
            raise SearchError(f"{strategy!r} knows no end: give n_trials, or seconds")
        if clock is not None and generation is None:
            search = self._session.timed(search, clock)
        return self._run(search, {"n_trials": n_trials}, clock)

    def refine(self, centres: Sequence[SearchResult], n_each: int = 4) -> list[SearchResult]:
        """Trains the configurations of some results again, with others close to each.

        Args:
          centres: such as the best of another search, whose seeds were fewer.
          n_each: trials for each centre, itself included.

        Returns, Raises: as `random_search`.
        """
        given = [dict(centre.params) for centre in centres]
        if not given:
            raise SearchError("refine needs at least one result")
        question, entropy = self._question(given[0]), self._entropy(None)
        proposal = around(question, np.random.default_rng(list(entropy)), given, n_each)
        search = Schedule((question,), "refine", entropy=entropy, seeds=self._seeds, given=proposal)
        return self._run(search, {"centres": given, "n_each": n_each})

    def train_and_evaluate(self, params: Mapping[str, object]) -> SearchResult:
        """Trains one configuration, whether it fits the budget or not.

        The result is not appended to `results`.

        Args:
          params: values by parameter, such as a result's `params`.

        Raises:
          SpaceError: for an unknown parameter or an impossible value.
          DataError: if the data cannot be had.
        """
        return self._train_once(params, self._seeds)

    def retrain(
        self, result: SearchResult, *, n_epochs: int | None = None, seeds: int | Sequence[int] = 5
    ) -> SearchResult:
        """Trains a result's configuration again, with seeds that chose nothing.

        The new result is not appended to `results`.

        Args:
          result: such as the best.
          n_epochs: instead of as many as it was trained for.
          seeds: how many, counted on from the result's own; or which.

        Raises:
          SearchError: if there are no such seeds.
          SpaceError: for an impossible number of epochs.
        """
        params = lengthened(result.params, n_epochs)
        return self._train_once(params, fresh_seeds(result, seeds))

    def best_model(self, result: SearchResult | None = None) -> TrainedModel:
        """The network of a result, by default the best, trained again to be kept; some seconds.

        See `jdend.search.driver.retraining.network_of`; `jdend.save` saves it.

        Raises:
          SearchError: if there are no results, or training fails.
          StudyError: if there is no validation accuracy to rank by.
        """
        if result is None:
            best = self.get_best_results(1)
            if not best:
                raise SearchError("there are no results yet: search first")
            result = best[0]
        configuration = self._configure(lengthened(result.params, None))
        return network_of(result, configuration, self._data.split, kernel=self._trainer.kernel)

    def is_valid_config(self, params: Mapping[str, object]) -> bool:
        """Whether a configuration can be built and fits the budget.

        Raises:
          SpaceError: for an unknown parameter, or a value that no data would allow.
        """
        try:
            configuration = self._configure(params)
        except SpaceError:
            if self._too_many_inputs(params):
                return False
            raise
        return bool(self.budget.fits(count_params(configuration.structure)))

    def create_model(self, params: Mapping[str, object], seed: int | None = None) -> nnx.Module:
        """Builds the untrained network of a configuration.

        Args:
          params: values by parameter.
          seed: of its weights and connectivity; by default that of `params`, or 0.

        Raises:
          SpaceError: for an unknown parameter or an impossible value.
        """
        configuration = self._configure(params)
        wiring = configuration.hyperparameters
        given = params.get("seed", 0) if seed is None else seed
        return build(
            configuration.structure,
            connectivity=wiring.connectivity,
            field_std=wiring.field_std,
            initialization=wiring.initialization,
            kernel=self._trainer.kernel,
            rngs=nnx.Rngs(check_seed("seed", given)),
        )

    estimate_params = staticmethod(estimate_params)

    def _question(self, space: Mapping[str, object], budget: Budget | None = None) -> Question:
        return Question(parse_space(space), self.problem, budget or self.budget, self._defaults)

    def _questions(
        self, space: SpaceOfBudget, budgets: Sequence[int] | None
    ) -> tuple[Question, ...]:
        """One a budget."""
        allowed = [self.budget]
        if budgets is not None:
            allowed = [Budget(n, self.budget.min_param_ratio) for n in budgets]
        if not allowed or len({budget.max_params for budget in allowed}) < len(allowed):
            raise SearchError(f"budgets must be different numbers, got {budgets!r}")
        spaces = [space(b.max_params) if callable(space) else space for b in allowed]
        return tuple(self._question(s, b) for s, b in zip(spaces, allowed, strict=True))

    def _entropy(self, search_seed: int | None) -> tuple[int, ...]:
        if search_seed is None:
            return (self._search_seed, self._n_searches)
        return (check_seed("search_seed", search_seed),)

    def _run(
        self, search: Schedule, record: dict, clock: TimeLimit | None = None
    ) -> list[SearchResult]:
        self._n_searches += 1
        return Results(self._session.run(search, record, self.results.extend, clock))

    def _train_once(self, params: Mapping[str, object], seeds: Sequence[int]) -> SearchResult:
        given = dict(params)
        seed = given.pop("seed", None)
        bases = [] if seed is None else [check_seed("seed", seed)]
        proposal = Proposal((Draw(given, self._configure(given), bases),), 0, 0, 1, 0)
        question = self._question(params)
        search = Schedule((question,), "given", entropy=(0,), seeds=tuple(seeds), given=proposal)
        return self._session.train(search)[0]

    def _configure(self, params: Mapping[str, object]) -> Configuration:
        try:
            return configure(params, self.problem, self._defaults)
        except ValueError as error:
            raise SpaceError(str(error)) from None

    def _too_many_inputs(self, params: Mapping[str, object]) -> bool:
        n_inputs = params.get("n_dendrite_inputs")
        if not isinstance(n_inputs, int) or n_inputs <= self.problem.in_features:
            return False
        self._configure({**params, "n_dendrite_inputs": 1})
        return True

    def describe(self) -> dict[str, object]:
        """What the record of a search says of data and training, enough to repeat it."""
        return {
            **self._data.describe(),
            "max_params": self.budget.max_params,
            "min_param_ratio": self.budget.min_param_ratio,
            **self._defaults,
            "seeds": list(self._seeds),
            **self._trainer.settings(),
        }
