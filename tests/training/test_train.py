"""Training configurations × seeds from the first step to the last."""

import dataclasses
import functools

import jax.numpy as jnp
import numpy as np
import pytest
from small_populations import STEPS_PER_EPOCH, bucket_of, configured, data

from jdend.models import Problem, configure
from jdend.training import Run, _run, compilations, prepare, runs, train

FIGURES = ("loss", "accuracy")
LENGTHS = (1, 3, 2)
MEMBERS = [configured(n_epochs=n, lr=1e-2, schedule="cosine") for n in LENGTHS]
BUCKET = bucket_of(MEMBERS[0])
SEEDS = (0, 5)


@functools.cache
def outcomes():
    return train(BUCKET, MEMBERS, SEEDS, data())


PARTS = ("train", "validation", "test")


def assert_same(one, other, *, exactly=True, parts=PARTS):
    for name in parts:
        loss, accuracy = (f"{name}_{figure}" for figure in FIGURES)
        np.testing.assert_allclose(
            getattr(one, loss), getattr(other, loss), rtol=0 if exactly else 1e-3
        )
        np.testing.assert_allclose(
            getattr(one, accuracy), getattr(other, accuracy), rtol=0, atol=0 if exactly else 0.002
        )
    np.testing.assert_array_equal(one.failed_epoch, other.failed_epoch)


def test_histories_have_a_row_a_seed_and_a_column_an_epoch():
    for outcome, length in zip(outcomes(), LENGTHS, strict=True):
        assert set(outcome.history) == {
            "train_loss", "train_accuracy", "validation_loss", "validation_accuracy"
        }  # fmt: skip
        for figures in outcome.history.values():
            assert figures.shape == (2, length)
            assert np.isfinite(figures).all()


def test_it_learns():
    outcome = outcomes()[1]
    assert (np.diff(outcome.history["train_loss"]) < 0).all()
    assert outcome.test_accuracy.mean() > 0.4  # four classes


def test_final_validation_is_that_of_the_last_epoch():
    for outcome in outcomes():
        for name in ("validation_loss", "validation_accuracy"):
            np.testing.assert_array_equal(getattr(outcome, name), outcome.history[name][:, -1])


def test_outcomes_come_in_the_order_of_configurations():
    assert [outcome.configuration for outcome in outcomes()] == MEMBERS
    assert {outcome.seeds for outcome in outcomes()} == {SEEDS}


def test_repeated_it_is_the_same_and_compiles_nothing():
    first, before = outcomes(), compilations()
    for one, other in zip(first, train(BUCKET, MEMBERS, SEEDS, data()), strict=True):
        assert_same(one, other)
        for name, figures in one.history.items():
            np.testing.assert_array_equal(figures, other.history[name])
    assert compilations() == before


@pytest.mark.parametrize("c", range(3))
def test_among_longer_and_shorter_ones_as_in_its_own_run(c):
    own = train(BUCKET, [MEMBERS[c]] * 3, SEEDS, data())
    for outcome in own:
        assert_same(outcome, outcomes()[c])


def test_alone_as_among_others():
    alone = train(BUCKET, MEMBERS[1:2], SEEDS, data())
    assert_same(alone[0], outcomes()[1], exactly=False)


def test_one_that_diverges_is_marked_and_changes_no_other():
    members = [MEMBERS[0], MEMBERS[1], configured(lr=1e30, n_epochs=2)]
    trained = train(BUCKET, members, SEEDS, data())
    for outcome, expected in zip(trained[:2], outcomes()[:2], strict=True):
        assert_same(outcome, expected)
    failed = trained[2]
    np.testing.assert_array_equal(failed.failed_epoch, [0, 0])
    assert not np.isfinite(failed.train_loss).any()
    assert not failed.test_accuracy.any()
    assert (outcomes()[1].failed_epoch == -1).all()


