"""The settings of a searcher, each of them once, with its name, default and help.

A field here is a keyword of `HyperparameterSearcher` and of the scenarios and, unless its `flag` is
None, an option of `python -m jdend.search`. So a new setting takes a new field here, and the code
that reads it. That code checks the value as well, before any data are loaded. The command line
shows its help from here, so nothing heavy is imported.
"""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING

from jdend._messages import did_you_mean
from jdend.fields import FIELDS, SELF, TAUGHT_WEIGHT
from jdend.search.dataset import DataOptions
from jdend.search.devices import DeviceOptions
from jdend.search.errors import SearchError
from jdend.search.placement import PlacementOptions
from jdend.search.settings import about, setting_of

if TYPE_CHECKING:
    from jdend.study import Study
    from jdend.training import Metric, Teacher

__all__ = [
    "SCENARIO_NAMES",
    "ProposalOptions",
    "SearcherOptions",
    "StorageOptions",
    "TrainingOptions",
    "check_log_format",
]

SCENARIO_NAMES = (
    "quick_prototype_search",
    "optimize_for_budget",
    "compare_architectures",
    "thorough_optimization",
    "find_pareto_optimal",
)

LOG_FORMATS = ("text", "json")
DEFAULTS = ("best", "toolkit")
# The fields of training that are settings of a search as well.
TRAINED = ("n_epochs", "lr", "weight_decay", "batch_size")
LEFT_OUT = "that of the default space"
# The budget of a search's own teachers, unless one is given.
TIMES_BUDGET = 10


@dataclass(frozen=True)
class ProposalOptions:
    """Which networks are proposed."""

    max_params: int = field(
        default=8000,
        metadata=about("the largest number of trainable parameters", flag=None, recorded=True),
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
            "seed of the proposals",
            int,
            python=": the same searches, in the same order, propose the same networks",
        ),
    )
    metric: "str | Metric | None" = field(
        default=None,
        metadata=about(
            "what networks are chosen and stopped by: accuracy, balanced_accuracy, f1_macro, auc, "
            "log_loss; of regression rmse, mae, r2; of multilabel accuracy, hamming_loss, "
            "f1_macro, f1_micro, auc, log_loss",
            python=", or a metric of your own, see `jdend.training.Metric`",
            none="accuracy, rmse",
            recorded=True,
        ),
    )

    def found_metric(self, task: str) -> "Metric":
        """The metric that is named, or given, or that of the task.

        Raises:
          SearchError: if there is none, or a metric's name is not allowed.
        """
        from jdend.training import MetricError, find_metric

        try:
            return find_metric(self.metric, task)
        except MetricError as error:
            raise SearchError(str(error)) from None


@dataclass(frozen=True)
class TrainingOptions:
    """How networks are trained."""

    n_epochs: int | None = field(
        default=None,
        metadata=about(
            "epochs, unless the space has them", int, none=LEFT_OUT, flag="--epochs", recorded=True
        ),
    )
    lr: float | None = field(
        default=None,
        metadata=about(
            "learning rate, unless the space has one", float, none=LEFT_OUT, recorded=True
        ),
    )
    weight_decay: float | None = field(
        default=None,
        metadata=about(
            "weight decay, unless the space has one", float, none=LEFT_OUT, recorded=True
        ),
    )
    batch_size: int | None = field(
        default=None,
        metadata=about("batch size, unless the space has one", int, none=LEFT_OUT, recorded=True),
    )
    _: KW_ONLY
    defaults: str = field(
        default="best",
        metadata=about(
            "what a space leaves out: best, as in the default space, or toolkit, as in the older "
            "toolkit",
            python=" (a rate of 5e-4, 15 epochs, batches of 256)",
            recorded=True,
        ),
    )
    seeds: int | Sequence[int] = field(
        default=1,
        metadata=about(
            "train each network with so many seeds",
            int,
            python=" (0, 1, …), or with those of a list; if a trial has a `seed` of its own, that "
            "is added to each of them",
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
            "largest number of programs at a time",
            int,
            python=", if the architectures allow so few",
            none="what is fastest",
            recorded=True,
        ),
    )
    kernel: str = field(
        default="auto",
        metadata=about("what computes dendrites", python="; see `jdend.kernels`", recorded=True),
    )
    precision: str = field(
        default="float32",
        metadata=about(
            "of matrix products in training, float32, bfloat16 or tf32",
            python="; networks are measured in float32, see docs/scaling.md",
            recorded=True,
        ),
    )
    teacher: "Teacher | Sequence[Teacher] | None" = field(
        default=None,
        metadata=about(
            "learn from its outputs as well: .npz files of logits, or folders of saved networks; "
            "self first searches for larger networks that teach",
            lambda text: text if text == SELF else tuple(text.split(",")),
            python="; or networks; see `jdend.training.taught`, and `distillation_weight` "
            f"({TAUGHT_WEIGHT:g} unless the space has one)",
            metavar="self|FILE|DIR[,…]",
        ),
    )
    teacher_budget: int | None = field(
        default=None,
        metadata=about(
            "with --teacher self, most parameters of a teacher",
            int,
            none=f"{TIMES_BUDGET} times the budget",
        ),
    )
    loss: str | None = field(
        default=None,
        metadata=about(
            "what training minimises: cross_entropy; of regression squared or huber; of multilabel "
            "binary_cross_entropy",
            python=", or a loss that is registered, see `jdend.training.register_loss`",
            none="the first of these",
        ),
    )
    class_weights: str | None = field(
        default=None,
        metadata=about(
            "balanced: in the loss, classes weigh the same, however many examples they have",
            none="every example weighs the same",
            metavar="balanced",
        ),
    )
    compile_cache: bool = field(
        default=True, metadata=about("keep compiled programs in the user's cache folder")
    )

    def training(self) -> dict[str, object]:
        """The values of training's fields that are given here, for spaces that leave them out."""
        given = {name: getattr(self, name) for name in TRAINED}
        return {
            **{name: value for name, value in given.items() if value is not None},
            **({} if self.teacher is None else {"distillation_weight": TAUGHT_WEIGHT}),
        }

    def budget_of_teachers(self, budget: int) -> int:
        """The most parameters of the teachers of a search with `teacher="self"`.

        Args:
          budget: the largest budget of the search.

        Raises:
          SearchError: if `teacher_budget` is no number above that, or goes with another teacher.
        """
        most = self.teacher_budget
        if most is None:
            return TIMES_BUDGET * budget
        if self.teacher != SELF:
            raise SearchError("teacher_budget goes with teacher 'self' alone: leave it out")
        if type(most) is not int or most <= budget:
            raise SearchError(
                f"teacher_budget={most!r} is not allowed: teachers are larger than what they "
                f"teach, so give a whole number above {budget:,}"
            )
        return most

    def resolved_kernel(self) -> str:
        """The kernel's own name, where `kernel` may be "auto".

        Raises:
          SearchError: if there is no kernel of that name, it cannot be used here, or it lacks the
            precision, or there is no such precision.
        """
        from jdend import kernels

        try:
            return kernels.resolve(self.kernel, precision=self.precision)
        except (ValueError, RuntimeError) as error:
            raise SearchError(str(error)) from None


