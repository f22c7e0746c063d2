"""`python -m jdend.search watch STUDY`: the best networks of a search while it runs."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from jdend._output import Parser, complain, printing, show
from jdend.study import (
    SearchResult,
    StoredStudy,
    StudyError,
    TrialInTraining,
    open_study,
    rank,
    results_table,
    trials_in_training,
)

__all__ = ["command_parser", "view", "watch"]


def watch(arguments: Sequence[str]) -> int:
    """Shows the study until Ctrl-C, or only once; returns the exit code."""
    options = command_parser().parse_args(arguments)
    try:
        if options.top < 1 or options.every <= 0:
            raise StudyError("--top and --every must be positive")
        study = open_study(options.study, options.name)
        if options.once or not sys.stdout.isatty():
            show(view(study, options.top))
        else:
            _live(study, options.top, interval=options.every)
    except StudyError as error:
        complain(f"jdend.search: {error}")
        return 2
    except KeyboardInterrupt:
        pass
    return 0


def view(study: StoredStudy, top: int, *, width: int = 80) -> str:
    """The state of a study in one line, and the table of its best trials."""
    generations = study.generations()
    by_generation = [by_position for _, by_position in sorted(study.results.items())]
    results = [
        by_position[position] for by_position in by_generation for position in sorted(by_position)
    ]
    n_trials = sum(len(generation.trials) for generation in generations)
    failed = sum(result.failed is not None for result in results)
    parts = [
        f"{study.study.study_name}: {len(results):,} trials finished",
        f"{n_trials - len(results):,} in training or broken off",
    ]
    if failed:
        parts.insert(1, f"{failed:,} of them failed")
    shown = f"{', '.join(parts)}\n\n{_table(results, top, width)}"
    in_training = [] if "://" in study.where else trials_in_training(Path(study.where))
    return f"{shown}\n\n{_training(in_training, top)}" if in_training else shown


def _training(trials: Sequence[TrialInTraining], top: int) -> str:
    """How far trials in training are, the best of them first."""
    epochs = [trial.epoch for trial in trials]
    between = f"{min(epochs)} to {max(epochs)}" if min(epochs) < max(epochs) else str(epochs[0])
    ranked = sorted(trials, key=lambda trial: -trial.score)
    metric = trials[0].metric
    column = "valid." if metric == "accuracy" else f"valid. {metric}"
    width = max(8, len(column))
    rows = [
        f"{'-' if trial.value is None else f'{trial.value:.4f}':>{width}}"
        f"{trial.total_params:>10,}{f'{trial.epoch} of {trial.n_epochs}':>12}  {trial.architecture}"
        for trial in ranked[:top]
    ]
    heading = f"{column:>{width}}{'params':>10}{'epochs':>12}  architecture"
    return "\n".join([f"{len(trials):,} in training, {between} epochs done", heading, *rows])


def _table(results: Sequence[SearchResult], top: int, width: int) -> str:
    try:
        return results_table(rank(results)[:top], width=width)
    except StudyError as error:  # nothing was held out to rank by
        return f"{results_table(results[:top], width=width)}\nnot ranked: {error}"


def _live(study: StoredStudy, top: int, *, interval: float) -> None:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    console = Console()
    with printing(), Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            shown = view(study, top, width=console.width)
            live.update(Text(f"{shown}\n\n{time.strftime('%H:%M:%S')}  Ctrl-C ends"), refresh=True)
            time.sleep(interval)
            study.look()


def command_parser() -> Parser:
    """The parser of its options."""
    parser = Parser(
        prog="python -m jdend.search watch",
        description="Shows the best networks of a search, while it runs or afterwards.",
    )
    add = parser.add_argument
    add("study", metavar="STUDY", help="the folder of a search (--out), or the URL of its storage")
    add("--study", dest="name", metavar="NAME", help="which of the storage's (the first)")
    add("--top", type=int, default=15, metavar="N", help="rows of the table (15)")
    add("--every", type=float, default=2.0, metavar="S", help="seconds between two looks (2)")
    add("--once", action="store_true", help="print once and stop")
    return parser
