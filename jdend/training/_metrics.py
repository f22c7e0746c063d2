# pyright: reportUnknownMemberType=false
"""Metrics: what networks are chosen and stopped by.

Shape letters: `n` examples, `K` classes or labels; of regression `K` is 1.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jdend._messages import OneLineError, did_you_mean
from jdend.models import CLASSIFICATION, MULTILABEL, REGRESSION
from jdend.training._loss import binary_cross_entropy, labels_like

__all__ = [
    "ACCURACY",
    "Metric",
    "MetricError",
    "check_metric",
    "find_metric",
    "metrics",
    "register_metric",
]

Logits = Float[Array, "n K"]
Classes = Int[Array, " n"]
Indicators = Int[Array, "n K"]
Counted = Bool[Array, " n"]
# Figures of every trial have these names already.
TAKEN = ("accuracy", "loss")


class MetricError(OneLineError):
    """A metric cannot be used; the message says why."""


@dataclass(frozen=True)
class Metric:
    """What networks are measured by.

    Attributes:
      name: its name on the command line and in records; its figures are `validation_<name>` and
        `test_<name>`.
      function: `(logits [n, K], y [n], counted [n]) → number`, in JAX; of multilabel `y` has
        `[n, K]`, 1 where a label applies and 0 where not; of regression the predicted and the true
        target, `[n, 1]` and `[n]`, in the target's units. Examples where `counted` is false
        are fillers, and must not play a part. It is compiled, for a whole population by `vmap`. A
        network whose logits are not all finite is not measured: it has NaN.
      minimised: whether less is better.
      task: `classification`, `regression` or `multilabel`; the same name may stand for a metric of
        each.
    """

    name: str
    function: Callable[[Logits, Any, Counted], Float[Array, ""]]
    minimised: bool = False
    task: str = CLASSIFICATION

    @property
    def sign(self) -> float:
        """What turns a value into a score, of which more is better: 1, or -1 if less is better."""
        return -1.0 if self.minimised else 1.0


def _confusion(logits: Logits, y: Classes, counted: Counted) -> Float[Array, "K K"]:
    """Examples by true and by predicted class; counts below 2^24 are exact."""
    n_classes = logits.shape[-1]
    true = jax.nn.one_hot(y, n_classes) * counted[:, None]
    said = jax.nn.one_hot(jnp.argmax(logits, -1), n_classes)
    return jnp.einsum("nt,np->tp", true, said, precision="highest")


def _mean_over(wanted: Bool[Array, " K"], values: Float[Array, " K"]) -> Float[Array, ""]:
    """The mean of some values; NaN if there are none."""
    return jnp.where(wanted, values, 0.0).sum() / wanted.sum()


def accuracy(logits: Logits, y: Classes, counted: Counted) -> Float[Array, ""]:
    """The share of examples that are classified right."""
    return (counted & (jnp.argmax(logits, -1) == y)).sum() / counted.sum()


def balanced_accuracy(logits: Logits, y: Classes, counted: Counted) -> Float[Array, ""]:
    """The mean over classes of the share of their examples that are classified right, without
    classes that have no examples; as scikit-learn's `balanced_accuracy_score`."""
    table = _confusion(logits, y, counted)
    n = table.sum(1)
    return _mean_over(n > 0, jnp.diag(table) / jnp.maximum(n, 1.0))


def f1_macro(logits: Logits, y: Classes, counted: Counted) -> Float[Array, ""]:
    """The mean over classes of F1, the harmonic mean of precision and recall, without classes that
    no example has and none is taken for; as scikit-learn's `f1_score(average="macro")`."""
    table = _confusion(logits, y, counted)
    n = table.sum(0) + table.sum(1)  # twice those right, and all those wrong
    return _mean_over(n > 0, 2.0 * jnp.diag(table) / jnp.maximum(n, 1.0))


def auc(logits: Logits, y: Classes, counted: Counted) -> Float[Array, ""]:
    """The area under the ROC curve: how often an example of a class has a higher probability of it
    than one of another class, ties counted half (Hanley & McNeil 1982). Of two classes, that of the
    second; of more the mean over classes, each against all others, without those that none or all
    examples have. As scikit-learn's `roc_auc_score(multi_class="ovr")`."""
    n_classes = logits.shape[-1]
    first = 1 if n_classes == 2 else 0
    probabilities = jax.nn.softmax(logits.astype(jnp.float32))[:, first:].T

    def of_class(number: Int[Array, ""], p: Float[Array, " n"]) -> tuple[Array, Array]:
        return _area(counted & (y == number), counted & (y != number), p)

    return _mean_over(*jax.vmap(of_class)(jnp.arange(first, n_classes), probabilities))


