# pyright: reportUnknownMemberType=false
"""Measures a population on a part of the data: loss, accuracy, and another metric.

Shape letters: `S` seeds, or seeds × folds, which are called members `M`; `C` configurations, `B`
examples at once, `R` rows of the largest part, `F` features, `K` classes or labels, `L` folds.
"""

from collections.abc import Callable
from functools import partial
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Bool, Float, Int

from jdend.kernels import Packed
from jdend.training._batches import rows_of
from jdend.training._bucket import Bucket, network
from jdend.training._device_data import (
    EVALUATION_ROWS,
    Examples,
    fold_of_members,
    in_units,
    labels_of_rows,
    normalised,
)
from jdend.training._loss import Labels, loss_of, right
from jdend.training._metrics import Metric
from jdend.training._state import State, Tree, evaluated

__all__ = [
    "Figures",
    "Sums",
    "evaluation",
    "evaluation_of_folds",
    "means",
    "measurement",
    "no_sums",
    "summation",
]

Scalar = Int[Array, ""]
# Losses and accuracies.
Figures = tuple[Float[Array, "S C"], Float[Array, "S C"]]
# The sums of losses, and the numbers of examples that are classified right.
Sums = tuple[Float[Array, "S C"], Int[Array, "S C"]]


def evaluation(bucket: Bucket) -> Callable[[State, Examples, Scalar, Scalar], Figures]:
    """The function `evaluate` of a bucket's population, not compiled."""
    add = _adding(bucket)

    def evaluate(state: State, data: Examples, begin: Scalar, end: Scalar) -> Figures:
        n = data.x.shape[0]
        rows = min(n, EVALUATION_ROWS)

        def add_rows(i: Scalar, sums: Sums) -> Sums:
            # A slice that would end after the data is moved back; its other rows are not counted.
            first = begin + i * rows
            start = jnp.minimum(first, n - rows)
            position = start + jnp.arange(rows)
            wanted = (position >= first) & (position < end)
            return add(state, data, start, wanted, sums)

        zeros = jnp.zeros_like(state.loss_sum), jnp.zeros_like(state.n_correct)
        n_slices = -(-(end - begin) // rows)
        total, hits = cast(Sums, jax.lax.fori_loop(0, n_slices, add_rows, zeros))
        return total / (end - begin), _accuracy(bucket, hits / (end - begin))

    return evaluate


def summation(bucket: Bucket) -> Callable[[State, Examples, Bool[Array, " R"], Sums], Sums]:
    """The function `add` of a bucket's population, not compiled."""
    add = _adding(bucket)

    def add_all(state: State, data: Examples, counted: Bool[Array, " R"], sums: Sums) -> Sums:
        rows = min(len(counted), EVALUATION_ROWS)

        def add_rows(i: Scalar, sums: Sums) -> Sums:
            wanted = jax.lax.dynamic_slice_in_dim(counted, i * rows, rows)
            return add(state, data, i * rows, wanted, sums)

        return cast(Sums, jax.lax.fori_loop(0, len(counted) // rows, add_rows, sums))

    return add_all


def no_sums(state: State) -> Sums:
    """What the first call of `add` adds to."""
    shape = state.loss_sum.shape
    return jnp.asarray(np.zeros(shape, np.float32)), jnp.asarray(np.zeros(shape, np.int32))


def means(bucket: Bucket, sums: Sums, n: int) -> Figures:
    """Those that `evaluate` gives, from the sums over all of its `n` rows."""
    total, hits = map(np.asarray, sums)
    share = hits.astype(np.float32) / np.float32(n)
    if not bucket.structure.problem.has_classes:
        share = np.full_like(share, np.nan)
    return jnp.asarray(total / np.float32(n)), jnp.asarray(share)


def _adding(
    bucket: Bucket,
) -> Callable[[State, Examples, Scalar, Bool[Array, " B"], Sums], Sums]:
    """Adds the figures of some rows, from `start` on, where they are wanted."""
    forward_all, loss = _forward(bucket), loss_of(bucket.structure.problem).function
    inputs = rows_of(bucket, network(bucket))

    def add(
        state: State, data: Examples, start: Scalar, wanted: Bool[Array, " B"], sums: Sums
    ) -> Sums:
        x = inputs(data, start + jnp.arange(len(wanted), dtype=jnp.int32))
        y = jax.lax.dynamic_slice_in_dim(data.y, start, len(wanted))
        logits = forward_all(evaluated(state), state.other, x)
        losses = jnp.where(wanted, loss(logits, y), 0.0)
        hits = wanted & right(logits, y)
        return sums[0] + losses.sum(-1), sums[1] + hits.sum(-1, dtype=jnp.int32)

    return add


def evaluation_of_folds(
    bucket: Bucket,
) -> Callable[[State, Examples, Int[Array, "L R"]], Figures]:
    """The function `evaluate_folds` of a bucket's population, not compiled."""
    forward_all, loss = _forward(bucket, of_members=True), loss_of(bucket.structure.problem)

    def evaluate(state: State, data: Examples, rows: Int[Array, "L R"]) -> Figures:
        rows, at_once = _rows_of_members(state, data, rows)

        def add_rows(i: Scalar, sums: Sums) -> Sums:
            some = jax.lax.dynamic_slice_in_dim(rows, i * at_once, at_once, axis=1)
            wanted = some >= 0
            x, y = normalised(data, data.x[some], some), data.y[some]
            logits = forward_all(evaluated(state), state.other, x)
            losses = jax.vmap(loss.function)(logits, y)
            hits = wanted[:, None] & jax.vmap(right)(logits, y)
            losses = jnp.where(wanted[:, None], losses, 0.0)
            return sums[0] + losses.sum(-1), sums[1] + hits.sum(-1, dtype=jnp.int32)

        zeros = jnp.zeros_like(state.loss_sum), jnp.zeros_like(state.n_correct)
        n = (rows >= 0).sum(axis=1)
        total, hits = cast(Sums, jax.lax.fori_loop(0, -(-n.max() // at_once), add_rows, zeros))
        return total / n[:, None], _accuracy(bucket, hits / n[:, None])

    return evaluate


def _accuracy(bucket: Bucket, share: Float[Array, "S C"]) -> Float[Array, "S C"]:
    """The share of examples that are classified right, of multilabel in all of their labels; NaN of
    regression."""
    return share if bucket.structure.problem.has_classes else jnp.full_like(share, jnp.nan)


def _rows_of_members(
    state: State, data: Examples, rows: Int[Array, "L R"]
) -> tuple[Int[Array, "M R"], int]:
    """The rows of each member's fold, with -1 up to whole slices; and the size of a slice."""
    at_once = min(rows.shape[1], EVALUATION_ROWS)
    padded = jnp.pad(rows, ((0, 0), (0, -rows.shape[1] % at_once)), constant_values=-1)
    return padded[fold_of_members(state.seeds.shape[0], data)], at_once


def measurement(
    bucket: Bucket, metric: Metric
) -> Callable[[State, Examples, Int[Array, "*L R"]], Float[Array, "S C"]]:
    """The function `measure` of a bucket's population, not compiled."""
    forward_all, of_folds = _forward(bucket), _measurement_of_folds(bucket, metric)
    inputs = rows_of(bucket, network(bucket))

    def measure(state: State, data: Examples, rows: Int[Array, "*L R"]) -> Float[Array, "S C"]:
        if data.has_folds:
            return of_folds(state, data, rows)
        at_once = min(rows.shape[0], EVALUATION_ROWS)
        rows = jnp.pad(rows, (0, -rows.shape[0] % at_once), constant_values=-1)
        counted = rows >= 0
        y = labels_of_rows(data, rows, counted)

        def add_rows(i: Scalar, logits: Float[Array, "S C R K"]) -> Float[Array, "S C R K"]:
            some = jax.lax.dynamic_slice_in_dim(rows, i * at_once, at_once)
            x = inputs(data, some)
            of_some = forward_all(evaluated(state), state.other, x).astype(jnp.float32)
            return jax.lax.dynamic_update_slice_in_dim(logits, of_some, i * at_once, axis=2)

        def of_member(logits: Float[Array, "R K"]) -> Float[Array, ""]:
            return _value(metric, data, logits, y, counted)

        n_classes = bucket.structure.problem.n_classes
        logits = jnp.zeros((*state.loss_sum.shape, rows.shape[0], n_classes), jnp.float32)
        n_slices = -(-counted.sum() // at_once)  # the others are fillers, of which none is computed
        logits = cast(Array, jax.lax.fori_loop(0, n_slices, add_rows, logits))
        return jax.vmap(jax.vmap(of_member))(logits)

    return measure


def _measurement_of_folds(
    bucket: Bucket, metric: Metric
) -> Callable[[State, Examples, Int[Array, "L R"]], Float[Array, "S C"]]:
    forward_all = _forward(bucket, of_members=True)

    def measure(state: State, data: Examples, rows: Int[Array, "L R"]) -> Float[Array, "S C"]:
        rows, at_once = _rows_of_members(state, data, rows)
        counted = rows >= 0
        y = labels_of_rows(data, rows, counted)

        def add_rows(i: Scalar, logits: Float[Array, "S C R K"]) -> Float[Array, "S C R K"]:
            some = jax.lax.dynamic_slice_in_dim(rows, i * at_once, at_once, axis=1)
            x = normalised(data, data.x[some], some)
            of_some = forward_all(evaluated(state), state.other, x).astype(jnp.float32)
            return jax.lax.dynamic_update_slice_in_dim(logits, of_some, i * at_once, axis=2)

        def of_configurations(
            logits: Float[Array, "C R K"],
            y: Labels,
            counted: Bool[Array, " R"],
        ) -> Float[Array, " C"]:
            value = partial(_value, metric, data)
            return jax.vmap(value, in_axes=(0, None, None))(logits, y, counted)

        n_classes = bucket.structure.problem.n_classes
        logits = jnp.zeros((*state.loss_sum.shape, rows.shape[1], n_classes), jnp.float32)
        n_slices = -(-counted.sum(axis=1).max() // at_once)
        logits = cast(Array, jax.lax.fori_loop(0, n_slices, add_rows, logits))
        return jax.vmap(of_configurations)(logits, y, counted)

    return measure


def _value(
    metric: Metric,
    data: Examples,
    logits: Float[Array, "R K"],
    y: Labels,
    counted: Bool[Array, " R"],
) -> Float[Array, ""]:
    """The metric of one network; NaN if its logits are not finite."""
    value = metric.function(in_units(data, logits), in_units(data, y), counted)
    return jnp.where(jnp.isfinite(logits).all(), value, jnp.nan)


def _forward(
    bucket: Bucket, *, of_members: bool = False
) -> Callable[[Tree, Tree, Float[Array, "*S B F"] | Packed], Float[Array, "S C B K"]]:
    """From parameters and other variables of all members to their logits for one input, or with
    `of_members` for one each, `[S, B, F]`."""
    net = network(bucket)

    def forward(params: Tree, other: Tree, x: Float[Array, "B F"] | Packed) -> Float[Array, "B K"]:
        model: Callable[[Array | Packed], Array] = nnx.merge(net.evaluating, params, other)
        return model(x)

    of_seed = jax.vmap(forward, in_axes=(0, 0, None))
    return jax.vmap(of_seed, in_axes=(0, 0, 0 if of_members else None))
