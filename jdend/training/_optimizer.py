# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
"""How a step moves the parameters, and what optimizers do beyond the usual for those that use it.

Shape letters: `S` seeds, `C` configurations.
"""

from collections.abc import Sequence
from typing import Any, cast

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from jdend.kernels import AdamWRates, Moved, adamw
from jdend.models import DendriticLayer, Structure
from jdend.training._bucket import Path
from jdend.training._state import State, Tree, changed, leaf
from jdend.training._traced_hyperparameters import learning_rate

__all__ = ["ADAM", "OPTIMIZERS", "averaged", "clipped", "descend", "of_configurations"]

OPTIMIZERS = ("adamw", "sgd", "lion")

B1, B2, EPSILON = 0.9, 0.999, 1e-8
ADAM = optax.scale_by_adam(b1=B1, b2=B2, eps=EPSILON)


def descend(
    structure: Structure,
    layers: Sequence[tuple[Path, DendriticLayer]],
    state: State,
    grads: Tree,
) -> tuple[Tree, optax.ScaleByAdamState]:
    """A step with decoupled decay (Loshchilov & Hutter 2019), of AdamW if no other optimizer is
    asked for; each configuration has its own rate and decay."""
    if structure.extra("clip_norm"):
        grads = clipped(grads, state.hyperparameters.clip_norm)
    rule = structure.extra("optimizer")
    is_usual = not (rule or structure.extra("adam_b1") or structure.extra("adam_b2"))
    if is_usual:
        updates, adam = ADAM.update(grads, state.adam)
    else:
        updates, adam = of_configurations(str(rule or "adamw"), grads, state)
    rate = learning_rate(state.hyperparameters, state.step)
    decay = state.hyperparameters.weight_decay

    def move(p: Float[Array, "S C ..."], update: Float[Array, "S C ..."]) -> Array:
        of_trial = (slice(None), *[None] * (p.ndim - 2))
        return p - rate[of_trial] * (update + decay[of_trial] * p)

    params: Tree = jax.tree.map(move, state.params, updates)
    moved = params, cast(optax.ScaleByAdamState, adam)
    if not is_usual:
        return moved
    rates = AdamWRates(B1, B2, EPSILON, rate, decay, cast(Array, moved[1].count))
    for path, layer in layers:
        weight = leaf(state.params, (*path, "weight"))
        sizes = jnp.broadcast_to(jnp.array(weight.shape[2:], jnp.int32), (*weight.shape[:2], 3))
        if layer.sizes is not None:
            sizes = leaf(state.other, (*path, "sizes"))[..., :3]
        moved = _dendrites_moved((*path, "weight"), state, grads, moved, sizes, rates)
    return moved


def _dendrites_moved(
    path: Path,
    state: State,
    grads: Tree,
    moved: tuple[Tree, optax.ScaleByAdamState],
    sizes: Int[Array, "S C 3"],
    rates: AdamWRates,
) -> tuple[Tree, optax.ScaleByAdamState]:
    """What has moved, but dendrites' weights, where possible, by the native library."""
    params, adam = moved
    before = Moved(*(leaf(tree, path) for tree in (state.params, state.adam.mu, state.adam.nu)))
    after = Moved(*(leaf(tree, path) for tree in (params, adam.mu, adam.nu)))
    weight, mean, square = adamw(leaf(grads, path), before, after, sizes, rates)
    mu, nu = changed(adam.mu, path, mean), changed(adam.nu, path, square)
    return changed(params, path, weight), adam._replace(mu=mu, nu=nu)


def clipped(grads: Tree, norm: Float[Array, " C"]) -> Tree:
    """Gradients, scaled down where those of a trial together have a larger norm than allowed."""
    leaves: list[Array] = jax.tree.leaves(grads)
    squares = [jnp.square(leaf).sum(tuple(range(2, leaf.ndim))) for leaf in leaves]
    length = jnp.sqrt(jnp.sum(jnp.stack(squares), 0))
    factor = jnp.minimum(1.0, norm / jnp.maximum(length, 1e-30))

    def scaled(leaf: Float[Array, "S C ..."]) -> Array:
        return leaf * factor[(..., *[None] * (leaf.ndim - 2))]

    return jax.tree.map(scaled, grads)


def of_configurations(rule: str, grads: Tree, state: State) -> tuple[Tree, optax.ScaleByAdamState]:
    """The updates of an optimizer whose averages decay as each configuration says."""
    before = state.adam

    def of_one(b1: Any, b2: Any, grads: Any, mu: Any, nu: Any) -> tuple[Any, Any, Any]:
        if rule == "sgd":
            updates, trace = optax.trace(decay=b1).update(grads, optax.TraceState(mu))
            return updates, cast(optax.TraceState, trace).trace, nu
        if rule == "lion":
            one = optax.ScaleByLionState(before.count, mu)
            updates, after = optax.scale_by_lion(b1=b1, b2=b2).update(grads, one)
            return updates, cast(optax.ScaleByLionState, after).mu, nu
        one = optax.ScaleByAdamState(before.count, mu, nu)
        updates, after = optax.scale_by_adam(b1=b1, b2=b2, eps=EPSILON).update(grads, one)
        moments = cast(optax.ScaleByAdamState, after)
        return updates, moments.mu, moments.nu

    hyperparameters = state.hyperparameters
    of_each = jax.vmap(of_one, in_axes=(0, 0, 1, 1, 1), out_axes=1)
    updates, mu, nu = of_each(
        hyperparameters.adam_b1, hyperparameters.adam_b2, grads, before.mu, before.nu
    )
    return updates, optax.ScaleByAdamState(optax.safe_increment(before.count), mu, nu)


def averaged(state: State, params: Tree) -> Tree:
    """The averages after a step, exponential with each configuration's `averaging`.

    After `t` steps they keep at most `(1 + t) / (10 + t)`, so that the first weights are forgotten.
    """
    step = state.step
    keep = jnp.minimum(state.hyperparameters.averaging, (1.0 + step) / (10.0 + step))

    def mixed(average: Float[Array, "S C ..."], p: Float[Array, "S C ..."]) -> Array:
        of_trial = keep[(slice(None), *[None] * (p.ndim - 2))]
        return of_trial * average + (1.0 - of_trial) * p

    return jax.tree.map(mixed, state.average, params)
