"""What a searcher is told: each setting once, with its name, default and help.

A field is a keyword of `HyperparameterSearcher` and of the scenarios and, unless its `flag` is
None, an option of `python -m jdend.search`. So a new setting is a new field here, and the code that
reads it. Values are checked by who reads them, before any data are loaded. Nothing heavy is
imported: the command line shows its help from here.
"""

import functools
import inspect
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import KW_ONLY, Field, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from jdend._messages import did_you_mean
from jdend.search.errors import SearchError

if TYPE_CHECKING:
    from jdend.data import Dataset
    from jdend.study import Study

__all__ = [
    "SCENARIO_NAMES",
    "DataOptions",
    "ProposalOptions",
    "SearcherOptions",
    "Setting",
    "StorageOptions",
    "TrainingOptions",
    "about",
    "check_keywords",
    "check_log_format",
    "keywords_of",
    "own_fields",
    "setting_of",
]

SCENARIO_NAMES = (
    "quick_prototype_search",
    "optimize_for_budget",
    "compare_architectures",
    "thorough_optimization",
    "find_pareto_optimal",
)

LOG_FORMATS = ("text", "json")

P = ParamSpec("P")
Owner = TypeVar("Owner")
Options = TypeVar("Options")


@dataclass(frozen=True)
class Setting:
    """What a field means, and how the command line takes it.

    Attributes:
      help: one line, for Python and the command line.
      python: what only Python takes, or needs to know; ends the sentence.
      none: what None stands for.
      flag: of the command line, by default the field's name with dashes; None for none.
      parse: makes the value of a text.
      metavar: stands for the value in the command line's help.
      bare: the value if the flag stands alone; None if it cannot.
      recorded: whether `run.json` says it, and a search that goes on must have the same.
    """

    help: str
    python: str = ""
    none: str = ""
    flag: str | None = ""
    parse: Callable[[str], object] = str
    metavar: str | None = None
    bare: str | None = None
    recorded: bool = False


def about(help: str, parse: Callable[[str], object] = str, **others: Any) -> dict[str, Setting]:
    """A field's metadata; the arguments are those of `Setting`."""
    return {"setting": Setting(help, parse=parse, **others)}


def setting_of(field: Field) -> Setting:
    """What `about` said of a field."""
    return field.metadata["setting"]


def own_fields(options: type) -> list[Field]:
    """The fields of a type of options that it has not inherited."""
    own = inspect.get_annotations(options)
    return [field for field in fields(options) if field.name in own]


@dataclass(frozen=True)
class DataOptions:
    """The data, and which of them networks are ranked by."""

    dataset: "str | Path | Dataset" = field(
        default="fashion-mnist",
        metadata=about(
            "a name (python -m jdend.data list), or an .npz or .csv file",
            python=", or a `jdend.data.Dataset`; loaded when training begins",
            metavar="NAME|FILE",
        ),
    )
    subset_size: int | None = field(
        default=None,
        metadata=about(
            "training examples to use, validation included", int, none="all", flag="--subset"
        ),
    )
    _: KW_ONLY
    validation_fraction: float = field(
        default=0.1,
        metadata=about(
            "share of them held out to rank by", float, python="; with 0 nothing can be ranked"
        ),
    )
    split_seed: int = field(default=0, metadata=about("which of them are held out", int))
    target: str | None = field(
        default=None,
        metadata=about("the column of a CSV file that holds the classes", metavar="COLUMN"),
    )


@dataclass(frozen=True)
class ProposalOptions:
    """Which networks are proposed."""

    max_params: int = field(
        default=8000,
        metadata=about(
            "the budget, the most trainable parameters allowed", flag=None, recorded=True
        ),
    )
    min_param_ratio: float = field(
        default=0.8,
        metadata=about(
            "use at least this share of the budget", float, flag="--min-ratio", recorded=True
        ),
    )
    _: KW_ONLY
    search_seed: int = field(
        default=0,
        metadata=about(
            "of the random proposals",
            int,
            python=": the same searches, in the same order, propose the same",
        ),
    )


@dataclass(frozen=True)
class TrainingOptions:
    """How networks are trained."""

    n_epochs: int = field(
        default=15,
        metadata=about("epochs, where the space has none", int, flag="--epochs", recorded=True),
    )
    lr: float = field(
        default=0.0005,
        metadata=about("rate of AdamW, where the space has none", float, recorded=True),
    )
    weight_decay: float = field(
        default=0.01, metadata=about("its decay, where the space has none", float, recorded=True)
    )
    batch_size: int = field(
        default=256,
        metadata=about("examples a batch, where the space has none", int, recorded=True),
    )
    _: KW_ONLY
    seeds: int | Sequence[int] = field(
        default=1,
        metadata=about(
            "train each network with so many",
            int,
            python=" (0, 1, …), or with those of a list; of a trial with a `seed` of its own, they "
            "are counted from there",
            recorded=True,
        ),
    )
    buckets: str = field(
        default="auto",
        metadata=about(
            "how networks share programs: auto, exact or padded",
            python="; see `jdend.search.planning.planner`",
            metavar="MODE",
            recorded=True,
        ),
    )
    max_programs: int | None = field(
        default=None,
        metadata=about(
            "at most so many at a time",
            int,
            python=", as far as architectures allow",
            none="what is fastest",
            recorded=True,
        ),
    )
    kernel: str = field(
        default="auto",
        metadata=about("how dendrites are computed", python=", see `jdend.kernels`", recorded=True),
    )
    compile_cache: bool = field(
        default=True, metadata=about("keep compiled programs in the user's cache folder")
    )

    def defaults(self) -> dict[str, object]:
        """The values of training's fields where a space has none."""
        return {
            "n_epochs": self.n_epochs,
            "lr": self.lr,
            "weight_decay": self.weight_decay,
            "batch_size": self.batch_size,
        }

    def resolved_kernel(self) -> str:
        """The kernel that is taken here.

        Raises:
          SearchError: if there is none of that name, or it cannot be used here.
        """
        from jdend import kernels

        try:
            return kernels.resolve(self.kernel)
        except (ValueError, RuntimeError) as error:
            raise SearchError(str(error)) from None


