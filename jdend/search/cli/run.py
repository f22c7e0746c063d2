"""What the command line does once its options are parsed."""

import argparse
import inspect
from collections.abc import Sequence
from pathlib import Path

from jdend.data import DataError
from jdend.models import ModelError, nearest, save
from jdend.models._saving import check_folder
from jdend.search.cli.main import (
    BUDGET,
    DATASET,
    EPOCHS,
    INTERRUPTED,
    PRUNERS,
    SEEDS,
    STRATEGIES,
    STRATEGY,
    TRIALS,
    TRIALS_WITH_RUNGS,
)
from jdend.search.driver.schedule import default_pruner
from jdend.search.driver.time_limit import TimeLimit
from jdend.search.errors import SearchError
from jdend.search.progress.reporter import say
from jdend.search.progress.status import LOG_FORMATS
from jdend.search.scenarios import SCENARIOS, Settings
from jdend.search.searcher import HyperparameterSearcher
from jdend.search.space.default_space import default_space
from jdend.search.space.dimensions import Space, read_space
from jdend.study import (
    SearchResult,
    Study,
    StudyError,
    latest_folder,
    new_folder,
    rank,
    results_table,
)

__all__ = ["run"]

FRONT = "find_pareto_optimal"
# Options that are arguments of the searcher under another name.
_ARGUMENTS = {
    "min_ratio": "min_param_ratio",
    "subset": "subset_size",
    "target": "target",
    "seeds": "seeds",
    "batch_size": "batch_size",
    "lr": "lr",
    "weight_decay": "weight_decay",
    "validation_fraction": "validation_fraction",
    "split_seed": "split_seed",
    "search_seed": "search_seed",
    "buckets": "buckets",
    "max_programs": "max_programs",
    "compile_cache": "compile_cache",
    "kernel": "kernel",
}


def run(options: argparse.Namespace, command: Sequence[str]) -> int:
    """Searches, prints the table and writes the folder; returns the exit code."""
    study = None
    try:
        scenarios = _scenarios(options)
        _check_names(options)
        space = None if options.space is None else read_space(options.space)
        if options.compile and not options.dry_run:
            raise SearchError("--compile goes with --dry-run")
        if options.top < 1:
            raise SearchError(f"--top must be a positive integer, got {options.top}")
        if options.study is not None and options.storage is None:
            raise SearchError("--study names a search in a storage: give --storage too")
        folder = _folder(options, scenarios)
        best = _folder_of_best(options, folder)
        study = Study(
            folder,
            command=command,
            storage=options.storage,
            name=options.study or (Path(folder).name if options.storage and folder else None),
            resume=options.resume,
        )
        try:
            searcher = None
            if scenarios:
                _run_scenarios(options, scenarios, study)
            else:
                searcher = _run_search(options, space, study)
        except KeyboardInterrupt:
            return _interrupted(options, study)
        if not options.dry_run:
            study.write()
            _say(options, f"written to {study.folder}")
            if searcher is not None and best is not None:
                _say(options, f"the best network is in {save(searcher.best_model(), best)}")
            if options.report and study.folder is not None:
                from jdend.report import report_after_search

                report_after_search(study.folder, lambda line: _say(options, line))
        return 0
    except (SearchError, StudyError, DataError, ModelError) as error:
        say(f"jdend.search: {error}", options.log_format, "error")
        return 2
    finally:
        if study is not None:
            study.discard()


def _folder_of_best(options: argparse.Namespace, folder: str | Path | None) -> Path | None:
    """Where --save-best saves, checked before the search; None if it is not asked for."""
    if options.save_best is None:
        return None
    for option in ("scenario", "dry_run"):
        if getattr(options, option):
            raise SearchError(f"--save-best does not go with --{option.replace('_', '-')}")
    if options.save_best:
        return check_folder(options.save_best)
    if folder is None:
        raise SearchError("--save-best needs a folder here: --save-best DIR")
    return Path(folder).expanduser() / "best"


def _run_search(
    options: argparse.Namespace, space: Space | None, study: Study
) -> HyperparameterSearcher:
    budgets = options.budget or [BUDGET]
    searcher = HyperparameterSearcher(
        DATASET if options.dataset is None else options.dataset,
        max_params=max(budgets),
        n_epochs=EPOCHS if options.epochs is None else options.epochs,
        **{"seeds": SEEDS, **_settings(options, study)},
    )
    strategy = options.strategy
    if strategy is None:  # with nothing held out there is nothing to learn from
        strategy = "random" if options.validation_fraction == 0 else STRATEGY
    pruner = default_pruner(strategy) if options.pruner is None else options.pruner
    n_trials = options.trials
    if n_trials is None and strategy != "grid" and options.time is None:
        n_trials = TRIALS if pruner == "none" else TRIALS_WITH_RUNGS
    searcher.optimize(
        space.dimensions if space else lambda budget: default_space(budget, searcher.problem),
        n_trials,
        strategy,
        generation=options.generation,
        pruner=pruner,
        budgets=budgets,
        seconds=_clock(options, study),
    )
    if not options.dry_run:
        _print_found(options, study)
    return searcher


