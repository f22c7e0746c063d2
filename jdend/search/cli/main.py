"""The command line: `python -m jdend.search`. Nothing heavy is imported before it is needed."""

import argparse
import re
import sys
import time
from collections.abc import Sequence
from typing import NoReturn

__all__ = ["INTERRUPTED", "main"]

SCENARIOS = (
    "quick_prototype_search",
    "optimize_for_budget",
    "compare_architectures",
    "thorough_optimization",
    "find_pareto_optimal",
)
INTERRUPTED = 130
STRATEGIES = ("grid", "random", "mixed", "qmc", "tpe", "gp", "nsga2")
PRUNERS = ("none", "halving", "hyperband")
DATASET, BUDGET, STRATEGY, SEEDS, EPOCHS = "fashion-mnist", 8000, "tpe", 2, 15
# How many networks. Where weak ones are stopped early, more of them take two thirds of the compute
# and find better ones (docs/search.md).
TRIALS, TRIALS_WITH_RUNGS = 32, 81

DESCRIPTION = """\
Searches for the dendritic neural network of highest accuracy that has at most
--budget trainable parameters. Networks are ranked on examples held out of the
training set; test accuracy is only reported."""

EPILOG = """\
examples:
  python -m jdend.search --budget 8000
      the default space, on Fashion-MNIST
  python -m jdend.search --budget 2000 --dataset digits --seeds 5
      each network with five seeds: figures are means ± standard deviations
  python -m jdend.search --budget 8000 --space space.toml --strategy mixed
      a space of your own; lists are gone through, ranges are drawn from
  python -m jdend.search --budget 500,1000,2000,4000,8000 --time 10m
      the best network of each size that ten minutes find
  python -m jdend.search --budget 8000 --strategy random
      networks at random; by default proposals learn from the networks so far,
      and weak ones are stopped early
  python -m jdend.search --budget 8000 --dataset table.csv --target species
      your own data: a CSV file with a header, or an .npz file
  python -m jdend.search --budget 5000 --dry-run
      what would be trained: programs, parameters, memory

a space file (TOML) has a line for each parameter:
  n_neurons = [8, 10, 12]                                     one of these
  n_dendrite_inputs = {type = "randint", low = 16, high = 96} 16 to 96
  lr = {type = "uniform", low = 1e-4, high = 1e-2, log = true}
  schedule = "cosine"                                         a constant
  parameters: architecture, n_neurons, n_dendrites, n_dendrite_inputs,
  hidden_dim, soma_enabled, strategy, field_std, initialization,
  synaptic_resampling, percentage_resample, steps_to_resample, lr,
  weight_decay, schedule, n_epochs, batch_size, seed

The folder of --out holds results.json (every trial), run.json (settings,
times, versions) and report.html, a page about it (docs/report.md). --save-best
trains the best again and saves its network, for jdend.load and
python -m jdend.predict (docs/models.md). The table goes to standard output,
progress to standard error.
Ctrl-C keeps what is finished. python -m jdend.search watch DIR shows the best
so far, from another terminal.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code: 0; 2 for bad input; 130 after Ctrl-C."""
    begun = time.monotonic()
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["watch"]:
        from jdend.search.cli.watch import run as watch

        return watch(given[1:])
    options = _parser().parse_args(given)
    options.begun = begun
    try:
        from jdend.search.cli.run import run

        return run(options, ["python", "-m", "jdend.search", *given])
    except KeyboardInterrupt:
        print("jdend.search: interrupted before anything was trained", file=sys.stderr)
        return INTERRUPTED


def _budgets(text: str) -> list[int]:
    try:
        return [int(part.replace("_", "")) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no number of parameters: give one, such as 8000, or several with commas "
            "between them"
        ) from None