def test_one_that_would_diverge_after_its_end_is_not_marked(monkeypatch):
    """Short ones go on beside longer ones; what becomes of them then is not theirs."""
    train_epoch = Run._train_epoch

    def fail_late(self):
        train_epoch(self)
        if self.epoch == 2:
            self._states = tuple(
                tuple(
                    dataclasses.replace(
                        state, failed_step=jnp.full_like(state.failed_step, 2 * STEPS_PER_EPOCH)
                    )
                    for state in row
                )
                for row in self._states
            )

    monkeypatch.setattr(Run, "_train_epoch", fail_late)
    failed = [o.failed_epoch.tolist() for o in train(BUCKET, MEMBERS, SEEDS, data())]
    assert failed == [[-1, -1], [2, 2], [-1, -1]]


def test_one_that_its_very_last_step_loses_has_failed_in_its_last_epoch(monkeypatch):
    """The loss of that step, of the weights before it, was still a number."""
    final_figures = _run.final_figures

    def lose_two(*arguments):
        figures = final_figures(*arguments)
        figures["train_loss"][1, :2] = np.nan
        return figures

    monkeypatch.setattr(_run, "final_figures", lose_two)
    failed = [o.failed_epoch.tolist() for o in train(BUCKET, MEMBERS, SEEDS, data())]
    assert failed == [[-1, 0], [-1, 2], [-1, -1]]


def test_one_step_programs_serves_all_hyperparameters_and_data_of_a_shape():
    outcomes()
    before = compilations()
    others = [configured(lr=10.0**-i, n_epochs=1, steps_to_resample=i) for i in (2, 3, 4)]
    train(BUCKET, others, (8, 9), data())
    assert compilations().step_programs == before.step_programs


def test_without_validation_its_figures_are_missing():
    parts = data(0.0)
    assert len(parts.validation_y) == 0
    outcome = train(BUCKET, MEMBERS[:1], (0,), parts)[0]
    for name in ("validation_loss", "validation_accuracy"):
        assert np.isnan(getattr(outcome, name)).all()
        assert np.isnan(outcome.history[name]).all()
    assert np.isfinite(outcome.test_accuracy).all()


def test_progress_is_reported_to_the_end():
    seen = []
    train(BUCKET, MEMBERS, SEEDS, data(), on_progress=seen.append)
    epochs = [progress.epoch for progress in seen]
    assert epochs == sorted(epochs)
    assert epochs[-1] == seen[-1].n_epochs == 3
    assert {progress.n_trials for progress in seen} == {6}
    for progress in seen:
        assert progress.score.shape == (2, 3)
        assert np.isfinite(progress.score).all() == (progress.epoch >= 1)
    np.testing.assert_array_equal(seen[-1].score[:, 1], outcomes()[1].validation_accuracy)


def test_what_progress_raises_ends_training():
    def stop(progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(BUCKET, MEMBERS, SEEDS, data(), on_progress=stop)


@pytest.mark.wrong_types
@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, 1.0, True, "1", None, np.nan])
def test_a_bad_seed_is_refused(seed):
    with pytest.raises(ValueError, match="seeds must be integers from 0"):
        train(BUCKET, MEMBERS, [0, seed], data())


def test_a_batch_larger_than_the_data_is_refused():
    member = configured(batch_size=201)
    with pytest.raises(ValueError, match="batch_size=201 is more than the 200 training examples"):
        train(bucket_of(member), [member], [0], data())


def test_a_configuration_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"n_neurons=9.* does not fit"):
        train(BUCKET, [*MEMBERS, configured(n_neurons=9)], [0], data())


def test_data_of_another_shape_are_refused():
    problem = Problem(35, 4)
    member = configure({"n_dendrite_inputs": 5, "batch_size": 16}, problem)
    with pytest.raises(ValueError, match=r"35 features.*36"):
        train(bucket_of(member), [member], [0], data())