def _area(own: Counted, others: Counted, p: Float[Array, " n"]) -> tuple[Array, Array]:
    """Whether there are examples of both kinds, and how often one of its own has a higher value,
    in [0, 1], than one of the others, ties counted half."""
    counted = own | others
    # The bits of numbers in [0, 1] have their order, and XLA sorts whole numbers five times as
    # fast. Among equal ones others come first, fillers after all.
    bits = jax.lax.bitcast_convert_type(p, jnp.uint32)
    keys = jnp.sort(jnp.where(counted, 2 * bits + own, jnp.uint32(2**32 - 1)))
    real = jnp.arange(keys.size) < counted.sum()
    is_own, is_other = real & (keys % 2 == 1), real & (keys % 2 == 0)
    upto = jnp.cumsum(is_other)  # others up to here
    begins = jnp.append(True, keys[1:] // 2 != keys[:-1] // 2)
    below = jax.lax.cummax(jnp.where(begins, upto - is_other, 0))  # others of lower probability
    beaten = jnp.where(is_own, (below + upto) / 2 / jnp.maximum(others.sum(), 1), 0.0)
    return own.any() & others.any(), beaten.sum() / jnp.maximum(own.sum(), 1)


def log_loss(logits: Logits, y: Classes, counted: Counted) -> Float[Array, ""]:
    """The mean cross-entropy, whatever the training's loss is."""
    losses = -jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], -1)[:, 0]
    return jnp.where(counted, losses, 0.0).sum() / counted.sum()


def _mean(values: Float[Array, " n"], counted: Counted) -> Float[Array, ""]:
    return jnp.where(counted, values, 0.0).sum() / counted.sum()


def rmse(logits: Logits, y: Float[Array, " n"], counted: Counted) -> Float[Array, ""]:
    """The root of the mean squared error, in the target's units."""
    return jnp.sqrt(_mean(jnp.square(logits[:, 0] - y), counted))


def mae(logits: Logits, y: Float[Array, " n"], counted: Counted) -> Float[Array, ""]:
    """The mean absolute error, in the target's units."""
    return _mean(jnp.abs(logits[:, 0] - y), counted)


def r2(logits: Logits, y: Float[Array, " n"], counted: Counted) -> Float[Array, ""]:
    """The coefficient of determination: the share of the target's variance that is explained; 0
    where the target is constant and an error is made, 1 where none is."""
    error = _mean(jnp.square(logits[:, 0] - y), counted)
    variance = _mean(jnp.square(y - _mean(y, counted)), counted)
    of_constant = jnp.where(error > 0, 0.0, 1.0)
    return jnp.where(variance > 0, 1.0 - error / jnp.maximum(variance, 1e-30), of_constant)


def hamming_loss(logits: Logits, y: Indicators, counted: Counted) -> Float[Array, ""]:
    """The share of labels that are wrong, of all labels of all examples; as scikit-learn's
    `hamming_loss`."""
    return _mean(((logits > 0) != (y > 0)).mean(-1), counted)


def _hits(logits: Logits, y: Indicators, counted: Counted) -> tuple[Array, Array]:
    """By label `[K]`: twice the examples that have it and are said to, and these numbers' sum."""
    said, true = counted[:, None] & (logits > 0), counted[:, None] & (y > 0)
    both = (said & true).sum(0, dtype=jnp.float32)
    return 2.0 * both, said.sum(0, dtype=jnp.float32) + true.sum(0, dtype=jnp.float32)


def f1_macro_of_labels(logits: Logits, y: Indicators, counted: Counted) -> Float[Array, ""]:
    """The mean over labels of F1, which is 0 of a label that no example has and none is said to;
    as scikit-learn's `f1_score(average="macro")`."""
    twice, n = _hits(logits, y, counted)
    return (twice / jnp.maximum(n, 1.0)).mean()


def f1_micro(logits: Logits, y: Indicators, counted: Counted) -> Float[Array, ""]:
    """F1 of all labels of all examples together; as scikit-learn's `f1_score(average="micro")`."""
    twice, n = _hits(logits, y, counted)
    return twice.sum() / jnp.maximum(n.sum(), 1.0)


