"""The sections of a report about a search, from its results alone.

Each section is a template, and a function here that computes the values to fill in.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from jdend.report._format import (
    by_metric,
    called,
    duration,
    metric_of,
    percent,
    setting,
    settings,
)
from jdend.report._importance import Importances, varying
from jdend.report._record import SearchRecord, finite, ranked
from jdend.report._stopping import RungRecord, rungs_of
from jdend.report._templates import Markup, render
from jdend.study import SearchResult, pareto_front, validation_note

__all__ = [
    "accuracy_section",
    "best_section",
    "curves_section",
    "mattered_section",
    "repeat_section",
    "stopped_section",
    "subtitle",
    "tiles",
    "title",
]

TOP, MAX_ROWS, MAX_FAILED = 10, 200, 50
# The label of each setting in the record of a search; others are not shown.
SETTINGS = {
    "dataset": "data",
    "subset_size": "training examples",
    "validation_fraction": "share held out",
    "folds": "folds",
    "fold_repeats": "divided into folds so often",
    "n_train": "examples to train on",
    "n_validation": "examples to rank by",
    "n_test": "test examples",
    "majority_accuracy": "accuracy of always the most frequent",
    "split_seed": "split seed",
    "task": "task",
    "loss": "loss",
    "metric": "chosen by",
    "class_weights": "class weights",
    "teacher": "learns of",
    "strategy": "strategy",
    "pruner": "pruner",
    "generation": "trials a generation",
    "seeds": "seeds",
    "search_entropy": "search seed",
    "source": "data from",
    "fingerprint": "data's SHA-256",
}


def title(record: SearchRecord) -> str:
    """What was searched."""
    data = record.dataset or "a search"
    budgets = " or ".join(f"{budget:,}" for budget in record.budgets)
    return f"{data} within {budgets} parameters" if budgets else data


def subtitle(record: SearchRecord) -> Markup:
    """How many networks were trained, when and for how long; and whether the search is complete."""
    run, results = record.run, record.results
    seeds = sorted({len(result.seeds) for result in results})
    folds = sorted({result.n_networks // len(result.seeds) for result in results})
    trained = (
        f"{len(results):,} networks trained with {'–'.join(map(str, seeds))} "
        f"{'seed' if seeds == [1] else 'seeds'} each"
    )
    if folds != [1]:
        trained += f", on {'–'.join(map(str, folds))} folds"
    if "wall_seconds" in run:
        trained += f" in {duration(run['wall_seconds'])}"
    parts = [trained, _date(str(run["started"]))] if "started" in run else [trained]
    status = run.get("status")
    return render("subtitle", parts=parts, unfinished=None if status == "complete" else status)


def tiles(record: SearchRecord) -> Markup:
    """The best network's figures in large type; empty if there is none."""
    order, unranked = ranked(record.results)
    best = order[0]
    if unranked or best.failed is not None:
        return Markup()
    return render(
        "tiles",
        figures=[
            (_figure(metric, *figures), name)
            for name, (metric, *figures) in _figures_of(best).items()
        ],
        n_parameters=best.total_params,
    )


def best_section(record: SearchRecord) -> Markup:
    """The table of the best networks."""
    order, unranked = ranked(record.results)
    names = [name for name in varying(order[:TOP]) if name != "seed"]
    shared = {n: v for n, v in settings(order[0]).items() if n not in names}
    early = any(result.stopped_epoch is not None for result in order)
    headings = ["", *_headings(order), "parameters"]
    headings += ["epochs"] * early + [called(name) for name in names]

    def row(place: int, result: SearchResult) -> list[str]:
        figures = [
            str(place),
            *_cells(result),
            f"{result.total_params:,}",
        ]
        epochs = [_epochs(result)] * early
        return [*figures, *epochs, *(setting(result.params.get(name)) for name in names)]

    within = _best_within(record) if not unranked and len(record.budgets) > 1 else {}
    return render(
        "best",
        budgets=[[f"{n:,}", *row(0, best)[1:]] for n, best in within.items()],
        unranked=unranked,
        metric=metric_of(order),
        over=_over(order),
        has_accuracy=order[0].has_accuracy,
        headings=headings,
        rows=[row(place, result) for place, result in enumerate(order[:MAX_ROWS], 1)],
        n_results=len(order),
        validation=validation_note(record.results, record.configs[-1] if record.configs else {}),
        shared=[f"{called(name)} {setting(value)}" for name, value in shared.items()],
        top=TOP,
    )


