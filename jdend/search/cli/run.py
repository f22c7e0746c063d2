"""What the command line does: options to a search, its table, its folder."""

import inspect
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from jdend._files import user_path
from jdend._messages import did_you_mean
from jdend._output import complain, show
from jdend._phases import phase
from jdend.data import DataError, is_file_name
from jdend.fields import SELF
from jdend.models import ModelError, check_folder, save
from jdend.search.cli.arguments import (
    INTERRUPTED,
    SEEDS,
    STRATEGY,
    TRIALS,
    TRIALS_WITH_RUNGS,
    Command,
)
from jdend.search.cli.plugins import import_plugins
from jdend.search.cli.resuming import resumed_words
from jdend.search.dataset import DataOptions
from jdend.search.driver.time_limit import TimeLimit
from jdend.search.errors import SearchError
from jdend.search.options import ProposalOptions, StorageOptions, check_log_format
from jdend.search.progress.reporter import say
from jdend.search.pruners import find_pruner
from jdend.search.samplers.registry import find_strategy
from jdend.search.scenarios import SCENARIOS, searchers_of_scenarios
from jdend.search.searcher import HyperparameterSearcher
from jdend.search.space.default_space import default_space, default_training
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

__all__ = ["carry_out"]

# The scenario that takes several budgets.
FRONT = "find_pareto_optimal"


def carry_out(command: Command, parse: Callable[[Sequence[str]], Command]) -> int:
    """Searches, prints the table and writes the folder; returns the exit code.

    Args:
      command: what was asked for.
      parse: reads a command line, such as that of the search that is resumed.
    """
    study = None
    try:
        if command.storage.resume:
            folder = _default_folder(command, _scenarios(command))
            command = parse(resumed_words(command, folder))
        import_plugins(command.search.plugins or ())
        scenarios = _scenarios(command)
        _check(command)
        space = None if command.search.space is None else read_space(command.search.space)
        storage = _storage(command, scenarios)
        best = _folder_of_best(command, storage)
        study = storage.new_study(command.words)
        try:
            searcher = None
            if scenarios:
                with searchers_of_scenarios() as searchers:
                    tables = _run_scenarios(command, scenarios, study)
                searcher = searchers[0] if len(searchers) == 1 else None
            else:
                searcher = _search(command, space, study)
                tables = [] if command.output.dry_run else [_table(command, study)]
        except KeyboardInterrupt:
            return _interrupted(command, study)
        if command.output.dry_run:
            return 0
        study.write()
        try:
            _finish(command, study, tables, searcher, best)
        except KeyboardInterrupt:
            complain(
                f"jdend.search: interrupted after the search, which is complete in {study.folder}"
            )
            return INTERRUPTED
        return 0
    except (SearchError, StudyError, DataError, ModelError) as error:
        say(f"jdend.search: {error}", command.log_format, "error")
        if study is not None and study.results:  # what cannot be kept is printed
            show(_table(command, study))
        return 2
    finally:
        if study is not None:
            study.discard()


def _scenarios(command: Command) -> list[str]:
    """The names of the scenarios that are asked for; none for a search of one's own."""
    search = command.search
    if search.scenario is None:
        return []
    for option in ("space", "strategy", "generation", "pruner"):
        if getattr(search, option) is not None:
            raise SearchError(f"--{option} does not go with --scenario, which brings its own")
    if search.seconds is not None:
        raise SearchError("--time does not go with --scenario: give --trials")
    name = search.scenario.replace("-", "_")
    if name == "all" and command.settings.get("teacher") == SELF:
        raise SearchError("--teacher self teaches one search: give one scenario")
    if len(search.budgets or ()) > 1 and name != FRONT:
        raise SearchError(f"of the scenarios, {FRONT} alone takes several budgets")
    if name == "all":
        return list(SCENARIOS)
    if name not in SCENARIOS:
        meant = did_you_mean(name, [*SCENARIOS, "all"])
        raise SearchError(f"unknown scenario {search.scenario!r}{meant}")
    return [name]


