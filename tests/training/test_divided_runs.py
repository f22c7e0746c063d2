"""An allocator that refuses above a limit: a run goes on in parts, with the same figures."""

import functools
import itertools

import jax
import numpy as np
import pytest
from small_populations import bucket_of, configured, data

from jdend.training import Placement, State, runs
from jdend.training._compilation import Program
from jdend.training._memory import configurations_that_fit

LENGTHS = (1, 3, 2, 3, 3)
MEMBERS = [configured(n_epochs=n, lr=3e-3, schedule="cosine") for n in LENGTHS]
REFUSED = "RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes.\n at"


def begun(**options):
    (run,) = runs(
        bucket_of(MEMBERS[0]),
        MEMBERS,
        (0, 5),
        data(),
        narrow=lambda width, live, steps: live if 2 * live <= width else width,
        **options,
    )
    return run


def finished(run):
    run.train_to(2)
    run.stop([3])
    run.train_to(run.last_epoch)
    return run.outcomes()


@functools.cache
def undisturbed():
    return finished(begun())


@pytest.fixture
def refuse(monkeypatch):
    """Makes programs of more than so many columns fail, as XLA does where memory ends."""
    call = Program.__call__

    def above(limit, program, *, takes_the_state=False, after=0):
        calls = itertools.count(1)  # of blocks, in threads

        def allocate(self, *arguments):
            first = arguments[0]
            width = first.failed_step.shape[1] if isinstance(first, State) else None
            if self._function.__name__ == "init":
                width = first.lr.shape[0]
            if self._function.__name__ == program and width > limit and next(calls) > after:
                if takes_the_state:
                    call(self, *arguments)
                raise jax.errors.JaxRuntimeError(REFUSED)
            return call(self, *arguments)

        monkeypatch.setattr(Program, "__call__", allocate)

    return above


def assert_the_same(outcomes):
    for one, other in zip(outcomes, undisturbed(), strict=True):
        assert one.configuration == other.configuration
        assert one.stopped_epoch == other.stopped_epoch
        for name, values in one.history.items():
            np.testing.assert_allclose(values, other.history[name], atol=1e-5, err_msg=name)
        np.testing.assert_allclose(one.test_accuracy, other.test_accuracy, atol=0.002)


@pytest.mark.parametrize(
    ("program", "fault"),
    [
        ("init", {}),
        ("advance", {}),
        ("advance", {"takes_the_state": True}),
        ("advance", {"takes_the_state": True, "after": 4}),
        ("advance", {"after": 1}),  # one seed's block, while the other's trains
        ("evaluate", {}),
        ("evaluate", {"after": 6}),  # of the trained networks
    ],
)
def test_memory_that_runs_out_divides_the_run_with_the_same_figures(refuse, program, fault):
    undisturbed()
    refuse(3, program, **fault)
    said = []
    assert_the_same(finished(begun(say=said.append)))
    (line,) = said
    assert line.startswith("memory ran out for 5 networks at once: they go on in parts of 3")


def test_halves_are_divided_until_each_has_one_configuration(refuse):
    undisturbed()
    refuse(1, "advance")
    said = []
    assert_the_same(finished(begun(say=said.append)))
    assert [line.split(" networks")[0] for line in said] == [
        f"memory ran out for {n}" for n in (5, 3, 2, 2)
    ]


def test_halves_share_the_time_that_was_spent():
    run = begun()
    run._training.add(10.0)
    run._compiling.add(5.0)
    assert run._divide(None)
    assert [half._training.seconds for half in run._halves] == [6.0, 4.0]
    assert [half._compiling.seconds for half in run._halves] == [3.0, 2.0]


def test_no_memory_for_one_configuration_is_an_error(refuse):
    refuse(0, "advance")
    with pytest.raises(jax.errors.JaxRuntimeError, match="RESOURCE_EXHAUSTED"):
        begun().train_to(1)


def test_another_error_divides_nothing(monkeypatch):
    def fail(self, *arguments):
        raise jax.errors.JaxRuntimeError("INTERNAL: a fault")

    run, said = begun(), []
    monkeypatch.setattr(Program, "__call__", fail)
    with pytest.raises(jax.errors.JaxRuntimeError, match="INTERNAL"):
        run.train_to(1)
    assert said == []


def test_a_divided_run_goes_on_from_its_snapshot(refuse):
    undisturbed()
    refuse(3, "advance", after=2)
    run, reported = begun(), []
    run.train_to(2)
    assert (run.epoch, run.live, run.ends) == (2, [1, 3, 4], list(LENGTHS))
    other = begun(on_progress=reported.append)
    other.restore(run.snapshot().to_bytes())
    assert (other.epoch, other.live, other.steps_done) == (2, run.live, run.steps_done)
    np.testing.assert_array_equal(other.score, run.score)
    assert_the_same(finished(other))
    assert [progress.n_trials for progress in reported] == [10] * len(reported)
    assert other.is_measured
    assert other.epochs_done == pytest.approx(3)


def test_bytes_that_are_no_snapshot_are_refused():
    with pytest.raises(ValueError, match="not the snapshot"):
        begun().restore(b"nothing of the kind")


def test_another_run_on_the_device_makes_room(refuse):
    first, second = begun(), begun()
    first.train_to(1)
    refuse(3, "init")
    second.train_to(1)
    assert isinstance(first._states[0][0].loss_sum, np.ndarray)
    assert_the_same(finished(first))


def test_a_population_is_trained_in_equal_parts_of_at_most_so_many():
    parts = runs(bucket_of(MEMBERS[0]), MEMBERS, (0,), data(), placement=Placement(population=4))
    assert [len(part.configurations) for part in parts] == [3, 2]


@pytest.mark.parametrize(
    ("usable", "estimate", "room"),
    [
        (2000, 10, 100),  # half of it is enough, nothing is compiled
        (1100, 10, 100),
        (600, 10, 50),
        (600, 20, 50),  # the estimate was too high
        (600, 5, 50),  # too low
        (109, 10, 1),
        (1, 10, 1),
    ],
)
def test_what_fits_is_what_the_compiler_says(usable, estimate, room):
    compiled = []

    def bytes_of(n):
        compiled.append(n)
        return 90 + 10 * n

    assert configurations_that_fit(100, usable, lambda n: estimate * n, bytes_of) == room
    assert len(compiled) < 4
    assert (usable == 2000) == (compiled == [])


def test_devices_with_little_memory_train_a_population_in_parts(monkeypatch):
    from jdend.training import _train

    whole = _train.compiled_bytes(bucket_of(MEMBERS[0]), MEMBERS, (0, 5), data())
    assert len(begun().configurations) == 5
    monkeypatch.setattr(_train, "usable_bytes", lambda device: 0.7 * whole)
    parts = runs(bucket_of(MEMBERS[0]), MEMBERS, (0, 5), data())
    assert sum(len(part.configurations) for part in parts) == 5
    assert len(parts) > 1
