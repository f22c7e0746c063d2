"""A worker, without a cluster: from any state, or from none, figures are the same."""

import functools
import os
import pickle
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from jdend.data import from_arrays, split
from jdend.models import Problem, configure
from jdend.search import SearchError
from jdend.search.executors import worker as worker_module
from jdend.search.executors.definitions import definitions
from jdend.search.executors.local import LocalExecutor
from jdend.search.executors.protocol import Work
from jdend.search.executors.remote import RemotePart
from jdend.search.executors.worker import Task, Worker, pin
from jdend.training import ACCURACY, Bucket
from jdend.training import _train as training

RUNG, STOPPED = 2, [1]


def work(n_epochs=(5, 5, 4)):
    labels = np.arange(200) % 4
    images = np.random.default_rng(0).integers(0, 200, (200, 6, 6)) + 13 * labels[:, None, None]
    images = images.astype(np.uint8)
    data = split(from_arrays(images[:150], labels[:150], images[150:], labels[150:]))
    problem = Problem(36, 4, (6, 6, 1))
    sizes = {"n_neurons": 3, "n_dendrites": 2, "n_dendrite_inputs": 5, "batch_size": 32}
    configurations = [
        configure({**sizes, "n_epochs": n, "lr": 0.01 * (i + 1)}, problem)
        for i, n in enumerate(n_epochs)
    ]
    bucket = Bucket(configurations[0].structure, kernel="dense")
    return Work(0, 0, bucket, configurations, (0, 1), len(configurations), 100.0, data)


class Quiet:
    """A watcher that waits for programs, and hears no more."""

    def wait(self, programs, work):
        programs.result()

    def begin(self, work, parts):
        self.parts = parts

    def enter(self, work, part):
        pass

    def look(self, progress):
        pass

    def note(self, line):
        raise AssertionError(line)


def figures(outcomes):
    """All but the time, to the last bit."""
    names = [n for n in vars(outcomes[0]) if n not in ("seconds", "configuration", "history")]
    return [
        {n: np.asarray(getattr(o, n)).tolist() for n in names}
        | {n: values.tolist() for n, values in o.history.items()}
        for o in outcomes
    ]


@functools.cache
def of_this_process(n_runs=1):
    """The outcomes, with a trial stopped at the rung."""
    executor, population = LocalExecutor(), work()
    with pytest.MonkeyPatch.context() as patched:
        if n_runs == 2:
            patched.setattr(training, "configurations_that_fit", lambda *_: 2)
        ((_, parts),) = executor.submit([population], RUNG, Quiet())
        parts[0].stop(STOPPED)
        ((_, parts),) = executor.submit([population], None, Quiet())
    return figures([outcome for part in parts for outcome in part.outcomes()])


@pytest.fixture
def worker():
    made = Worker(0, None)
    made._data = ("the data", work().data)
    return made


def asked(population, part, epoch, content, attempt=0):
    part.asked = epoch
    return Task(
        key=(0, 0, epoch, attempt),
        definitions=definitions([population.bucket.structure], ACCURACY),
        population=pickle.dumps(
            (population.bucket, population.configurations, population.seeds, population.params)
        ),
        stops=tuple(part.stops),
        content=content,
        epoch=epoch,
        data="the data",
        compile_cache=False,
    )


@pytest.mark.parametrize("n_runs", [1, 2])
@pytest.mark.parametrize("state", ["kept", "lost", "after"])
def test_figures_are_those_of_this_process(state, n_runs, worker, monkeypatch):
    """Whether the state at the rung is there, was lost, or is of a moment after it; also where
    memory divides the population."""
    if n_runs == 2:
        monkeypatch.setattr(training, "configurations_that_fit", lambda *_: 2)
    population = work()
    part = RemotePart(population)
    part.take(worker.train(asked(population, part, RUNG, None), []))
    at_the_rung = part.score_after(RUNG).tolist()
    part.stop(STOPPED)
    assert part.ends == [5, RUNG, 4]
    content = part.content if state != "lost" else None
    if state == "after":
        later = worker.train(asked(population, part, 3, part.content), [])
        content = later.content
        again = worker.train(asked(population, part, RUNG, content), [])
        assert again.score.tolist() == at_the_rung
    report = worker.train(asked(population, part, None, content), [])
    part.take(report)
    assert report.note == ""
    assert figures(part.outcomes()) == of_this_process(n_runs)
    if n_runs == 1:  # what is kept of its end is enough
        part.take(worker.train(asked(population, part, None, part.content), []))
        assert figures(part.outcomes()) == of_this_process(n_runs)


def test_a_state_of_another_population_is_told_and_not_used(worker):
    other = work((5, 5, 6))
    content = worker.train(asked(other, RemotePart(other), RUNG, None), []).content
    population = work()
    part = RemotePart(population)
    part.stops = [(RUNG, tuple(STOPPED))]
    report = worker.train(asked(population, part, None, content), [])
    assert report.note.startswith("a population trains anew: ")
    assert figures(report.outcomes) == of_this_process()


def test_it_tells_its_state_when_it_is_asked_and_ends_for_another_task(worker):
    population = work((4000,))
    part = RemotePart(population)
    long, short = (asked(population, part, epoch, None, attempt=epoch) for epoch in (4000, 1))
    with ThreadPoolExecutor() as threads:
        training_long = threads.submit(worker.train, long, [])
        while worker.look(long.key)[0] is None:
            assert not training_long.done()
            time.sleep(0.01)
        progress, report = worker.look(long.key, True)
        assert 0 < report.epochs_done <= progress.epoch
        assert report.content is not None
        assert worker.look(short.key) == (None, None)
        assert worker.train(short, []).epoch == 1
        assert isinstance(training_long.exception(), worker_module._Abandoned)


def test_workers_of_a_machine_have_their_own_cores(monkeypatch):
    chosen = []
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {4, 5, 6, 7, 9})
    monkeypatch.setattr(os, "sched_setaffinity", lambda process, cores: chosen.append(cores))
    for place in range(3):
        pin(place, 2)
    pin(0, 99)
    pin(0, None)
    assert chosen == [{4, 5}, {6, 7}, {9, 4}, {4, 5, 6, 7, 9}]


def test_what_is_not_there_is_one_line():
    with pytest.raises(SearchError, match=r"^what is registered cannot be used by a worker: "):
        worker_module._once(definitions_of_nothing, b"")


def definitions_of_nothing(content):
    from jdend.search.executors.definitions import defined

    return defined(content)