def _check(command: Command) -> None:
    """Raises `SearchError` for what would only be found out once the search has begun."""
    if command.search.strategy is not None:
        find_strategy(command.search.strategy)
    if command.search.pruner is not None:
        find_pruner(command.search.pruner)
    check_log_format(command.log_format)
    if command.output.compile and not command.output.dry_run:
        raise SearchError("--compile goes with --dry-run")
    if command.output.top < 1:
        raise SearchError(f"--top must be a positive integer, got {command.output.top}")
    if command.storage.study_name is not None and command.storage.storage is None:
        raise SearchError("--study names a search in a storage: give --storage too")


def _storage(command: Command, scenarios: Sequence[str]) -> StorageOptions:
    """Where the search is kept, with the default folder and name where none is given."""
    storage, name = command.storage, command.storage.study_name
    folder = storage.out
    if folder is None and not command.output.dry_run:
        folder = Path("runs") / name if name is not None else _default_folder(command, scenarios)
    if name is None and storage.storage and folder:
        name = Path(folder).name
    return replace(storage, out=folder, study_name=name)


def _default_folder(command: Command, scenarios: Sequence[str]) -> Path:
    """Named by data and budget; of a search that goes on, the newest of that name."""
    dataset, budgets = DataOptions.dataset, [ProposalOptions.max_params]
    if scenarios:
        own = inspect.signature(SCENARIOS[scenarios[0]]).parameters
        dataset = own["dataset"].default
        budgets = [own["max_params"].default] if "max_params" in own else budgets
    if "dataset" in command.settings:
        path = Path(command.settings["dataset"])
        dataset = path.stem if is_file_name(path) else path.name
    budgets = command.search.budgets or budgets
    size = "-".join(map(str, sorted({min(budgets), max(budgets)})))
    latest = latest_folder(str(dataset), size) if command.storage.resume else None
    return latest or new_folder(str(dataset), size)


def _folder_of_best(command: Command, storage: StorageOptions) -> Path | None:
    """Where --save-best saves, checked before the search; None if it is not asked for."""
    if command.output.save_best is None:
        return None
    if command.search.scenario:
        raise SearchError("--save-best does not go with --scenario")
    if command.output.dry_run:
        raise SearchError("--save-best does not go with --dry-run")
    if command.output.save_best:
        return check_folder(command.output.save_best)
    if storage.out is None:
        raise SearchError("--save-best needs a folder here: --save-best DIR")
    return user_path(storage.out, StudyError) / "best"


def _search(command: Command, space: Space | None, study: Study) -> HyperparameterSearcher:
    search = command.search
    budgets = search.budgets or (ProposalOptions.max_params,)
    searcher = HyperparameterSearcher(
        max_params=max(budgets), **{"seeds": SEEDS, **_settings(command, study)}
    )
    name = search.strategy
    if name is None:  # with nothing held out there is nothing to learn from
        name = "random" if command.settings.get("validation_fraction") == 0 else STRATEGY
    strategy = find_strategy(name)
    pruner = find_pruner(search.pruner or strategy.default_pruner)
    n_trials = search.n_trials
    if n_trials is None and not strategy.lists_all and search.seconds is None:
        n_trials = TRIALS_WITH_RUNGS if pruner.stops else TRIALS
    searcher.optimize(
        space.dimensions if space else lambda budget: _default_space(command, searcher, budget),
        n_trials,
        strategy,
        generation=search.generation,
        pruner=pruner,
        budgets=budgets,
        seconds=_time_limit(command, study),
    )
    return searcher


def _default_space(
    command: Command, searcher: HyperparameterSearcher, budget: int
) -> dict[str, object]:
    """With the length of training; without what the command line says."""
    training = default_training(budget, searcher.n_train, command.search.seconds)
    whole = default_space(budget, searcher.problem) | training
    return {name: value for name, value in whole.items() if name not in command.settings}


def _time_limit(command: Command, study: Study) -> TimeLimit | None:
    """Of --time: it began with the command, and what follows the search is part of it."""
    if command.search.seconds is None:
        return None
    output = command.output
    retrains = output.save_best is not None or (output.report and study.folder is not None)
    return TimeLimit(command.search.seconds, command.begun, int(retrains))


