"""Networks that are kept while a population trains are those that training alone makes."""

import functools

import jax
import numpy as np
import pytest
from flax import nnx
from small_populations import bucket_of, configured, data

from jdend.data import from_arrays, split
from jdend.training import KeptNetworks, runs, train_model
from jdend.training._compilation import Program

LARGER = {
    "n_neurons": 4, "n_dendrites": 3, "n_dendrite_inputs": 7, "n_soma_inputs": 3, "hidden_dim": 5,
    "second_hidden_dim": 4, "second_n_neurons": 5, "second_n_dendrites": 3,
    "second_n_dendrite_inputs": 3
}  # fmt: skip
RESAMPLED = {"percentage_resample": 0.5, "schedule": "cosine", "lr": 1e-2}
PRUNED = {"initial_density": 2.4, "steps_to_prune": 7, "pruning_end": 0.5}


def begun(members, seeds, kept, of=None, padded=False, parts=None):
    bucket = bucket_of(of or members[0], padded=padded)
    return runs(bucket, members, seeds, parts or data(), networks=kept)[0]


def kept_of(members, seeds=(3,), **options):
    kept = KeptNetworks(**options.pop("room", {}))
    run = begun(members, seeds, kept, **options)
    run.train_to(run.last_epoch)
    return kept, run.outcomes()


def arrays(module):
    state = nnx.state(module, nnx.Not(nnx.RngState))
    return nnx.to_pure_dict(state)


def watched(train, *arguments):
    """The network, and its arrays before training and after each epoch."""
    seen = {}
    model = train(*arguments, on_epoch=lambda e, module: seen.update({e: arrays(module)}))
    return model, list(seen.values())


def assert_same(one, other, check=np.testing.assert_array_equal):
    assert jax.tree.structure(one) == jax.tree.structure(other)
    jax.tree.map(check, one, other)


close = functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "params", [{}, {"averaging": 0.9, **PRUNED}, {"architecture": "mlp"}], ids=str
)
def test_in_an_exact_bucket_they_are_the_same_to_the_last_bit(params):
    member = configured(**RESAMPLED, **params)
    kept, (outcome,) = kept_of([member])
    model, history = watched(kept.model, member, 3, data())
    alone, of_alone = watched(train_model, member, 3, data())
    assert_same(history, of_alone)
    assert len(history) == 4
    assert model.origin == alone.origin
    assert model.figures.keys() == alone.figures.keys()
    for name in model.figures.keys() - {"total_params"}:
        assert model.figures[name] == getattr(outcome, name)[0]
        assert model.figures[name] == pytest.approx(alone.figures[name], abs=1e-6)
    np.testing.assert_array_equal(model.logits(data().test_x), alone.logits(data().test_x))


# `test_padded_buckets` says of all architectures that padding lies at the ends, and that resampling
# keeps it there.
@pytest.mark.parametrize(
    ("name", "pruned"),
    [("dendritic_convolutional", {}), ("dendritic_two_layers", PRUNED)],
)
def test_in_a_padded_bucket_they_are_cut_to_their_sizes(name, pruned):
    shared = {"architecture": name, "synaptic_resampling": False, **pruned}
    small = configured(**shared, schedule="cosine", lr=1e-2)
    large = configured(**shared, **LARGER)
    kept, _ = kept_of([large, small], of=large, padded=True)
    model, history = watched(kept.model, small, 3, data())
    alone, of_alone = watched(train_model, small, 3, data())
    assert_same(history, of_alone, close)
    for name in alone.figures:
        assert model.figures[name] == pytest.approx(alone.figures[name], abs=1e-4), name


def test_each_seed_has_its_own():
    members = [configured(**RESAMPLED, n_epochs=n) for n in (1, 2)]
    kept, outcomes = kept_of(members, seeds=(5, 2, 9))
    for member, outcome in zip(members, outcomes, strict=True):
        for place, seed in enumerate(outcome.seeds):
            model, history = watched(kept.model, member, seed, data())
            assert_same(history, watched(train_model, member, seed, data())[1], close)
            assert model.origin["seed"] == seed
            assert model.figures["validation_loss"] == outcome.validation_loss[place]
    assert not kept.has(members[0], 4)


def test_what_is_stopped_is_let_go_of_at_once():
    members = [configured(lr=lr) for lr in (1e-3, 2e-3, 3e-3)]
    kept = KeptNetworks()
    run = begun(members, (0,), kept)
    run.train_to(1)
    before = kept.nbytes
    run.stop([0, 2])
    assert kept.nbytes == before / 3
    run.train_to(run.last_epoch)
    run.stop([1])  # has ended already
    run.outcomes()
    assert [kept.has(member, 0) for member in members] == [False, True, False]


def test_what_diverges_is_not_kept():
    members = [configured(lr=1e30, weight_decay=0.0), configured()]
    kept, _ = kept_of(members)
    assert [kept.has(member, 3) for member in members] == [False, True]


def test_only_those_that_are_asked_for_stay():
    members = [configured(lr=lr) for lr in (1e-3, 2e-3)]
    kept, _ = kept_of(members)
    both = kept.nbytes
    kept.keep_only((members[1], 3))
    assert [kept.has(member, 3) for member in members] == [False, True]
    assert kept.nbytes == both / 2
    kept.keep_only()
    assert kept.nbytes == 0


def test_beyond_its_room_it_keeps_nothing_and_the_figures_are_the_same():
    members = [configured(lr=lr) for lr in (1e-3, 2e-3)]
    kept, outcomes = kept_of(members)
    enough, _ = kept_of(members, room={"max_bytes": kept.nbytes})
    small, others = kept_of(members, room={"max_bytes": kept.nbytes - 1})
    assert enough.has(members[0], 3)
    assert not small.has(members[0], 3)
    assert small.nbytes == 0
    for one, other in zip(outcomes, others, strict=True):
        np.testing.assert_array_equal(one.test_loss, other.test_loss)


def test_what_goes_on_from_a_snapshot_is_not_kept():
    member, kept = configured(), KeptNetworks()
    first = begun([member], (0,), None)
    first.train_to(1)
    again = begun([member], (0,), kept)
    again.restore(first.snapshot().to_bytes())
    again.train_to(again.last_epoch)
    again.outcomes()
    assert not kept.has(member, 0)
    assert kept.nbytes == 0


def test_a_run_that_is_divided_lets_go_of_them(monkeypatch):
    members, kept = [configured(lr=lr) for lr in (1e-3, 2e-3)], KeptNetworks()
    run = begun(members, (0,), kept)
    run.train_to(1)
    assert kept.nbytes > 0
    call, calls = Program.__call__, []

    def refuse_once(self, *arguments):
        if not calls:
            calls.append(self)
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")
        return call(self, *arguments)

    monkeypatch.setattr(Program, "__call__", refuse_once)
    run.train_to(run.last_epoch)
    assert len(run.outcomes()) == 2
    assert kept.nbytes == 0


def test_of_folds_none_is_kept():
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (200, 6, 6)).astype(np.uint8), np.arange(200) % 4
    parts = split(from_arrays(images, labels, images, labels), folds=2)
    kept, _ = kept_of([configured(synaptic_resampling=False)], parts=parts)
    assert kept.nbytes == 0
