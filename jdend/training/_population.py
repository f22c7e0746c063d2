# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
"""A population: the seeds × configurations of one bucket, as one state that advances.

Shape letters: `S` seeds, `C` configurations, `n` examples, `B` batch, `F` features.

    init → State;  advance(State, data, order, stop_step) → State;  evaluate(State, …) → figures

All of a trial's arrays have two leading axes `[S, C]`; where data have folds, `S` counts seeds ×
folds, those of a seed together. A seed fixes the initialisation, the
connectivity, the order of the data and the draws of resampling; all configurations of a seed read
the same batches. No operation mixes trials, so one that diverges does not change the others.
"""

import functools
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, cast

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jax.sharding import AbstractMesh, Mesh
from jaxtyping import Array, Bool, Float, Int, UInt32

from jdend.fields import HYPERPARAMETERS
from jdend.kernels import Packed, multiplying_in
from jdend.models import build
from jdend.training._batches import batches, keys_of
from jdend.training._bucket import Bucket, network
from jdend.training._compilation import Program, bytes_of, shapes_of
from jdend.training._dense_gradient import dense_gradients
from jdend.training._device_data import DeviceData, Examples
from jdend.training._dropout import thinned
from jdend.training._evaluation import (
    Figures,
    Sums,
    evaluation,
    evaluation_of_folds,
    means,
    measurement,
    no_sums,
    summation,
)
from jdend.training._loss import Batch, loss_of, mean_loss
from jdend.training._metrics import ACCURACY, Metric
from jdend.training._optimizer import ADAM, averaged, descend
from jdend.training._order import (
    INIT,
    RESAMPLE,
    in_folds,
    key_of,
    shuffle,
    whole,
)
from jdend.training._program_identity import identity_of
from jdend.training._program_shapes import bytes_of_shapes, longest_part, program_shapes
from jdend.training._pruning import initial_sizes, next_pruning, pruner
from jdend.training._resampling import is_due, next_resampling, resampler
from jdend.training._sharding import (
    BY_CONFIGURATION,
    BY_SEED,
    BY_STATE,
    BY_TRIAL,
    EVERYWHERE,
    Sharding,
)
from jdend.training._state import State, Tree
from jdend.training._stored_keys import with_standard_keys
from jdend.training._traced_hyperparameters import (
    RESAMPLING_CHOICES,
    WIRING_CHOICES,
    Choices,
    TracedHyperparameters,
    among,
)

__all__ = ["Population", "make_population"]

Scalar = Int[Array, ""]
Seeds = UInt32[Array, " S"]
Orders = Int[Array, "S n"]
_Split = tuple[object, nnx.State[Any, Any], nnx.State[Any, Any]]