def _best_within(record: SearchRecord) -> dict[int, SearchResult]:
    """The best network that fits each budget, by budget; without budgets that none fits."""
    within = {n: [r for r in record.results if r.total_params <= n] for n in record.budgets}
    return {n: ranked(results)[0][0] for n, results in within.items() if results}


def accuracy_section(record: SearchRecord) -> Markup:
    """Accuracy, or another metric, against parameters."""
    front = pareto_front(record.results)
    return render(
        "accuracy",
        metric=metric_of(record.results),
        over=_over(record.results),
        headings=["parameters", *_headings(front)],
        rows=[[f"{result.total_params:,}", *_cells(result)] for result in front],
    )


def _over(results: Sequence[SearchResult]) -> str:
    """What figures are means over: seeds, folds, or both; empty for single networks."""
    over = ["seeds"] * any(len(result.seeds) > 1 for result in results)
    over += ["folds"] * any(result.n_networks > len(result.seeds) for result in results)
    return " and ".join(over)


def curves_section(record: SearchRecord) -> Markup:
    """Learning curves."""
    return render(
        "curves",
        metric=metric_of(record.results),
        over=_over(record.results),
    )


def mattered_section(record: SearchRecord, importances: Importances, has_parallel: bool) -> Markup:
    """Importance of hyperparameters, and parallel coordinates if they are drawn."""
    metric = metric_of(record.results)
    return render("mattered", metric=metric, importances=importances, has_parallel=has_parallel)


def stopped_section(record: SearchRecord) -> Markup:
    """The trials that were stopped early or failed, and why; empty if there are none."""
    results = record.results
    failed = [result for result in results if result.failed is not None]
    names = varying(results)[:8] if failed else []
    lengths = [len(result.history.get("train_loss", ())) for result in results]
    rungs = rungs_of(record.generations)
    return render(
        "stopped",
        metric=metric_of(results),
        n_results=len(results),
        stopped=sum(result.stopped_epoch is not None for result in results),
        epochs_trained=sum(lengths),
        epochs_full=max(lengths, default=0) * len(lengths),
        rungs=[_rung_row(rung, results[0].metric) for rung in rungs],
        crosses=any(rung.crosses for rung in rungs),
        failed=len(failed),
        failed_headings=["in epoch", "parameters", *(called(name) for name in names)],
        failed_rows=[_failed_row(result, names) for result in failed[:MAX_FAILED]],
        top=TOP,
    )


def repeat_section(record: SearchRecord) -> Markup:
    """The command, the machine that it ran on, and the times."""
    run = record.run
    device: Mapping[str, Any] = run.get("device") or {}
    versions: Mapping[str, Any] = run.get("versions") or {}
    return render(
        "repeat",
        command=str(run.get("command") or ""),
        columns=[
            ("Times", _times(record)),
            ("Machine and versions", [*device.items(), *versions.items()]),
            *_searches(record),
        ],
    )


def _times(record: SearchRecord) -> list[tuple[str, str]]:
    run = record.run
    pairs = []
    if "wall_seconds" in run:
        pairs += [
            ("whole search", duration(run["wall_seconds"])),
            (
                "compiling, several at a time",
                f"{duration(run['compile_seconds'])}, programs: {run['compilations']}",
            ),
        ]
        shares = [f"{name} {duration(s)}" for name, s in run.get("seconds", {}).items() if s >= 0.1]
        if shares:
            pairs.append(("of the whole search", ", ".join(shares)))
    training = sum(result.train_time for result in record.results if finite(result.train_time))
    n = sum(result.n_networks for result in record.results)
    pairs.append(("training", duration(training)))
    if training > 0:
        each = "each seed and fold" if "folds" in _over(record.results) else "each seed"
        pairs.append(("networks a second", f"{n / training:.3g}, {each} counted"))
    return pairs


