"""The result of one trial, in plain numbers.

Shape letters: `S` seeds, `E` epochs.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeGuard, cast

import numpy as np
from jaxtyping import Float, Int

from jdend.study._errors import StudyError
from jdend.study._html import results_html

__all__ = ["FINAL_FIGURES", "SearchResult"]

# The metric that results have if none is named.
ACCURACY = "accuracy"
# The figures of a trained network, for each seed, taken from `jdend.training.Outcome`.
FINAL_FIGURES = (
    "train_loss",
    "train_accuracy",
    "validation_loss",
    "validation_accuracy",
    "test_loss",
    "test_accuracy",
)


@dataclass(frozen=True)
class SearchResult:
    """The result of a trial: one configuration, trained with one or more seeds.

    Figures are means over the seeds, with folds over each fold of each seed. `…_std` is the
    standard deviation over these networks (ddof 1), None of one. Networks are chosen by validation
    figures alone; test figures are only reported.

    Attributes:
      params: the configuration as it was drawn, under the names of the search space. `seed` is
        among them only if the trial was drawn with exactly one.
      test_accuracy: accuracy of the trained network on the test part, in [0, 1].
      train_accuracy: the same on the training part, by one full pass; of a stopped trial the
        running mean over its last epoch.
      total_params: the number of trainable parameters.
      train_time: the trial's share of its population's training time, in seconds.
      final_test_loss: mean loss of the trained network: cross-entropy, unless it has another.
      validation_accuracy, validation_loss: on the validation part; None if nothing was held out.
      train_loss: loss on the training part, like `train_accuracy`.
      test_accuracy_std, train_accuracy_std, validation_accuracy_std: deviations over the networks.
      seeds: the seeds that the configuration was trained with.
      failed: the first epoch (from 0) in which the loss of one of the seeds stopped being finite,
        None if none did. Failed trials rank last.
      stopped_epoch: after how many epochs a rung stopped it, None if it was trained to its end. Of
        a stopped trial the figures are those of that epoch, and what was not measured is NaN.
        Stopped trials rank after those that were trained to their end.
      cut_off: whether the search was broken off while this trained; `stopped_epoch` says when. A
        search that goes on replaces it.
      metric: the name of the metric that it was chosen by. If it is not accuracy, its figures are
        `validation_<metric>` in `history`, and this and `test_<metric>` in `seed_figures`;
        `measured` has their means.
      minimised: whether less of that metric is better.
      history: means over the seeds, one an epoch, under `train_loss`, `train_accuracy` (running
        means over an epoch), `validation_loss` and `validation_accuracy`.
      seed_history: the same, one list for each seed.
      seed_figures: the final figures, one for each seed, under the names of `FINAL_FIGURES`. With
        folds here and in `seed_history` one for each fold of the first seed, then of the next.
    """

    params: dict[str, object]
    test_accuracy: float
    train_accuracy: float
    total_params: int
    train_time: float
    final_test_loss: float
    validation_accuracy: float | None = None
    validation_loss: float | None = None
    train_loss: float | None = None
    test_accuracy_std: float | None = None
    train_accuracy_std: float | None = None
    validation_accuracy_std: float | None = None
    seeds: tuple[int, ...] = (0,)
    failed: int | None = None
    history: dict[str, list[float]] = field(default_factory=dict[str, list[float]], repr=False)
    seed_history: dict[str, list[list[float]]] = field(
        default_factory=dict[str, list[list[float]]], repr=False
    )
    seed_figures: dict[str, list[float]] = field(default_factory=dict[str, list[float]], repr=False)
    stopped_epoch: int | None = None
    cut_off: bool = False
    metric: str = ACCURACY
    minimised: bool = False

    @property
    def is_validated(self) -> bool:
        """Whether examples were held out to measure it by."""
        return self.validation_accuracy is not None or self.validation_loss is not None

    @property
    def has_accuracy(self) -> bool:
        """Whether it is of classification: regression has no accuracy."""
        accuracies = (self.test_accuracy, self.validation_accuracy)
        return self.metric == ACCURACY or any(
            a is not None and math.isfinite(a) for a in accuracies
        )

    def measured(self, part: str) -> tuple[float | None, float | None]:
        """The figure by its metric on `validation` or `test`, and its deviation over the seeds;
        None where there is none."""
        if self.metric == ACCURACY:
            return getattr(self, f"{part}_accuracy"), getattr(self, f"{part}_accuracy_std")
        values = _numbers(self.seed_figures.get(f"{part}_{self.metric}", ()))
        held_out = part == "test" or self.is_validated
        return (_mean(values), _std(values)) if len(values) and held_out else (None, None)

    @property
    def score(self) -> float | None:
        """What it is chosen by, of which more is better: its validation figure by its metric,
        negative if less of that is better. None if nothing was held out."""
        value, _ = self.measured("validation")
        return value if value is None else self._sign * value

    @property
    def score_history(self) -> list[float]:
        """Its score after each epoch; NaN where it was not measured."""
        return (self._sign * _numbers(self.history.get(f"validation_{self.metric}", ()))).tolist()

    @property
    def seed_scores(self) -> list[float]:
        """Its score with each seed; empty if that is not known."""
        values = self.seed_figures.get(f"validation_{self.metric}", ())
        return (self._sign * _numbers(values)).tolist()

    @property
    def best_seed(self) -> int:
        """The seed of the highest score, with folds of the highest mean over them; the first if
        none is known."""
        scores = np.array(self.seed_scores)
        if len(scores) == 0 or len(scores) % len(self.seeds):
            return self.seeds[0]
        scores = scores.reshape(len(self.seeds), -1).mean(axis=1)
        return self.seeds[int(np.argmax(np.where(np.isnan(scores), -np.inf, scores)))]

    @property
    def n_networks(self) -> int:
        """How many networks its figures are means over: one for each seed, or fold of a seed."""
        return max(len(self.seeds), len(self.seed_figures.get("test_accuracy", ())))

    @property
    def _sign(self) -> float:
        return -1.0 if self.minimised else 1.0

    @property
    def accuracy_per_1k_params(self) -> float:
        """Test accuracy per 1,000 parameters."""
        return self.test_accuracy * 1000 / self.total_params

    @property
    def only_tested(self) -> bool:
        """Whether it has no accuracy but that on the test part, as results of the older toolkit;
        jdend's own results have figures by seed as well."""
        return not self.is_validated and not self.seed_figures

    def _repr_html_(self) -> str:
        """A table of one row, for notebooks."""
        return results_html([self])

    @classmethod
    def from_seeds(
        cls,
        params: Mapping[str, object],
        *,
        total_params: int,
        seconds: float,
        seeds: Sequence[int],
        figures: Mapping[str, Float[np.ndarray, " S"]],
        history: Mapping[str, Float[np.ndarray, "S E"]],
        failed_epoch: Int[np.ndarray, " S"],
        held_out: bool = True,
        stopped_epoch: int | None = None,
        cut_off: bool = False,
        metric: str = ACCURACY,
        minimised: bool = False,
    ) -> "SearchResult":
        """Averages over seeds.

        Args:
          params: as drawn.
          total_params: trainable parameters.
          seconds: the trial's share of its population's time.
          seeds: `S` of them.
          figures: by name in `FINAL_FIGURES`, and those of the metric, `[S]`, or with folds a whole
            multiple of that; those of validation NaN if nothing was held out.
          history: likewise for each epoch.
          failed_epoch: -1 where a seed did not fail.
          held_out: whether there was a validation part.
          stopped_epoch: after how many epochs a rung stopped it, or it was cut off.
          cut_off: whether it was cut off.
          metric, minimised: as attributes.
        """
        mean = {name: _mean(figures[name]) for name in FINAL_FIGURES}
        failures = failed_epoch[failed_epoch >= 0]
        return cls(
            params=dict(params),
            test_accuracy=mean["test_accuracy"],
            train_accuracy=mean["train_accuracy"],
            total_params=int(total_params),
            train_time=float(seconds),
            final_test_loss=mean["test_loss"],
            validation_accuracy=mean["validation_accuracy"] if held_out else None,
            validation_loss=mean["validation_loss"] if held_out else None,
            train_loss=mean["train_loss"],
            test_accuracy_std=_std(figures["test_accuracy"]),
            train_accuracy_std=_std(figures["train_accuracy"]),
            validation_accuracy_std=_std(figures["validation_accuracy"]) if held_out else None,
            seeds=tuple(int(seed) for seed in seeds),
            failed=int(failures.min()) if failures.size else None,
            history={name: _floats(np.mean(h, axis=0)) for name, h in history.items()},
            seed_history={name: [_floats(row) for row in h] for name, h in history.items()},
            seed_figures={name: _floats(values) for name, values in figures.items()},
            stopped_epoch=stopped_epoch,
            cut_off=cut_off,
            metric=metric,
            minimised=minimised,
        )

    def to_dict(self) -> dict[str, object]:
        """For JSON: all attributes, and `accuracy_per_1k_params`; NaN becomes None. `cut_off` is
        there only if it is true; `metric`, `minimised` and the means `validation_<metric>` and
        `test_<metric>` only if the metric is not accuracy."""
        record = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        record["accuracy_per_1k_params"] = self.accuracy_per_1k_params
        if not self.cut_off:
            del record["cut_off"]
        if self.metric == ACCURACY:
            del record["metric"], record["minimised"]
        else:
            record |= self.figures_of_metric()
        return {name: _finite(value) for name, value in record.items()}

    def figures_of_metric(self) -> dict[str, float | None]:
        """`validation_<metric>` and `test_<metric>`, and their deviations under `…_std`; empty if
        the metric is accuracy."""
        if self.metric == ACCURACY:
            return {}
        return {
            f"{part}_{self.metric}{end}": value
            for part in ("validation", "test")
            for end, value in zip(("", "_std"), self.measured(part), strict=True)
        }

    @classmethod
    def from_dict(cls, record: object) -> "SearchResult":
        """The result that `to_dict` converted; fields that are missing get their defaults.

        Raises:
          StudyError: if it is not a result.
        """
        if not isinstance(record, Mapping):
            raise StudyError(f"a result must be an object, got {type(record).__name__}")
        fields = cast(Mapping[str, Any], record)
        missing = [name for name in _REQUIRED if name not in fields]
        if missing:
            raise StudyError(f"a result lacks {', '.join(missing)}")
        names = {f.name for f in dataclasses.fields(cls)}
        values: dict[str, Any] = {k: v for k, v in fields.items() if k in names}
        if not isinstance(values["params"], dict):
            raise StudyError(f"a result's params must be an object, got {values['params']!r}")
        for name in ("test_accuracy", "train_accuracy", "train_time", "final_test_loss"):
            values[name] = _number(name, values[name])
        for name in _OPTIONAL:
            if values.get(name) is not None:
                _number(name, values[name])
        total_params: object = values["total_params"]
        if type(total_params) is not int or total_params < 1:
            raise StudyError(
                f"a result's total_params must be a positive whole number, got {total_params!r}"
            )
        for name, value in cast(dict[str, object], values["params"]).items():
            if not isinstance(value, str | int | float | None):
                raise StudyError(
                    f"a result's {name} must be a number, a string, true, false or null, got "
                    f"{value!r}"
                )
        metric, minimised = values.get("metric", ACCURACY), values.get("minimised", False)
        if not isinstance(metric, str) or not isinstance(minimised, bool):
            raise StudyError(
                f"a result's metric must be a string and minimised true or false, got {metric!r} "
                f"and {minimised!r}"
            )
        seeds = values.get("seeds", (0,))
        if not _is_list(seeds) or not all(type(seed) is int for seed in seeds):
            raise StudyError(f"a result's seeds must be a list of whole numbers, got {seeds!r}")
        values["seeds"] = tuple(seeds)
        for name, depth in {"history": 1, "seed_figures": 1, "seed_history": 2}.items():
            by_name: object = values.get(name, {})
            lists = list(by_name.values()) if _is_object(by_name) else [None]
            if not all(_are_numbers(numbers, depth) for numbers in lists):
                raise StudyError(f"a result's {name} must hold lists of numbers, got {by_name!r}")
        return cls(**values)


