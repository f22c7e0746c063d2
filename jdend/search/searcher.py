"""`HyperparameterSearcher`: proposes networks that fit a budget, trains them, and ranks them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from flax import nnx

from jdend.data import Dataset
from jdend.models import Configuration, Problem, build, configure, count_params
from jdend.search.buckets import Trial
from jdend.search.budget import Budget, confirmed_params, estimate_params
from jdend.search.checks import check_seed, parse_seeds
from jdend.search.dry import describe_plan
from jdend.search.errors import SearchError, SpaceError
from jdend.search.execution import Trainer, device, result_of
from jdend.search.material import Material
from jdend.search.progress import reporter
from jdend.search.refinement import around
from jdend.search.samplers import Draw, Proposal, Question, grid, mixed, random
from jdend.search.space import parse_space
from jdend.study import (
    Effort,
    SearchResult,
    Study,
    StudyError,
    rank,
    read_results,
    results_table,
    write_results,
)
from jdend.training import Outcome, compilations

__all__ = ["HyperparameterSearcher"]

Sampler = Callable[[Question, np.random.Generator], Proposal]


class HyperparameterSearcher:
    """Searches for the best network that fits a parameter budget.

    Example usage::

      >>> from jdend import HyperparameterSearcher

      >>> searcher = HyperparameterSearcher("digits", max_params=1000, n_epochs=2, verbose=False)
      >>> space = {"n_neurons": (4, 10), "n_dendrites": (2, 6), "n_dendrite_inputs": [16, 24]}
      >>> results = searcher.random_search(space, n_trials=3)
      >>> best = searcher.get_best_results(1)[0]
      >>> 800 <= best.total_params <= 1000
      True

    Spaces are written as `jdend.search.space` says. Each search appends to `results`. Networks are
    ranked by validation accuracy; test accuracy is only reported.

    Args:
      dataset: a name (`python -m jdend.data list`), the path of an `.npz` or `.csv` file, or a
        `jdend.data.Dataset`. It is loaded when training begins.
      subset_size: how many training examples to use, validation included; None for all.
      max_params: the budget, the most trainable parameters allowed.
      min_param_ratio: networks with less than this share of the budget are left out.
      n_epochs, lr, weight_decay, batch_size: of training, where the space does not have them.
      n_classes: checked against the data; None to take it from them.
      verbose: whether to say on stderr how the search goes.
      seeds: with how many seeds to train each trial (0, 1, …), or with which ones. Of a trial with
        a `seed` of its own, the seeds are counted from there.
      validation_fraction: share of the training examples held out to rank by. With 0 nothing can
        be ranked.
      split_seed: which examples are held out.
      search_seed: of the random draws. The same searches, in the same order, draw the same trials.
      target: the column of a CSV file that holds the classes.
      buckets: which trials share a program, `auto`, `exact` or `padded`; see
        `jdend.search.buckets`.
      max_programs: at most so many programs a search, as far as its architectures allow.
      kernel: how dendrites are computed, see `jdend.kernels`.
      compile_cache: whether compiled programs are kept in the user's cache folder.
      out: a folder in which to write `results.json` and `run.json`; None to write nothing.
      study: collects the results of several searchers, instead of `out`.
      dry_run: whether searches only print their plan.

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
        study: Study | None = None,
        dry_run: bool = False,
    ):
        self.budget = Budget(max_params, min_param_ratio)
        self._data = Material(
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
        self._reporter = reporter(verbose)
        self._trainer = Trainer(
            self._data,
            self._reporter,
            buckets=buckets,
            max_programs=max_programs,
            kernel=kernel,
            compile_cache=compile_cache,
        )
        self._dry_run = dry_run
        if study is not None and out is not None:
            raise SearchError("give out or study, not both: a study has its folder already")
        self._owns_study = study is None
        self._study = Study(out) if study is None else study
        self.results: list[SearchResult] = []

    @property
    def problem(self) -> Problem:
        """The data's features, classes and image shape."""
        return self._data.problem

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
        question = self._question(param_grid)
        record = {"strategy": "grid", "max_trials": max_trials}
        return self._search(question, lambda q, rng: grid(q, rng, max_trials), record, search_seed)

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
        question = self._question(param_distributions)
        record = {"strategy": "random", "n_trials": n_trials}
        return self._search(question, lambda q, rng: random(q, rng, n_trials), record, search_seed)

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
        question = self._question(param_distributions)
        record = {"strategy": "mixed", "n_trials": n_trials}
        return self._search(question, lambda q, rng: mixed(q, rng, n_trials), record, search_seed)

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
        record = {"strategy": "refine", "centres": given, "n_each": n_each}
        question = self._question(given[0])
        return self._search(question, lambda q, rng: around(q, rng, given, n_each), record, None)

    def train_and_evaluate(self, params: Mapping[str, object]) -> SearchResult:
        """Trains one configuration, whether it fits the budget or not.

        The result is not appended to `results`.

        Args:
          params: values by parameter, such as a result's `params`.

        Raises:
          SpaceError: for an unknown parameter or an impossible value.
          DataError: if the data cannot be had.
        """
        params = dict(params)
        configuration = self._configure(params)
        seed = params.pop("seed", None)
        draw = Draw(params, configuration, [] if seed is None else [check_seed("seed", seed)])
        trial = self._trial(draw)
        self._trainer.train([trial])
        return self._result(draw, self._trainer.known[trial])

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

    def get_best_results(self, n: int = 5) -> list[SearchResult]:
        """The `n` best results, by validation accuracy; failed trials last.

        Raises:
          StudyError: if there is no validation accuracy to rank by.
        """
        return rank(self.results)[:n]

    def print_results(self, n: int = 10) -> None:
        """Prints the `n` best results as a table; unranked if nothing was held out to rank by."""
        try:
            print(results_table(self.get_best_results(n)))
        except StudyError as error:
            print(f"{results_table(self.results[:n])}\nnot ranked: {error}")

    def save_results(self, path: str | Path) -> None:
        """Writes all results as a JSON list.

        Raises:
          StudyError: if the file cannot be written.
        """
        write_results(path, self.results)

    def load_results(self, path: str | Path) -> list[SearchResult]:
        """Reads results that `save_results` wrote, in place of those that are here.

        Raises:
          StudyError: if the file cannot be read or holds no results.
        """
        self.results = read_results(path)
        return self.results

    def _question(self, space: Mapping[str, object]) -> Question:
        return Question(parse_space(space), self.problem, self.budget, self._defaults)

    def _search(
        self, question: Question, sampler: Sampler, record: dict, search_seed: int | None
    ) -> list[SearchResult]:
        if search_seed is None:
            entropy = [self._search_seed, self._n_searches]
        else:
            entropy = [check_seed("search_seed", search_seed)]
        proposal = sampler(question, np.random.default_rng(entropy))
        self._n_searches += 1
        for line in proposal.summary(self.budget):
            self._reporter.note(line)
        trials = [self._trial(draw) for draw in proposal.draws]
        if self._dry_run:
            trials = list(dict.fromkeys(trials))
            print(describe_plan(trials, self._trainer.plan(trials), self._data.outline))
            return []
        record = {**record, "space": question.space.to_dict(), "search_entropy": entropy}
        return self._keep(proposal.draws, trials, record)

    def _keep(
        self, draws: Sequence[Draw], trials: Sequence[Trial], record: dict
    ) -> list[SearchResult]:
        """Trains, and keeps what is finished even if training is broken off."""
        before = compilations()
        status = "failed"
        found: list[SearchResult] = []
        try:
            self._trainer.train(trials)
            status = "complete" if self._owns_study else "running"
        except KeyboardInterrupt:
            status = "interrupted"
            raise
        finally:
            found += [
                self._result(draw, self._trainer.known[trial])
                for draw, trial in zip(draws, trials, strict=True)
                if trial in self._trainer.known
            ]
            if found:
                compiled = compilations() - before
                effort = Effort(compiled.step_programs, compiled.programs, compiled.seconds)
                config = {**self._settings(), **record}
                self.results += found
                self._study.add(found, config=config, effort=effort, device=device())
                self._study.write(status)
        return found

    def _trial(self, draw: Draw) -> Trial:
        bases = draw.seeds or [0]
        seeds = tuple(sorted({base + offset for base in bases for offset in self._seeds}))
        return Trial(draw.configuration, seeds)

    def _result(self, draw: Draw, outcome: Outcome) -> SearchResult:
        params: dict[str, object] = dict(draw.params)
        if len(draw.seeds) == 1:
            params["seed"] = draw.seeds[0]
        total_params = confirmed_params(draw.configuration.structure)
        held_out = len(self._data.split.validation_y) > 0
        return result_of(params, total_params, outcome, held_out=held_out)

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

    def _settings(self) -> dict[str, object]:
        """What the record of a search says, enough to repeat it."""
        return {
            **self._data.describe(),
            "max_params": self.budget.max_params,
            "min_param_ratio": self.budget.min_param_ratio,
            **self._defaults,
            "seeds": list(self._seeds),
            **self._trainer.settings(),
        }