@dataclass(frozen=True)
class Population:
    """The pure functions that train a bucket's members; `population(bucket)` makes it.

    Attributes:
      bucket: what its members share.
      init: `(hyperparameters [C], seeds [S]) → State`.
      advance: `(state, data, order, stop_step) → State`, where `order` is the `epoch_order` of the
        epoch that `state.step` is in; `stop_step` is traced and at most the end of that epoch. The
        old `state` cannot be used any more.
      evaluate: `(state, data, begin, end) → (loss [S, C], accuracy [S, C])`, means over the rows
        from `begin` to `end` of `data`, at least one; both bounds are traced.
      evaluate_folds: `(state, data, rows [L, R]) → (loss [S, C], accuracy [S, C])` where members
        have folds: means over the rows of each member's own fold; -1 is none.
      add: `(state, data, counted [R], sums) → sums` of losses and of examples that are classified
        right, with those of the rows of a block of training examples that count.
      measure: `(state, data, rows) → value [S, C]` of the metric on the rows of `DeviceData.part`;
        None for accuracy, which `evaluate` gives.
    """

    bucket: Bucket
    init: Program[State, TracedHyperparameters, Seeds]
    advance: Program[State, State, Examples, Orders, Scalar]
    evaluate: Program[Figures, State, Examples, Scalar, Scalar]
    evaluate_folds: Program[Figures, State, Examples, Int[Array, "L R"]]
    add: Program[Sums, State, Examples, Bool[Array, " R"], Sums]
    measure: Program[Float[Array, "S C"], State, Examples, Int[Array, "*L R"]] | None = None

    def loss_and_accuracy(self, state: State, data: DeviceData, part: str) -> Figures:
        """Those of all members on one part of the data, each `[S, C]`."""
        if part == "train" and data.streamed is not None:
            sums = no_sums(state)
            for examples, counted in data.streamed.blocks():
                sums = self.add(state, examples, counted, sums)
            return means(self.bucket, sums, data.n_train)
        if data.folds is None:
            begin, end = data.rows[part]
            return self.evaluate(state, data.examples, whole(begin), whole(end))
        rows = jax.device_put(data.part(part, longest_part(data)))
        return self.evaluate_folds(state, data.examples, rows)

    def compile(
        self, hyperparameters: TracedHyperparameters, n_seeds: int, data: DeviceData
    ) -> None:
        """Compiles all programs of a population with these shapes, two at a time.

        With folds, `n_seeds` counts seeds × folds.
        """
        shapes = program_shapes(hyperparameters, n_seeds, data, self.bucket.structure.batch_size)
        hyperparameters, seeds, number, order, _, examples = shapes
        # A thread of its own: from a shared pool it could be this thread, waiting for itself.
        with ThreadPoolExecutor(max_workers=1) as beside:
            first = beside.submit(self.init.compile, hyperparameters, seeds)
            state = self.init.shape_of_result(hyperparameters, seeds)
            self.advance.compile(state, examples, order, number)
            self._measuring(state, data)
            if data.folds is not None:
                fold_rows = jax.ShapeDtypeStruct(data.folds.train_rows.shape, jnp.int32)
                in_folds.compile(order, fold_rows)
            shuffle(data.n_train).compile(seeds, number)
            first.result()

    def memory(
        self,
        hyperparameters: TracedHyperparameters,
        n_seeds: int,
        data: DeviceData,
        at_once: int = 1,
    ) -> int:
        """The bytes of training on a device by the compiler: the most that one program takes, and
        the data.

        Args:
          hyperparameters, n_seeds, data: as for `compile`.
          at_once: how many such programs run at the same time.
        """
        shapes = program_shapes(hyperparameters, n_seeds, data, self.bucket.structure.batch_size)
        hyperparameters, seeds, number, order, resident, examples = shapes
        held = bytes_of_shapes(examples)
        beside = held + bytes_of_shapes(resident) if data.streamed is not None else 0
        state = self.init.shape_of_result(hyperparameters, seeds)
        training = bytes_of(self.advance.compile(state, examples, order, number)) + beside
        drawing = bytes_of(self.init.compile(hyperparameters, seeds)) + held + beside
        most = max(drawing, training, *map(bytes_of, self._measuring(state, data)))
        return most + (at_once - 1) * (most - held)

    def _measuring(self, state: State, data: DeviceData) -> list[Any]:
        """The compiled programs that measure a state of this shape."""
        examples, number = shapes_of(data.examples), jax.ShapeDtypeStruct((), jnp.int32)
        folds = () if data.folds is None else (len(data.folds),)
        if data.folds is None:
            compiled = [self.evaluate.compile(state, examples, number, number)]
        else:
            rows = jax.ShapeDtypeStruct((*folds, longest_part(data)), jnp.int32)
            compiled = [self.evaluate_folds.compile(state, examples, rows)]
        if data.streamed is not None:
            n_rows = data.streamed.rows_to_evaluate
            counted = jax.ShapeDtypeStruct((n_rows,), bool)
            sums = state.loss_sum, state.n_correct
            compiled.append(self.add.compile(state, data.streamed.shapes(n_rows), counted, sums))
        if self.measure is not None:
            rows = jax.ShapeDtypeStruct((*folds, data.largest_part), jnp.int32)
            compiled.append(self.measure.compile(state, examples, rows))
        return compiled


