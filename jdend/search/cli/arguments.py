"""The options of the command line and their help texts. Nothing heavy is imported."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from typing import Any, TypeVar

from jdend.search.dataset import DataOptions
from jdend.search.devices import DeviceOptions
from jdend.search.options import (
    SCENARIO_NAMES,
    ProposalOptions,
    SearcherOptions,
    StorageOptions,
    TrainingOptions,
)
from jdend.search.placement import PlacementOptions
from jdend.search.pruners import pruners
from jdend.search.samplers.registry import strategies
from jdend.search.settings import about, own_fields, seconds, setting_of

__all__ = [
    "INTERRUPTED",
    "SEEDS",
    "STRATEGY",
    "TRIALS",
    "TRIALS_WITH_RUNGS",
    "Command",
    "add_options",
    "parse_command",
]

# The exit code after Ctrl-C.
INTERRUPTED = 130

# Defaults of the command line that differ from those in Python.
STRATEGY, SEEDS = "tpe", 2
# The default number of trials. With early stopping 81 trials take two thirds of the compute of 32
# without it, and find better networks (docs/search.md).
TRIALS, TRIALS_WITH_RUNGS = 32, 81
# How the help shows defaults that differ from those in Python.
SHOWN_DEFAULTS = {"seeds": str(SEEDS), "out": "runs/<dataset>-<budget>-<time>", "wait": "10m"}

T = TypeVar("T", "SearchArguments", "OutputArguments", StorageOptions)


def _budgets(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part.replace("_", "")) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no number of parameters: give one, such as 8000, or several with commas "
            "between them"
        ) from None


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


@dataclass(frozen=True)
class SearchArguments:
    """What is searched, and how; None for options that are not given."""

    budgets: tuple[int, ...] | None = field(
        default=None,
        metadata=about(
            "most parameters allowed, or several such numbers, such as 500,1000",
            _budgets,
            none=str(ProposalOptions.max_params),
            flag="--budget",
            metavar="N[,N…]",
        ),
    )
    space: str | None = field(
        default=None, metadata=about("a space of your own, see below", metavar="FILE.toml")
    )
    strategy: str | None = field(
        default=None, metadata=about(", ".join(strategies()), none=f"default {STRATEGY}")
    )
    generation: int | None = field(
        default=None, metadata=about("networks proposed and trained together", int)
    )
    pruner: str | None = field(
        default=None,
        metadata=about(
            f"stops weak networks early: {', '.join(pruners())}", none="with tpe, gp: halving"
        ),
    )
    plugins: tuple[str, ...] | None = field(
        default=None,
        metadata=about(
            "your own strategies, architectures, losses, … imported first (docs/extending.md)",
            _names,
            flag="--plugin",
            metavar="MODULE|FILE.py[,…]",
        ),
    )
    scenario: str | None = field(
        default=None, metadata=about(f"a ready-made search: {', '.join(SCENARIO_NAMES)} or all")
    )
    n_trials: int | None = field(
        default=None,
        metadata=about(
            "how many networks, of each budget",
            int,
            none=f"{TRIALS}; {TRIALS_WITH_RUNGS} with a pruner; of a grid, all",
            flag="--trials",
        ),
    )
    seconds: float | None = field(
        default=None,
        metadata=about("as many as end in 90s, 10m or 1h30m", seconds, flag="--time", metavar="T"),
    )


@dataclass(frozen=True)
class OutputArguments:
    """What is shown and saved after the search."""

    save_best: str | None = field(
        default=None, metadata=about("keep the best", none="<out>/best", metavar="DIR", bare="")
    )
    report: bool = field(default=True, metadata=about("write report.html"))
    top: int = field(default=10, metadata=about("rows of the table", int))
    dry_run: bool = field(default=False, metadata=about("show what would be trained, and stop"))
    compile: bool = field(
        default=False, metadata=about("with --dry-run, memory as the compiler says")
    )
    quiet: bool = field(default=False, metadata=about("no progress"))


@dataclass(frozen=True)
class Command:
    """A command line.

    Attributes:
      words: the command as it was typed, for the record.
      begun: the time at which it started, in seconds of the monotonic clock.
      search: what is searched.
      output: what is shown and kept.
      storage: where the search is kept.
      settings: the other keywords of a searcher, without those that are not given.
    """

    words: tuple[str, ...]
    begun: float
    search: SearchArguments
    output: OutputArguments
    storage: StorageOptions
    settings: Mapping[str, Any]

    @property
    def says_nothing_of_its_folder(self) -> bool:
        """Whether nothing is given after which the default folder would be named."""
        of_search = self.search.budgets, self.search.scenario, self.storage.study_name
        return "dataset" not in self.settings and all(value is None for value in of_search)

    @property
    def log_format(self) -> str:
        """The format of progress messages."""
        return self.settings.get("log_format", SearcherOptions.log_format)


def parse_command(
    parser: argparse.ArgumentParser, arguments: Sequence[str], begun: float
) -> Command:
    """Reads a command line.

    Raises:
      SystemExit: with code 2 for what cannot be read, with 0 after the help.
    """
    values = vars(parser.parse_args(arguments))
    storage_names = {option.name for option in fields(StorageOptions)}
    settings = {option.name for option in fields(SearcherOptions)} - storage_names
    return Command(
        words=("python", "-m", "jdend.search", *arguments),
        begun=begun,
        search=_options_of(SearchArguments, values),
        output=_options_of(OutputArguments, values),
        storage=_options_of(StorageOptions, values),
        settings={name: value for name, value in values.items() if name in settings},
    )


def _options_of(options: type[T], values: Mapping[str, Any]) -> T:
    names = [option.name for option in fields(options) if option.name in values]
    return options(**{name: values[name] for name in names})


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of a search to a parser."""
    for title, types in (
        ("what to search", (SearchArguments, ProposalOptions)),
        ("the data", (DataOptions,)),
        ("how to train", (TrainingOptions,)),
        ("where to train", (DeviceOptions, PlacementOptions)),
        ("what to show and keep", (StorageOptions, OutputArguments, SearcherOptions)),
    ):
        group = parser.add_argument_group(title)
        for options in types:
            for option in own_fields(options):
                _add_option(group, option)


def _add_option(group: Any, option: Field) -> None:
    """Adds the option of a field; if it is not given, the namespace lacks its name."""
    setting = setting_of(option)
    if setting.flag is None:
        return
    name = option.name.replace("_", "-")
    if isinstance(option.default, bool):
        takes: dict[str, Any] = {"action": "store_const"}
        if setting.metavar is not None:  # it may be given a value
            takes = {"nargs": "?", "metavar": setting.metavar}
        group.add_argument(
            setting.flag or (f"--no-{name}" if option.default else f"--{name}"),
            dest=option.name,
            const=not option.default,
            default=argparse.SUPPRESS,
            help=f"do not {setting.help}" if option.default else setting.help,
            **takes,
        )
        return
    default = SHOWN_DEFAULTS.get(
        option.name, setting.none or ("" if option.default is None else option.default)
    )
    metavar = {int: "N", float: "R"}.get(setting.parse, "NAME")
    group.add_argument(
        setting.flag or f"--{name}",
        dest=option.name,
        type=setting.parse,
        metavar=setting.metavar or metavar,
        default=argparse.SUPPRESS,
        help=f"{setting.help} ({default})" if default != "" else setting.help,
        **({} if setting.bare is None else {"nargs": "?", "const": setting.bare}),
    )