@dataclass(frozen=True)
class StorageOptions:
    """Where a search is kept."""

    _: KW_ONLY
    out: str | Path | None = field(
        default=None,
        metadata=about(
            "the folder of results.json and run.json", none="nothing is written", metavar="DIR"
        ),
    )
    storage: str | Path | None = field(
        default=None,
        metadata=about(
            "a database of several workers",
            python=", who share one search; see `jdend.study.open_storage`",
            metavar="URL",
        ),
    )
    study_name: str | None = field(
        default=None, metadata=about("the search in the storage that they share", flag="--study")
    )
    resume: bool = field(
        default=False, metadata=about("go on with the search in the folder, if it holds one")
    )

    def new_study(self, command: Sequence[str] | None = None) -> "Study":
        """What keeps it.

        Args:
          command: the command line to store, by default the process's own.

        Raises:
          StudyError: if the folder holds a search that is not to be gone on with, or cannot be
            written.
        """
        from jdend.study import Study

        return Study(
            self.out,
            command=command,
            storage=self.storage,
            name=self.study_name,
            resume=self.resume,
        )


@dataclass(frozen=True)
class SearcherOptions(StorageOptions, TrainingOptions, ProposalOptions, DataOptions):
    """All that a searcher is told. The order is that of the older toolkit's arguments: of data,
    budget and training, then these; what follows a `KW_ONLY` is taken by keyword alone."""

    n_classes: int | None = field(
        default=None,
        metadata=about("checked against the data", none="taken from them", flag=None),
    )
    verbose: bool = field(
        default=True, metadata=about("say on stderr how the search goes", flag=None)
    )
    _: KW_ONLY
    study: "Study | None" = field(
        default=None,
        metadata=about(
            "collects the results of several searchers",
            python=", in place of `out`, `storage`, `study_name` and `resume`",
            flag=None,
        ),
    )
    dry_run: bool | str = field(
        default=False,
        metadata=about(
            "only print what a search would train",
            python='; `"compile"` to compile it, too, for the memory that the compiler says',
            flag=None,
        ),
    )
    log_format: str = field(
        default="text",
        metadata=about("of progress: text, or json for an object a line", metavar="F"),
    )

    def __post_init__(self):
        check_log_format(self.log_format)
        if self.study is not None and (self.out or self.storage or self.study_name or self.resume):
            raise SearchError(
                "give study, or out, storage, study_name and resume, not both: a study has its own"
            )

    def record(self) -> dict[str, object]:
        """What is kept of it, enough to repeat the search: all as it was asked for."""
        from jdend.search.space.validation import parse_seeds

        recorded = [option.name for option in fields(self) if setting_of(option).recorded]
        values = {name: getattr(self, name) for name in recorded}
        return {**values, "seeds": list(parse_seeds(self.seeds))}


def check_log_format(log_format: object) -> None:
    """Raises `SearchError` if progress has no such format."""
    if log_format not in LOG_FORMATS:
        raise SearchError(
            f"unknown log_format {log_format!r}{did_you_mean(log_format, LOG_FORMATS)}"
        )


def check_keywords(name: str, keywords: Iterable[str], allowed: Iterable[str]) -> None:
    """Raises `TypeError`, in one line, if something takes no such keyword."""
    allowed = tuple(allowed)
    for keyword in keywords:
        if keyword not in allowed:
            raise TypeError(f"{name} has no argument {keyword!r}{did_you_mean(keyword, allowed)}")


def keywords_of(
    options: Callable[P, Options],
) -> Callable[[Callable[[Owner, Options], None]], Callable[Concatenate[Owner, P], None]]:
    """Makes of an initializer that takes options one that takes their fields.

    Its signature and its docstring say which. An unknown keyword is a `TypeError` of one line.

    Args:
      options: a type of options, of fields with `about`.
    """
    signature = inspect.signature(options)

    def taking(initialize: Callable[[Owner, Options], None]):
        @functools.wraps(initialize)
        def with_keywords(self: Owner, *args: P.args, **kwargs: P.kwargs) -> None:
            check_keywords(type(self).__name__, kwargs, signature.parameters)
            initialize(self, options(*args, **kwargs))

        itself = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        parameters = [itself, *signature.parameters.values()]
        with_keywords.__dict__["__signature__"] = signature.replace(parameters=parameters)
        lead = inspect.cleandoc(initialize.__doc__ or "All arguments have defaults.")
        with_keywords.__doc__ = f"{lead}\n\nArgs:\n{_described(options, signature)}"
        return with_keywords

    return taking


def _described(options: Any, signature: inspect.Signature) -> str:
    """The fields of options as in a docstring."""
    lines = []
    by_name = {option.name: option for option in fields(options)}
    for option in (by_name[name] for name in signature.parameters):
        setting = setting_of(option)
        lead = "whether to " if isinstance(option.default, bool) else ""
        none = f" None: {setting.none}." if setting.none else ""
        text = f"{option.name}: {lead}{setting.help}{setting.python}.{none}"
        lines += textwrap.wrap(text, 96, initial_indent="  ", subsequent_indent="    ")
    return "\n".join(lines)