def make_population(
    bucket: Bucket,
    resampling: bool,
    choices: Choices,
    metric: Metric,
    mesh: Mesh | AbstractMesh | None,
) -> Population:
    """As `population`, every time anew; an abstract mesh is for programs that are only lowered."""
    measured = (BY_STATE, EVERYWHERE, EVERYWHERE)

    def named(name: str, *also: object, measured_by: Metric = ACCURACY) -> object:
        identity = identity_of(bucket, measured_by)
        return None if identity is None else (name, identity, *also)

    wiring, in_steps = among(WIRING_CHOICES, choices), among(RESAMPLING_CHOICES, choices)
    return Population(
        bucket=bucket,
        init=Program(
            _init(bucket, wiring),
            quickly=True,
            sharding=Sharding(mesh, (BY_CONFIGURATION, BY_SEED), BY_STATE),
            identity=named("init", wiring),
        ),
        advance=Program(
            multiplying_in(bucket.precision, _advance(bucket, resampling, in_steps)),
            trains=True,
            donate=(0,),
            sharding=Sharding(mesh, (BY_STATE, EVERYWHERE, BY_SEED, EVERYWHERE), BY_STATE),
            identity=named("advance", resampling, in_steps),
        ),
        evaluate=Program(
            evaluation(bucket),
            quickly=True,
            sharding=Sharding(mesh, (*measured, EVERYWHERE), BY_TRIAL),
            identity=named("evaluate"),
        ),
        evaluate_folds=Program(
            evaluation_of_folds(bucket),
            quickly=True,
            sharding=Sharding(mesh, measured, BY_TRIAL),
            identity=named("evaluate_folds"),
        ),
        add=Program(
            summation(bucket),
            quickly=True,
            sharding=Sharding(mesh, (*measured, BY_TRIAL), BY_TRIAL),
            identity=named("add"),
        ),
        measure=None
        if metric is ACCURACY
        else Program(
            measurement(bucket, metric),
            quickly=True,
            sharding=Sharding(mesh, measured, BY_TRIAL),
            identity=named("measure", measured_by=metric),
        ),
    )


def _init(
    bucket: Bucket, choices: Mapping[str, int]
) -> Callable[[TracedHyperparameters, Seeds], State]:
    """The function `init` of a bucket's population whose members agree in these choices, not
    compiled."""
    is_averaged = bucket.structure.extra("averaging") is not None
    agreed = {name: HYPERPARAMETERS[name].allowed()[position] for name, position in choices.items()}

    def init_trial(
        seed: UInt32[Array, ""], hyperparameters: TracedHyperparameters
    ) -> tuple[Tree, Tree]:
        model = build(
            bucket.at_first,
            kernel=bucket.kernel,
            sizes=initial_sizes(bucket, hyperparameters),
            rngs=nnx.Rngs(key_of(seed, INIT)),
            **{**hyperparameters.wiring(), **agreed},
        )
        _, params, other = cast(_Split, nnx.split(model, nnx.Param, ...))
        return nnx.to_pure_dict(params), with_standard_keys(nnx.to_pure_dict(other))

    def init(hyperparameters: TracedHyperparameters, seeds: Seeds) -> State:
        over_configurations = jax.vmap(init_trial, in_axes=(None, 0))
        params, other = jax.vmap(over_configurations, in_axes=(0, None))(seeds, hyperparameters)
        shape = (*seeds.shape, *hyperparameters.lr.shape)
        return State(
            step=jnp.zeros((), jnp.int32),
            seeds=seeds,
            hyperparameters=hyperparameters,
            params=params,
            other=other,
            # Arrays of their own, since the state is donated.
            average=jax.tree.map(jnp.copy, params) if is_averaged else {},
            adam=cast(optax.ScaleByAdamState, ADAM.init(params)),
            loss_sum=jnp.zeros(shape),
            n_correct=jnp.zeros(shape, jnp.int32),
            failed_step=jnp.full(shape, -1, jnp.int32),
        )

    return init


