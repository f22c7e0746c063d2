# pyright: reportUnknownMemberType=false
"""The losses that training minimises, and which examples are classified right.

Shape letters: `B` batch, `K` classes or labels; of regression `K` is 1.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jdend._messages import OneLineError, did_you_mean
from jdend.kernels import Packed, cross_entropy, has_largest_logit, mean_cross_entropy
from jdend.models import CLASSIFICATION, MULTILABEL, REGRESSION, Problem

__all__ = [
    "Batch",
    "Labels",
    "Loss",
    "LossError",
    "binary_cross_entropy",
    "check_loss",
    "cross_entropy",
    "distillation",
    "find_loss",
    "labels_like",
    "loss_of",
    "losses",
    "mean_loss",
    "register_loss",
    "right",
    "smoothable",
]

Number = float | Float[Array, ""]
# Classes; of multilabel 1 where a label applies and 0 where not; of regression targets.
Labels = Int[Array, " B"] | Int[Array, "B K"] | Float[Array, " B"]


class Batch(NamedTuple):
    """The examples of one step, which all configurations of a seed read.

    Attributes:
      x: the network's input, `[B, F]`; packed where nothing but dendrites reads it.
      y: the labels, int32; of multilabel with an axis of labels; of regression the standardised
        target, float32.
      teacher: a teacher's logits for the same examples, mirrored where these are; None without a
        teacher.
      noise: what is added to `x`, times each configuration's `input_noise`.
      draws: for each dendritic layer uniform draws `[N, D, K]`, of which those below
        `synapse_dropout` leave a synapse out.
      weights: what the examples' losses are multiplied by; None for nothing.
    """

    x: Float[Array, "*S B F"] | Packed
    y: Int[Array, "*S B"] | Int[Array, "*S B K"] | Float[Array, "*S B"]
    teacher: Float[Array, "*S B K"] | None = None
    noise: Float[Array, "*S B F"] | None = None
    draws: tuple[Array, ...] | None = None
    weights: Float[Array, "*S B"] | None = None


def binary_cross_entropy(
    logits: Float[Array, "*S B K"], y: Int[Array, "B K"], smoothing: Number | None = None
) -> Float[Array, "*S B"]:
    """The mean over labels of the cross-entropy of a sigmoid with whether the label applies; with
    `smoothing` the targets are that share nearer to one half."""
    target = y if smoothing is None else (1.0 - smoothing) * y + 0.5 * smoothing
    return (jax.nn.softplus(logits) - target * logits).mean(-1)


def squared(logits: Float[Array, "*S B 1"], y: Float[Array, " B"]) -> Float[Array, "*S B"]:
    """Half the squared error of the standardised target."""
    return 0.5 * jnp.square(logits[..., 0] - y)


def huber(logits: Float[Array, "*S B 1"], y: Float[Array, " B"]) -> Float[Array, "*S B"]:
    """Huber's loss of the standardised target (1964), whose gradient is that of `squared` for
    errors up to one standard deviation, and constant beyond."""
    error = jnp.abs(logits[..., 0] - y)
    return jnp.where(error <= 1.0, 0.5 * jnp.square(error), error - 0.5)


class LossError(OneLineError):
    """A loss cannot be used; the message says why."""


@dataclass(frozen=True)
class Loss:
    """What training minimises.

    Attributes:
      name: its name on the command line and in records.
      function: from logits `[B, K]` and labels int32 `[B]` to the losses `[B]` of the examples; of
        multilabel the labels are int32 `[B, K]`, 1 where one applies and 0 where not; of regression
        it is from the standardised prediction `[B, 1]` and target float32 `[B]`. It is
        differentiated by its first argument, and there may be axes before `[B, K]` as well.
      task: `classification`, `regression` or `multilabel`.
    """

    name: str
    function: Callable[..., Array]
    task: str = CLASSIFICATION


_LOSSES = {
    loss.name: loss
    for loss in (
        Loss("cross_entropy", cross_entropy),
        Loss("squared", squared, REGRESSION),
        Loss("huber", huber, REGRESSION),
        Loss("binary_cross_entropy", binary_cross_entropy, MULTILABEL),
    )
}
OF_TASK = {
    CLASSIFICATION: "cross_entropy",
    REGRESSION: "squared",
    MULTILABEL: "binary_cross_entropy",
}


def register_loss(loss: Loss) -> Loss:
    """Adds a loss to those that `loss=` and `--loss` find by name; returns it.

    If the name was registered before, the new loss replaces the old one.

    Raises:
      LossError: if its name is no identifier, there is no such task, or it is one of jdend's own.
    """
    if not loss.name.isidentifier() or loss.task not in OF_TASK or loss.name in OF_TASK.values():
        raise LossError(
            f"a loss cannot be {loss.name!r} for {loss.task!r}: give another Python identifier, "
            f"and a task of {', '.join(OF_TASK)}"
        )
    _LOSSES[loss.name] = loss
    return loss


def losses(task: str | None = None) -> tuple[str, ...]:
    """The names of the registered losses for a task, or for any."""
    return tuple(name for name, one in _LOSSES.items() if task in (None, one.task))


def find_loss(name: object, task: str) -> Loss:
    """The registered loss of this name; of None that of the task.

    Raises:
      LossError: if there is none for that task.
    """
    name = OF_TASK[task] if name is None else name
    allowed = losses(task)
    if name not in allowed:
        raise LossError(f"unknown loss {name!r} for {task}{did_you_mean(name, allowed)}")
    return _LOSSES[str(name)]


def loss_of(problem: Problem) -> Loss:
    """The loss of a problem. Raises: as `find_loss`."""
    return find_loss(problem.loss, problem.task)


def smoothable(loss: Loss) -> bool:
    """Whether its function takes label smoothing as a third argument."""
    return loss.function in (cross_entropy, binary_cross_entropy)


def check_loss(problem: Problem) -> None:
    """Raises `LossError` unless a problem's loss returns one number an example; nothing is
    computed."""
    loss, n = loss_of(problem), 3
    y = labels_like(n, problem.n_classes, problem.task)
    try:
        value = jax.eval_shape(
            loss.function, jax.ShapeDtypeStruct((2, n, problem.n_classes), jnp.float32), y
        )
    except Exception as error:  # whatever a user's function may raise
        said = " ".join(str(error).split())
        raise LossError(f"loss {loss.name!r} fails: {type(error).__name__}: {said}") from error
    if getattr(value, "shape", None) != (2, n):
        raise LossError(
            f"loss {loss.name!r} must return [..., B] for logits [..., B, K] and y "
            f"{'[B, K]' if y.ndim == 2 else '[B]'}, got {value}"
        )


def labels_like(n: int, n_classes: int, task: str) -> jax.ShapeDtypeStruct:
    """The shape and the type of the labels of `n` examples."""
    shape = (n, n_classes) if task == MULTILABEL else (n,)
    return jax.ShapeDtypeStruct(shape, jnp.float32 if task == REGRESSION else jnp.int32)


def distillation(
    logits: Float[Array, "B K"], teacher: Float[Array, "B K"], temperature: Number
) -> Float[Array, " B"]:
    """Cross-entropy with a teacher's probabilities, both at a temperature, times its square.

    The square keeps gradients as large as those of `cross_entropy` (Hinton, Vinyals & Dean 2015,
    "Distilling the knowledge in a neural network").
    """
    target = jax.nn.softmax(teacher / temperature)
    log_probabilities = jax.nn.log_softmax(logits / temperature)
    return -(temperature**2) * jnp.sum(target * log_probabilities, -1)


def right(logits: Float[Array, "*S B K"], y: Labels) -> Bool[Array, "*S B"]:
    """Which examples are classified right, of multilabel in all of their labels; none whose logits
    are not finite, and none of regression, whose target is no class."""
    if jnp.issubdtype(y.dtype, jnp.floating):
        return jnp.zeros(logits.shape[:-1], jnp.bool_)
    if y.ndim == 2:
        return ((logits > 0) == (y > 0)).all(-1) & jnp.isfinite(logits).all(-1)
    return has_largest_logit(logits, y)


def mean_loss(
    loss: Loss, logits: Float[Array, "B K"], batch: Batch, hyperparameters: Any, *, smoothed: bool
) -> tuple[Float[Array, ""], Int[Array, ""]]:
    """What a step of a trial minimises, and how many of its examples are `right`.

    Args:
      loss: that of the problem.
      logits: those of the batch.
      batch: its labels, and what a teacher and weights say of it.
      hyperparameters: the trial's, see `TracedHyperparameters`.
      smoothed: whether its targets are, by its `label_smoothing`, if the loss can do it.
    """
    smoothing = (hyperparameters.label_smoothing,) if smoothed and smoothable(loss) else ()
    if loss.function is cross_entropy and batch.teacher is None and batch.weights is None:
        return mean_cross_entropy(logits, batch.y, *smoothing)
    values = loss.function(logits, batch.y, *smoothing)
    if batch.teacher is not None:
        weight = hyperparameters.distillation_weight
        temperature = hyperparameters.distillation_temperature
        taught = distillation(logits, batch.teacher, temperature)
        values = (1.0 - weight) * values + weight * taught
    if batch.weights is not None:
        values = values * batch.weights
    return values.mean(), right(logits, batch.y).sum(dtype=jnp.int32)