def _run_scenarios(command: Command, names: Sequence[str], study: Study) -> list[str]:
    """Runs them one after another, and returns their tables."""
    tables = []
    arguments = _settings(command, study)
    if command.search.n_trials is not None:
        arguments["n_trials"] = command.search.n_trials
    for name in names:
        before = len(study.results)
        _note(command, f"{name}:")
        outcome = SCENARIOS[name](**arguments, **_budget_of_scenario(command, name))
        if command.output.dry_run:
            continue
        if isinstance(outcome, list):
            table = results_table([record["result"] for record in outcome])
        else:
            table = _ranked(study.results[before:], command.output.top)
        tables.append(f"\n{name}\n{table}" if len(names) > 1 else table)
    return tables


def _budget_of_scenario(command: Command, name: str) -> dict[str, object]:
    budgets = command.search.budgets
    if budgets is None:
        return {}
    return {"budgets": budgets} if name == FRONT else {"max_params": budgets[0]}


def _settings(command: Command, study: Study) -> dict[str, object]:
    """Keywords of a searcher: those that were given, and what the command line always sets."""
    dry_run = "compile" if command.output.compile else command.output.dry_run
    own = {"study": study, "verbose": not command.output.quiet, "dry_run": dry_run}
    return {**command.settings, **own}


def _interrupted(command: Command, study: Study) -> int:
    if study.has_begun:
        study.write("interrupted")
    n_cut_off = sum(result.cut_off for result in study.results)
    n_done = len(study.results) - n_cut_off
    finished = f"{n_done:,} {'trial is' if n_done == 1 else 'trials are'} finished"
    cut_off = f", {n_cut_off:,} {'was' if n_cut_off == 1 else 'were'} cut off" if n_cut_off else ""
    _note(command, f"interrupted; {finished}{cut_off}")
    if study.has_begun:
        _note(command, f"written to {study.folder}; to go on: --resume {study.folder}")
    if study.results:
        show(_table(command, study))
    return INTERRUPTED


def _finish(
    command: Command,
    study: Study,
    tables: Sequence[str],
    searcher: HyperparameterSearcher | None,
    best: Path | None,
) -> None:
    """Shows what a finished search has found, and writes what is asked for beside it."""
    try:
        for table in tables:
            show(table)
        _note(command, f"written to {study.folder}")
    finally:  # what cannot be printed keeps nothing from being written
        _keep(command, study, searcher, best)
        study.write_seconds()


def _keep(
    command: Command, study: Study, searcher: HyperparameterSearcher | None, best: Path | None
) -> None:
    """Writes what is asked for beside a finished search's folder: the best network, the report."""
    has_report, observed, network = command.output.report and study.folder is not None, None, None
    if searcher is not None and has_report and (best is not None or searcher.keeps_best):
        with phase("report"):  # for which it is not trained once more
            observed = searcher.observed_best()
        network = observed.model
    elif searcher is not None and best is not None:
        network = searcher.best_model()
    if searcher is not None and best is not None and network is not None:
        of_all = ", trained with all training examples" * (searcher.n_folds > 1)
        _note(command, f"the best network is in {save(network, best)}{of_all}")
    if has_report:
        from jdend.report import report_after_search

        assert study.folder is not None
        with phase("report"):
            report_after_search(study.folder, lambda line: _note(command, line), observed)


def _table(command: Command, study: Study) -> str:
    """The best results; of several budgets the best network that fits each."""
    budgets = sorted(command.search.budgets or ())
    if len(budgets) < 2:
        return _with_note(_ranked(study.results, command.output.top), study)
    within = {n: [r for r in study.results if r.total_params <= n] for n in budgets}
    try:
        best = {n: rank(results)[0] for n, results in within.items() if results}
    except StudyError:
        return _ranked(study.results, command.output.top)
    return results_table(list(best.values()), first=("budget", [f"{n:,}" for n in best]))


def _with_note(table: str, study: Study) -> str:
    """A table with how much its validation accuracies say."""
    note = textwrap.fill(study.note(), 80, subsequent_indent="  ")
    return f"{table}\n{note}" if note else table


def _ranked(results: Sequence[SearchResult], top: int) -> str:
    """The best first; as they come if nothing was held out to rank by."""
    try:
        return results_table(rank(results)[:top])
    except StudyError as error:
        return f"{results_table(results[:top])}\nnot ranked: {error}"


def _note(command: Command, line: str) -> None:
    if not command.output.quiet:
        say(line, command.log_format)