@dataclass(frozen=True)
class StorageOptions:
    """Where a search is stored."""

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
            "a database to keep the search in, for dashboards and other machines",
            python="; see `jdend.study.open_storage`",
            metavar="URL",
        ),
    )
    study_name: str | None = field(
        default=None, metadata=about("name of the search in the storage", flag="--study")
    )
    resume: bool = field(
        default=False, metadata=about("go on with the folder's search", metavar="DIR")
    )

    def new_study(self, command: Sequence[str] | None = None) -> "Study":
        """The study that stores the search.

        Args:
          command: the command line to record; by default that of this process.

        Raises:
          StudyError: if the folder already holds a search that is not to be resumed, or cannot be
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
class SearcherOptions(
    PlacementOptions, StorageOptions, DeviceOptions, TrainingOptions, ProposalOptions, DataOptions
):
    """All settings of a searcher. The arguments have the order of the older toolkit; those after a
    `KW_ONLY` can only be given by keyword."""

    n_classes: int | None = field(
        default=None,
        metadata=about(
            "the number of classes, which is checked", none="that of the data", flag=None
        ),
    )
    verbose: bool = field(default=True, metadata=about("show the progress on stderr", flag=None))
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
            python='; `"compile"` compiles it as well, to show the memory that it takes',
            flag=None,
        ),
    )
    log_format: str = field(
        default="text",
        metadata=about("format of progress: text, or json for JSON lines", metavar="F"),
    )

    def __post_init__(self):
        check_log_format(self.log_format)
        if self.defaults not in DEFAULTS:
            raise SearchError(
                f"unknown defaults {self.defaults!r}{did_you_mean(self.defaults, DEFAULTS)}"
            )
        if self.stream and self.folds is not None:
            raise SearchError("stream does not go with folds, whose examples are on the devices")
        if self.study is not None and (self.out or self.storage or self.study_name or self.resume):
            raise SearchError(
                "give study, or out, storage, study_name and resume, not both: a study has its own"
            )

    def record(self) -> dict[str, object]:
        """The settings that are recorded, enough to repeat the search, as the user gave them."""
        from jdend.search.space.validation import parse_seeds

        recorded = [option.name for option in fields(self) if setting_of(option).recorded]
        values = {name: getattr(self, name) for name in recorded}
        if self.defaults == "toolkit":  # as before there were others, so that such searches go on
            del values["defaults"]
            left_out = [name for name in TRAINED if values[name] is None]
            values |= {name: FIELDS[name].default for name in left_out}
        metric = values.pop("metric")
        # As before there were others, so that such searches go on.
        if metric not in (None, "accuracy"):
            values["metric"] = getattr(metric, "name", metric)
        if self.precision == SearcherOptions.precision:
            del values["precision"]
        return {**values, "seeds": list(parse_seeds(self.seeds))}


def check_log_format(log_format: object) -> None:
    """Raises `SearchError` unless it is a format of progress."""
    if log_format not in LOG_FORMATS:
        raise SearchError(
            f"unknown log_format {log_format!r}{did_you_mean(log_format, LOG_FORMATS)}"
        )