def halve(width, live, steps):
    return -(-width // 2) if 2 * live <= width else width


@functools.cache
def narrowed():
    """Six of lengths 1, 3, 2, 1, 1, 2: columns 6, 6, 3."""
    members = [configured(n_epochs=n, lr=1e-2) for n in (1, 3, 2, 1, 1, 2)]
    return members, train(BUCKET, members, SEEDS, data(), narrow=halve)


def test_a_population_that_is_narrowed_gives_what_a_whole_one_gives():
    members, outcomes_ = narrowed()
    for outcome, expected in zip(outcomes_, train(BUCKET, members, SEEDS, data()), strict=True):
        assert outcome.configuration == expected.configuration
        assert_same(outcome, expected, exactly=False)
        assert outcome.history["train_loss"].shape == expected.history["train_loss"].shape


def test_what_narrowing_needs_is_compiled_ahead():
    members = [configured(n_epochs=n, lr=1e-2) for n in (2, 1, 1, 1, 1, 1, 1)]
    prepare(BUCKET, members, SEEDS, data(), narrow=halve)
    before = compilations()
    train(BUCKET, members, SEEDS, data(), narrow=halve)
    assert compilations() == before


def test_one_that_is_stopped_is_as_it_was_then():
    members = [configured(n_epochs=3, lr=lr) for lr in (1e-2, 1e-3, 1e-4)]
    (run,) = runs(BUCKET, members, SEEDS, data())
    run.train_to(1)
    assert run.live == [0, 1, 2]
    run.stop([2])
    run.park()
    run.train_to(2)
    run.stop([0])
    run.train_to(run.last_epoch)
    outcomes_ = run.outcomes()
    assert [outcome.stopped_epoch for outcome in outcomes_] == [2, None, 1]
    for outcome, epochs in zip(outcomes_, (2, 3, 1), strict=True):
        lr = outcome.configuration.hyperparameters.lr
        alone = train(BUCKET, [configured(n_epochs=epochs, lr=lr)], SEEDS, data())[0]
        is_stopped = outcome.stopped_epoch is not None
        assert_same(outcome, alone, exactly=False, parts=PARTS[1:] if is_stopped else PARTS)
        losses = (o.history["train_loss"] for o in (outcome, alone))
        np.testing.assert_allclose(*losses, rtol=1e-4)


def test_training_figures_of_a_stopped_one_are_those_of_its_last_epoch(monkeypatch):
    measured, run_ = [], runs(BUCKET, MEMBERS, SEEDS, data())[0]
    monkeypatch.setattr(_run, "figures_of", _noting(measured, _run.figures_of))
    run_.train_to(1)
    run_.stop([1])
    run_.train_to(run_.last_epoch)
    stopped, whole = run_.outcomes()[1], run_.outcomes()[0]
    for name in ("train_loss", "train_accuracy"):
        np.testing.assert_array_equal(getattr(stopped, name), stopped.history[name][:, -1])
        assert (getattr(whole, name) != whole.history[name][:, -1]).any()
    assert measured.count("train") == 1


def _noting(parts, function):
    def noted(states, population, metric, data, part):
        parts.append(part)
        return function(states, population, metric, data, part)

    return noted


def test_all_can_be_stopped_at_once():
    (run,) = runs(BUCKET, MEMBERS, SEEDS, data())
    run.train_to(1)
    run.stop([1, 2])
    assert run.live == []
    run.train_to(run.last_epoch)
    assert [outcome.stopped_epoch for outcome in run.outcomes()] == [None, 1, 1]


def test_nothing_is_stopped_before_it_began():
    (run,) = runs(BUCKET, MEMBERS, SEEDS, data())
    with pytest.raises(ValueError, match="before the first epoch"):
        run.stop([0])


def test_outcomes_are_asked_for_at_the_end():
    (run,) = runs(BUCKET, MEMBERS, SEEDS, data())
    run.train_to(2)
    with pytest.raises(ValueError, match="1 configurations have not ended"):
        run.outcomes()