def _clock(options: argparse.Namespace, study: Study) -> TimeLimit | None:
    """Of --time: it began with the command, and what follows the search is part of it."""
    if options.time is None:
        return None
    n_retrained = (options.save_best is not None) + (options.report and study.folder is not None)
    return TimeLimit(options.time, options.begun, n_retrained)


def _run_scenarios(options: argparse.Namespace, names: Sequence[str], study: Study) -> None:
    given = {"dataset": options.dataset, "n_trials": options.trials, "n_epochs": options.epochs}
    for name in names:
        arguments = {key: value for key, value in given.items() if value is not None}
        if options.budget is not None:
            if name == "find_pareto_optimal":
                arguments["budgets"] = options.budget
            else:
                (arguments["max_params"],) = options.budget
        before = len(study.results)
        _say(options, f"{name}:")
        found = SCENARIOS[name](**arguments, **_settings(options, study))
        if options.dry_run:
            continue
        if len(names) > 1:
            print(f"\n{name}")
        if isinstance(found, list):
            _print_table([record["result"] for record in found], options.top, ranked=False)
        else:
            _print_table(study.results[before:], options.top)


def _interrupted(options: argparse.Namespace, study: Study) -> int:
    n_done = len(study.results)
    _say(options, f"interrupted; {n_done or 'no'} trials are finished")
    if study.results:
        study.write("interrupted")
        _print_found(options, study)
        _say(options, f"written to {study.folder}; the same command with --resume goes on")
    return INTERRUPTED


def _print_found(options: argparse.Namespace, study: Study) -> None:
    """The best results; of several budgets the best of each."""
    budgets = sorted(options.budget or ())
    if len(budgets) < 2:
        _print_table(study.results, options.top)
        return
    within = {n: [r for r in study.results if r.total_params <= n] for n in budgets}
    try:
        best = {n: rank(results)[0] for n, results in within.items() if results}
    except StudyError:
        _print_table(study.results, options.top)
        return
    print(results_table(list(best.values()), first=("budget", [f"{n:,}" for n in best])))


def _print_table(results: Sequence[SearchResult], top: int, *, ranked: bool = True) -> None:
    if not ranked:
        print(results_table(results))
        return
    try:
        print(results_table(rank(results)[:top]))
    except StudyError as error:
        print(f"{results_table(results[:top])}\nnot ranked: {error}")


def _check_names(options: argparse.Namespace) -> None:
    known = (("strategy", STRATEGIES), ("pruner", PRUNERS), ("log_format", LOG_FORMATS))
    for option, allowed in known:
        given = getattr(options, option)
        if given not in (None, *allowed):
            name = option.replace("_", "-")
            raise SearchError(f"unknown {name} {given!r}{nearest(given, allowed)}")


def _scenarios(options: argparse.Namespace) -> list[str]:
    if options.scenario is None:
        return []
    for option in ("space", "strategy", "generation", "pruner"):
        if getattr(options, option) is not None:
            raise SearchError(f"--{option} does not go with --scenario, which brings its own")
    if options.time is not None:
        raise SearchError("--time does not go with --scenario: give --trials")
    if len(options.budget or ()) > 1 and options.scenario.replace("-", "_") != FRONT:
        raise SearchError(f"of the scenarios, {FRONT} alone takes several budgets")
    name = options.scenario.replace("-", "_")
    if name == "all":
        return list(SCENARIOS)
    if name not in SCENARIOS:
        raise SearchError(f"unknown scenario {options.scenario!r}{nearest(name, SCENARIOS)}, all")
    return [name]


def _settings(options: argparse.Namespace, study: Study) -> Settings:
    """The searcher's arguments that were given; what was not has the searcher's own default."""
    settings = {
        argument: getattr(options, option)
        for option, argument in _ARGUMENTS.items()
        if getattr(options, option) is not None
    }
    return {  # pyright: ignore[reportReturnType]
        **settings,
        "study": study,
        "verbose": not options.quiet,
        "log_format": options.log_format,
        "dry_run": "compile" if options.compile else options.dry_run,
    }


def _folder(options: argparse.Namespace, scenarios: Sequence[str]) -> str | Path | None:
    if options.dry_run and options.out is None:
        return None
    if options.out is not None:
        return options.out
    if options.study is not None:
        return Path("runs") / options.study
    dataset, budgets = DATASET, [BUDGET]
    if scenarios:
        own = inspect.signature(SCENARIOS[scenarios[0]]).parameters
        dataset = own["dataset"].default
        budgets = [own["max_params"].default] if "max_params" in own else budgets
    if options.dataset is not None:
        path = Path(options.dataset)
        dataset = path.stem if path.suffix.lower() in (".npz", ".csv") else path.name
    budgets = options.budget or budgets
    size = "-".join(map(str, sorted({min(budgets), max(budgets)})))
    latest = latest_folder(dataset, size) if options.resume else None
    return latest or new_folder(dataset, size)


def _say(options: argparse.Namespace, line: str) -> None:
    if not options.quiet:
        say(line, options.log_format)