_REQUIRED = (
    "params",
    "test_accuracy",
    "train_accuracy",
    "total_params",
    "train_time",
    "final_test_loss",
)

_OPTIONAL = (
    "validation_accuracy",
    "validation_loss",
    "train_loss",
    "test_accuracy_std",
    "train_accuracy_std",
    "validation_accuracy_std",
    "failed",
    "stopped_epoch",
)


def _numbers(values: Sequence[float | None]) -> np.ndarray:
    """Values from JSON, where None stands for NaN."""
    return np.array([math.nan if value is None else value for value in values], np.float64)


def _mean(values: np.ndarray) -> float:
    return float(np.mean(values, dtype=np.float64))


def _std(values: np.ndarray) -> float | None:
    return float(np.std(values, ddof=1, dtype=np.float64)) if len(values) > 1 else None


def _floats(values: np.ndarray) -> list[float]:
    return [float(value) for value in values]


def _is_object(value: object) -> TypeGuard[Mapping[str, object]]:
    """Whether a value from JSON is an object."""
    return isinstance(value, dict)


def _is_list(value: object) -> TypeGuard[Sequence[object]]:
    """Whether a value from JSON is a list."""
    return isinstance(value, list | tuple)


def _are_numbers(value: object, depth: int) -> bool:
    """Whether a value from JSON is a number or null, inside of `depth` lists."""
    if depth > 0:
        return _is_list(value) and all(_are_numbers(item, depth - 1) for item in value)
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _finite(value: object) -> object:
    """Replaces NaN and infinity, which JSON lacks, by None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in cast(dict[str, object], value).items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in cast(Sequence[object], value)]
    return value


def _number(name: str, value: object) -> float:
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise StudyError(f"a result's {name} must be a number, got {value!r}")
    return value