def _searches(record: SearchRecord) -> list[tuple[str, list[tuple[str, str]]]]:
    searches = []
    for number, config in enumerate(record.configs, 1):
        pairs = [
            (text, _seed(config[name]) if name == "search_entropy" else _plain(config[name]))
            for name, text in SETTINGS.items()
            if config.get(name) is not None
        ]
        pairs += _teachers(config.get("teachers"))
        searches.append(("Search" if len(record.configs) == 1 else f"Search {number}", pairs))
    return searches


def _teachers(found: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """What the teachers are that a search has found for itself; empty of other searches."""
    if not found:
        return []
    each = [
        f"{network['architecture']} of {network['total_params']:,} parameters, validation accuracy "
        f"{percent(network['validation_accuracy'])}"
        for network in found["networks"]
    ]
    together = f"validation accuracy {percent(found['validation_accuracy'])}"
    return [*((f"teacher {i}", text) for i, text in enumerate(each, 1)), ("together", together)]


def _seed(entropy: object) -> str:
    """The seed of a search; of those that a searcher makes later, their number comes after it."""
    if isinstance(entropy, list) and len(entropy) == 2 and entropy[1] == 0:
        return str(entropy[0])
    return _plain(entropy)


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


class Figure(NamedTuple):
    """A figure as text; with several seeds `spread` holds their deviation and the sign %."""

    figure: str
    spread: str


def _figure(metric: str, value: float | None, std: float | None) -> Figure:
    text, _, spread = by_metric(metric, value, std).partition(" ± ")
    return Figure(text, f"± {spread}" if spread else "")


def _figures_of(result: SearchResult) -> dict[str, tuple[str, float | None, float | None]]:
    """By name its figures, each with the name of its metric and its deviation: accuracies, unless
    it is of regression, and before them another metric that it has."""
    accuracy = replace(result, metric="accuracy")
    metrics = [result, accuracy] if result.metric != "accuracy" else [result]
    if not result.has_accuracy:
        metrics = [result]
    return {
        f"{part} {metric_of([of_metric])}": (of_metric.metric, *of_metric.measured(part))
        for of_metric in metrics
        for part in ("validation", "test")
    }


def _headings(results: Sequence[SearchResult]) -> list[str]:
    """The headings of `_cells`; of accuracies alone, a text says that they are accuracies."""
    names = list(_figures_of(results[0])) if results else []
    return ["validation", "test"] if not results or results[0].metric == "accuracy" else names


def _cells(result: SearchResult) -> list[str]:
    """Its figures for a table, accuracies without the sign %, which a text says."""
    if result.failed is not None:
        return ["failed"] * len(_figures_of(result))
    cells: list[str] = []
    for metric, value, std in _figures_of(result).values():
        figure, spread = (text.removesuffix(" %") for text in _figure(metric, value, std))
        cells.append(Markup("{} <i>{}</i>").format(figure, spread) if spread else figure)
    return cells


def _epochs(result: SearchResult) -> str:
    if result.stopped_epoch is not None:
        return Markup("<i>stopped</i> {}").format(result.stopped_epoch)
    return str(len(result.history.get("train_loss", ())) or "–")


def _date(text: str) -> str:
    try:
        return time.strftime("%-d %B %Y, %H:%M", time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S"))
    except ValueError:
        return text


def _rung_row(rung: RungRecord, metric: str) -> list[str]:
    return [
        str(rung.generation),
        str(rung.epoch),
        f"{rung.stopped} of {rung.reached}",
        by_metric(metric, rung.best_stopped),
        by_metric(metric, rung.weakest_kept),
    ]


def _failed_row(result: SearchResult, names: Sequence[str]) -> list[str]:
    figures = [str((result.failed or 0) + 1), f"{result.total_params:,}"]
    return [*figures, *(setting(result.params.get(name)) for name in names)]