def _advance(
    bucket: Bucket, may_resample: bool, choices: Mapping[str, int]
) -> Callable[[State, Examples, Orders, Scalar], State]:
    net, own_loss = network(bucket), loss_of(bucket.structure.problem)
    resampling = may_resample and bool(net.layers)
    batch_size = bucket.structure.batch_size
    prune = pruner(net.pruned)
    by_gradient = bucket.structure.extra("resampling_inputs") is not None
    is_smoothed = bucket.structure.extra("label_smoothing") is not None
    next_batch, plain_batch = batches(bucket, net), batches(bucket, net, plain=True)

    def loss(
        training: nnx.GraphDef[nnx.Module],
        params: Tree,
        other: Tree,
        hyperparameters: TracedHyperparameters,
        batch: Batch,
    ) -> tuple[Float[Array, ""], tuple[Int[Array, ""], Tree]]:
        """Mean loss of one trial on one batch."""
        if batch.draws is not None:
            params = thinned(params, net.layers, batch.draws, hyperparameters.synapse_dropout)
        model: Callable[[Array | Packed], Array] = nnx.merge(training, params, other)
        x = batch.x
        if batch.noise is not None:
            x = cast(Array, x) + hyperparameters.input_noise * batch.noise
        logits = model(x)
        if net.stateful:
            other = nnx.to_pure_dict(nnx.state(model, nnx.Not(nnx.Param)))
        mean, correct = mean_loss(own_loss, logits, batch, hyperparameters, smoothed=is_smoothed)
        return mean, (correct, other)

    gradients = dense_gradients(bucket, loss) if by_gradient else None
    resample_layers = resampler(net.layers, choices, gradients)

    def one_step(state: State, batch: Batch) -> State:
        gradient = jax.value_and_grad(functools.partial(loss, net.training), has_aux=True)
        over_configurations = jax.vmap(gradient, in_axes=(0, 0, 0, None))
        over_seeds = jax.vmap(over_configurations, in_axes=(0, 0, None, 0))
        (losses, (correct, other)), grads = over_seeds(
            state.params, state.other, state.hyperparameters, batch
        )
        params, adam = descend(bucket.structure, net.layers, state, grads)
        average = averaged(state, params) if state.average else state.average
        failed_now = (state.failed_step < 0) & ~jnp.isfinite(losses)
        return replace(
            state,
            step=state.step + 1,
            params=params,
            other=other,
            adam=adam,
            average=average,
            loss_sum=state.loss_sum + losses,
            n_correct=state.n_correct + correct,
            failed_step=jnp.where(failed_now, state.step, state.failed_step),
        )

    def advance(state: State, data: Examples, order: Orders, stop_step: Scalar) -> State:
        steps_per_epoch = order.shape[1] // batch_size
        # Sums are set to zero when an epoch begins, so that they can be read after its end.
        begins = state.step % steps_per_epoch == 0
        state = replace(
            state,
            loss_sum=jnp.where(begins, 0.0, state.loss_sum),
            n_correct=jnp.where(begins, 0, state.n_correct),
        )

        def train_on_next_batch(state: State) -> State:
            return one_step(state, next_batch(state, data, order))

        def train_until(state: State, step: Scalar) -> State:
            return jax.lax.while_loop(lambda s: s.step < step, train_on_next_batch, state)

        def unchanged(state: State, *_: Any) -> State:
            return state

        def resample(state: State) -> State:
            due, keys = is_due(state), keys_of(state, RESAMPLE)
            # That of the step just done: the next one may be of another epoch.
            done = replace(state, step=state.step - 1)
            batch = plain_batch(done, data, order) if by_gradient else None
            arguments = state, keys, due, batch
            return cast(State, jax.lax.cond(due.any(), resample_layers, unchanged, *arguments))

        def train_and_rewire(state: State) -> State:
            # Rewiring is outside of the loop over steps, in which a conditional would copy the
            # state at every step.
            until = stop_step
            if net.pruned:
                until = jnp.minimum(until, next_pruning(state))
            if resampling:
                until = jnp.minimum(until, next_resampling(state))
            state = train_until(state, until)
            if net.pruned:
                state = prune(state)
            return resample(state) if resampling else state

        if not resampling and not net.pruned:
            return train_until(state, stop_step)
        return jax.lax.while_loop(lambda s: s.step < stop_step, train_and_rewire, state)

    return advance