def auc_of_labels(logits: Logits, y: Indicators, counted: Counted) -> Float[Array, ""]:
    """The mean over labels of the area under the ROC curve, without labels that none or all
    examples have; as scikit-learn's `roc_auc_score(average="macro")`."""

    def of_label(true: Counted, p: Float[Array, " n"]) -> tuple[Array, Array]:
        return _area(counted & true, counted & ~true, p)

    probabilities = jax.nn.sigmoid(logits.astype(jnp.float32))
    return _mean_over(*jax.vmap(of_label, in_axes=1)(y > 0, probabilities))


def log_loss_of_labels(logits: Logits, y: Indicators, counted: Counted) -> Float[Array, ""]:
    """The mean over labels of the cross-entropy, whatever the training's loss is; that of one label
    is scikit-learn's `log_loss`."""
    return _mean(binary_cross_entropy(logits, y), counted)


ACCURACY = Metric("accuracy", accuracy)
_METRICS = {
    # Of multilabel, too: the programs of training have its figures.
    (MULTILABEL, ACCURACY.name): ACCURACY,
} | {
    (metric.task, metric.name): metric
    for metric in (
        ACCURACY,
        Metric("balanced_accuracy", balanced_accuracy),
        Metric("f1_macro", f1_macro),
        Metric("auc", auc),
        Metric("log_loss", log_loss, minimised=True),
        Metric("rmse", rmse, minimised=True, task=REGRESSION),
        Metric("mae", mae, minimised=True, task=REGRESSION),
        Metric("r2", r2, task=REGRESSION),
        Metric("hamming_loss", hamming_loss, minimised=True, task=MULTILABEL),
        Metric("f1_macro", f1_macro_of_labels, task=MULTILABEL),
        Metric("f1_micro", f1_micro, task=MULTILABEL),
        Metric("auc", auc_of_labels, task=MULTILABEL),
        Metric("log_loss", log_loss_of_labels, minimised=True, task=MULTILABEL),
    )
}


def register_metric(metric: Metric) -> Metric:
    """Adds a metric to those that `metric=` and `--metric` find by name; returns it.

    If the name was registered before for its task, the new metric replaces the old one.

    Raises:
      MetricError: if every trial has figures of that name already, or it is no identifier.
    """
    _METRICS[metric.task, _named(metric).name] = metric
    return metric


def metrics(task: str | None = None) -> tuple[str, ...]:
    """The names of the registered metrics for a task, or for any."""
    return tuple(dict.fromkeys(name for of, name in _METRICS if task in (None, of)))


def find_metric(metric: object, task: str = CLASSIFICATION) -> Metric:
    """The registered metric of this name; a `Metric` is returned unchanged. Of None that of the
    task: accuracy, or the root mean squared error.

    Raises:
      MetricError: if there is none for that task, or a metric's name is not allowed.
    """
    if metric is None:
        return _METRICS[task, "rmse" if task == REGRESSION else ACCURACY.name]
    if isinstance(metric, Metric):
        if metric is ACCURACY and task == MULTILABEL:
            return metric
        if metric.task != task:
            raise MetricError(f"metric {metric.name!r} is for {metric.task}, and this is {task}")
        return metric if metric is ACCURACY else _named(metric)
    allowed = metrics(task)
    if metric not in allowed:
        raise MetricError(f"unknown metric {metric!r} for {task}{did_you_mean(metric, allowed)}")
    return _METRICS[task, str(metric)]


def check_metric(metric: Metric, n_classes: int) -> None:
    """Raises `MetricError` unless a metric's function returns a number; nothing is computed."""
    n = 2
    shapes = (
        jax.ShapeDtypeStruct((n, n_classes), jnp.float32),
        labels_like(n, n_classes, metric.task),
        jax.ShapeDtypeStruct((n,), jnp.bool_),
    )
    try:
        value = jax.eval_shape(metric.function, *shapes)
    except Exception as error:  # whatever a user's function may raise
        said = " ".join(str(error).split())
        raise MetricError(
            f"metric {metric.name!r} fails: {type(error).__name__}: {said}"
        ) from error
    if getattr(value, "shape", None) != ():
        raise MetricError(
            f"metric {metric.name!r} must return one number for (logits, y, counted), got {value}"
        )


def _named(metric: Metric) -> Metric:
    if metric.name in TAKEN or not metric.name.isidentifier():
        raise MetricError(
            f"a metric cannot be named {metric.name!r}: give a Python identifier other than "
            f"{' and '.join(TAKEN)}"
        )
    return metric