def _seconds(text: str) -> float:
    found = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", text)
    hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    total = 3600 * hours + 60 * minutes + seconds
    if not total:
        raise argparse.ArgumentTypeError(f"{text!r} is no time: give one such as 90s, 10m or 1h30m")
    return float(total)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line, and what to do; the usage would hide it."""
        self.exit(2, f"jdend.search: {message} (--help shows all options)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m jdend.search",
        usage="%(prog)s [--budget N] [--dataset NAME|FILE] [options]",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument_group("what to search").add_argument
    help_ = f"most parameters allowed (default {BUDGET}), or several, such as 500,1000"
    add("--budget", type=_budgets, metavar="N[,N…]", help=help_)
    add("--min-ratio", type=float, metavar="R", help="use at least this share of it (0.8)")
    add("--dataset", metavar="NAME|FILE", help=f"default {DATASET}; python -m jdend.data list")
    add("--target", metavar="COLUMN", help="the column of a CSV file that holds the classes")
    add("--subset", type=int, metavar="N", help="use so many training examples (all)")
    add("--space", metavar="FILE.toml", help="a space of your own, see below")
    add("--strategy", metavar="NAME", help=f"default {STRATEGY}; {', '.join(STRATEGIES)}")
    add("--generation", metavar="N", type=int, help="networks proposed and trained together")
    help_ = f"stops weak networks early: {', '.join(PRUNERS)} (with tpe, gp: halving)"
    add("--pruner", metavar="NAME", help=help_)
    add("--scenario", metavar="NAME", help=f"a ready-made search: {', '.join(SCENARIOS)} or all")
    default = f"{TRIALS}; {TRIALS_WITH_RUNGS} with a pruner; of a grid, all"
    help_ = f"how many networks, of each budget ({default})"
    add("--trials", type=int, metavar="N", help=help_)
    add("--time", type=_seconds, metavar="T", help="as many as end in 90s, 10m or 1h30m")
    add("--search-seed", type=int, metavar="N", help="of the random proposals (0)")

    add = parser.add_argument_group("how to train").add_argument
    add("--seeds", type=int, metavar="N", help=f"train each network with so many ({SEEDS})")
    add("--epochs", type=int, metavar="N", help=f"default {EPOCHS}")
    add("--batch-size", type=int, metavar="N", help="default 256")
    add("--lr", type=float, metavar="R", help="where the space has none (0.0005)")
    add("--weight-decay", type=float, metavar="R", help="likewise (0.01)")
    add("--validation-fraction", type=float, metavar="R", help="share held out to rank by (0.1)")
    add("--split-seed", type=int, metavar="N", help="which examples are held out (0)")
    add("--buckets", metavar="MODE", help="how networks share programs: auto, exact or padded")
    add("--max-programs", type=int, metavar="N", help="at most so many at a time (what is fastest)")
    add("--kernel", metavar="NAME", help="how dendrites are computed (auto)")
    add(
        "--no-compile-cache",
        dest="compile_cache",
        action="store_const",
        const=False,
        help="do not keep compiled programs in the user's cache folder",
    )

    add = parser.add_argument_group("what to show and keep").add_argument
    add("--out", metavar="DIR", help="a new folder (runs/<dataset>-<budget>-<time>)")
    add("--resume", action="store_true", help="go on with the search in --out, if there is one")
    add("--storage", metavar="URL", help="a database of several workers; docs/scaling.md")
    add("--study", metavar="NAME", help="the search in --storage that they share")
    add("--save-best", nargs="?", const="", metavar="DIR", help="keep the best (<out>/best)")
    add("--no-report", dest="report", action="store_false", help="do not write report.html")
    add("--top", type=int, default=10, metavar="N", help="rows of the table (10)")
    add("--dry-run", action="store_true", help="show what would be trained, and stop")
    add("--compile", action="store_true", help="with --dry-run, memory as the compiler says")
    add("--quiet", action="store_true", help="no progress")
    add("--log-format", default="text", metavar="F", help="of progress: text, or json lines")
    return parser
