"""What a report says of a search, in HTML: everything that follows from its results alone."""

import time
from collections.abc import Mapping
from typing import Any

from jdend.report._format import called, duration, percent, setting, settings
from jdend.report._html import definitions, escape, table, tile
from jdend.report._importance import Importances, varying
from jdend.report._page import plot
from jdend.report._record import SearchRecord, finite, ranked
from jdend.report._stopping import rungs_of
from jdend.study import SearchResult, pareto_front

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

TOP, MOST_ROWS = 10, 200
# How each setting of the search's record is called; others are left out.
SETTINGS = {
    "dataset": "data",
    "subset_size": "training examples",
    "validation_fraction": "share held out",
    "split_seed": "split seed",
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


def subtitle(record: SearchRecord) -> str:
    """When, how many, how long; and whether it is all."""
    run, results = record.run, record.results
    seeds = sorted({len(result.seeds) for result in results})
    parts = [
        f"{len(results):,} networks trained with {'–'.join(map(str, seeds))} "
        f"{'seed' if seeds == [1] else 'seeds'} each"
    ]
    if "wall_seconds" in run:
        parts[0] += f" in {duration(run['wall_seconds'])}"
    if "started" in run:
        parts.append(_date(str(run["started"])))
    if run.get("status") not in (None, "complete"):
        parts.append(f"<b>{escape(run['status'])}: not all that was asked for</b>")
    return escape(parts[0]) + "".join(f" · {part}" for part in parts[1:])


def tiles(record: SearchRecord) -> str:
    """The best network in large figures; nothing if there is none."""
    order, unranked = ranked(record.results)
    best = order[0]
    if unranked or best.failed is not None:
        return ""
    return f"""<div class="tiles">
{tile(*_mean(best.validation_accuracy, best.validation_accuracy_std), "validation accuracy")}
{tile(*_mean(best.test_accuracy, best.test_accuracy_std), "test accuracy")}
{tile(f"{best.total_params:,}", "", "parameters")}
{tile(f"{_per_1k(best)} %", "", "test accuracy per 1,000 parameters")}
</div>"""


def best_section(record: SearchRecord) -> str:
    """The table of the best networks."""
    order, unranked = ranked(record.results)
    some = order[:TOP]
    names = varying(some)
    names = [name for name in names if name != "seed"]
    shared = {n: v for n, v in settings(order[0]).items() if n not in names}
    headings = ["", "validation", "test", "parameters", "test per 1,000"]
    early = any(result.stopped_epoch is not None for result in order)
    headings += ["epochs"] * early + [escape(called(name)) for name in names]

    def row(place: int, result: SearchResult) -> list[str]:
        figures = [
            _cell(result, result.validation_accuracy, result.validation_accuracy_std),
            _cell(result, result.test_accuracy, result.test_accuracy_std),
            f"{result.total_params:,}",
            "–" if result.failed is not None else f"{_per_1k(result)} %",
        ]
        figures += [_epochs(result)] * early
        return [str(place), *figures, *(escape(setting(result.params.get(n))) for n in names)]

    rows = [row(place, result) for place, result in enumerate(order[:MOST_ROWS], 1)]
    spread = " ± standard deviation over seeds" if any(len(r.seeds) > 1 for r in order) else ""
    lead = (
        f"Accuracy in per cent{spread}. Networks are chosen by the accuracy on examples held out "
        "of the training set; the test set plays no part in the choice and is only reported."
    )
    if unranked:
        lead = f"In the order in which they were trained: {escape(unranked)}."
    contents = [f"<p>{lead}</p>", table(headings, rows[:TOP], first=not unranked)]
    if shared:
        text = ", ".join(f"{called(name)} {setting(value)}" for name, value in shared.items())
        contents.append(f'<p class="note">All of these: {escape(text)}.</p>')
    if len(rows) > TOP:
        what = "all" if len(order) <= MOST_ROWS else f"the next {MOST_ROWS - TOP} of"
        rest = table(headings, rows[TOP:])
        contents.append(
            f"<details><summary>Show {what} {len(order):,} networks</summary>{rest}</details>"
        )
    return "\n".join(contents)


def accuracy_section(record: SearchRecord) -> str:
    """Accuracy against parameters."""
    front = pareto_front(record.results)
    rows = [
        [f"{r.total_params:,}", _cell(r, r.validation_accuracy, r.validation_accuracy_std),
         _cell(r, r.test_accuracy, r.test_accuracy_std), f"{_per_1k(r)} %"]
        for r in front
    ]  # fmt: skip
    listed = table(["parameters", "validation", "test", "test per 1,000"], rows, left=[0])
    return f"""<p>Each dot is a network. On the Pareto front are those that no other beats in both
parameters and validation accuracy; bars show one standard deviation over seeds.</p>
{plot("accuracy")}
<details><summary>The Pareto front as a table</summary>{listed}</details>"""


def curves_section(record: SearchRecord) -> str:
    """Learning curves."""
    band = "; bands show one standard deviation over seeds"
    has_seeds = any(len(result.seeds) > 1 for result in record.results)
    return f"""<p>Validation accuracy after each epoch, of the five best networks and, in grey, of
others{band if has_seeds else ""}.</p>
{plot("curves")}"""


def mattered_section(found: Importances, has_parallel: bool) -> str:
    """Importance of hyperparameters, and parallel coordinates if they are drawn."""
    if not found.shares:
        n = found.n_trials
        what = f"<p>It takes at least 8 comparable networks to tell; here are {n}.</p>"
    else:
        when = (
            "trained to their end" if found.epoch is None else f"compared after epoch {found.epoch}"
        )
        what = (
            "<p>How much of what set the best tenth of the networks apart lay in each "
            f"hyperparameter: Optuna's PED-ANOVA of validation accuracy over {found.n_trials} "
            f"networks, {when}.</p>{plot('importance')}"
        )
        if "fill" in found.shares:
            what += (
                '<p class="note">“Share of budget” stands for the one size that follows from it '
                "and the other sizes.</p>"
            )
    if has_parallel:
        what += f"""<h3>All networks, each a line</h3>
<p class="soft">The best tenth by validation accuracy, at most 25, in blue. Touch an entry of the
legend to hide it.</p>{plot("parallel", scrolls=True)}"""
    return what


def stopped_section(record: SearchRecord) -> str:
    """What was stopped early and what failed, and why; empty if all ended as they were meant to."""
    contents = []
    rungs = rungs_of(record.generations)
    stopped = [r for r in record.results if r.stopped_epoch is not None]
    if stopped:
        lengths = [len(r.history.get("train_loss", ())) for r in record.results]
        full = max(lengths, default=0) * len(lengths)
        spent = f"{sum(lengths):,} epochs were trained in place of {full:,}" if full else ""
        contents.append(
            f"<p>{len(stopped):,} of {len(record.results):,} networks were stopped at a rung, "
            "because others of their generation had a higher validation accuracy there, averaged "
            f"over seeds. {spent}.</p>"
        )
        rows = [
            [str(rung.generation), str(rung.epoch), f"{rung.stopped} of {rung.reached}",
             percent(rung.best_stopped), percent(rung.weakest_kept)]
            for rung in rungs
        ]  # fmt: skip
        headings = ["generation", "after epoch", "stopped", "best stopped", "weakest that went on"]
        contents.append(table(headings, rows[:TOP], left=[0]))
        if len(rows) > TOP:
            rest = table(headings, rows[TOP:], left=[0])
            contents.append(f"<details><summary>Show all {len(rows)}</summary>{rest}</details>")
        if any(rung.crosses for rung in rungs):
            contents.append(
                '<p class="note">Brackets of Hyperband, and networks of different budgets, are '
                "ranked among themselves, so one may stop what another would keep.</p>"
            )
    failed = [result for result in record.results if result.failed is not None]
    if failed:
        names = varying(record.results)[:8]
        rows = [
            [
                str((r.failed or 0) + 1),
                f"{r.total_params:,}",
                *(escape(setting(r.params.get(n))) for n in names),
            ]
            for r in failed[:50]
        ]
        headings = ["in epoch", "parameters", *(escape(called(name)) for name in names)]
        contents.append(
            f"<p>{len(failed):,} failed: the loss of one of their seeds stopped being finite, most "
            f"often because the learning rate was too high.</p>{table(headings, rows, left=[0])}"
        )
    return "\n".join(contents)


def repeat_section(record: SearchRecord) -> str:
    """The command, where it ran, what took how long."""
    run, contents = record.run, []
    if run.get("command"):
        contents.append(f"<pre>{escape(run['command'])}</pre>")
        if "jdend.search" in str(run["command"]):
            contents.append(
                "<p>repeats the search (with another folder for <code>--out</code>): with the same "
                "data, versions and kind of device it finds the same figures.</p>"
            )
        else:
            contents.append("<p>is the program that searched.</p>")
    else:
        contents.append("<p>The storage does not keep the command that began this search.</p>")
    times = _times(record)
    device: Mapping[str, Any] = run.get("device") or {}
    where = [(name, str(value)) for name, value in device.items()]
    where += [(name, str(value)) for name, value in (run.get("versions") or {}).items()]
    columns = [("Times", times), ("Machine and versions", where), *_searches(record)]
    shown = "".join(f"<div><h3>{n}</h3>{definitions(pairs)}</div>" for n, pairs in columns if pairs)
    return "\n".join([*contents, f'<div class="columns">{shown}</div>'])


def _times(record: SearchRecord) -> list[tuple[str, str]]:
    run = record.run
    pairs = []
    if "wall_seconds" in run:
        pairs += [
            ("whole search", duration(run["wall_seconds"])),
            ("compiling", f"{duration(run['compile_seconds'])}, programs: {run['compilations']}"),
        ]
    training = sum(result.train_time for result in record.results if finite(result.train_time))
    n = sum(len(result.seeds) for result in record.results)
    pairs.append(("training", duration(training)))
    if training > 0:
        pairs.append(("networks a second", f"{n / training:.3g}, each seed counted"))
    return pairs


def _searches(record: SearchRecord) -> list[tuple[str, list[tuple[str, str]]]]:
    found = []
    for number, config in enumerate(record.configs, 1):
        pairs = [
            (what, _plain(config[name]))
            for name, what in SETTINGS.items()
            if config.get(name) is not None
        ]
        found.append(("Search" if len(record.configs) == 1 else f"Search {number}", pairs))
    return found


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _cell(result: SearchResult, value: float | None, std: float | None) -> str:
    if result.failed is not None:
        return "failed"
    figure, spread = (text.removesuffix(" %") for text in _mean(value, std))
    return f"{figure} <i>{spread}</i>" if spread else figure


def _mean(value: float | None, std: float | None) -> tuple[str, str]:
    if not finite(value):
        return "–", ""
    if finite(std):
        return f"{100 * value:.2f}", f"± {100 * std:.2f} %"
    return f"{100 * value:.2f} %", ""


def _per_1k(result: SearchResult) -> str:
    return f"{100 * result.accuracy_per_1k_params:.2f}" if finite(result.test_accuracy) else "–"


def _epochs(result: SearchResult) -> str:
    if result.stopped_epoch is not None:
        return f"<i>stopped</i> {result.stopped_epoch}"
    return str(len(result.history.get("train_loss", ())) or "–")


def _date(text: str) -> str:
    try:
        return time.strftime("%-d %B %Y, %H:%M", time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S"))
    except ValueError:
        return escape(text)
