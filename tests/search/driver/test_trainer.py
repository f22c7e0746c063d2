"""One generation's trials: planned, trained, handed on."""

import pytest

from jdend.models import Problem, configure
from jdend.search import SearchError
from jdend.search.driver.data import SearchData
from jdend.search.driver.trainer import Trainer
from jdend.search.planning.population import Trial
from jdend.search.progress.reporter import Reporter
from jdend.search.progress.views import Silent

PROBLEM = Problem(784, 10, (28, 28, 1))


def trial(n_neurons, **params):
    sizes = {"n_dendrites": 4, "n_dendrite_inputs": 16, "n_epochs": 2}
    return Trial(configure({"n_neurons": n_neurons, **sizes, **params}, PROBLEM), (0,))


TRIALS = [trial(4), trial(5), trial(6)]


@pytest.fixture
def trainer(small_images):
    return Trainer(SearchData(small_images), "dense", buckets="exact")


def train(trainer, trials):
    return trainer.train(trials, trainer.plan(trials), Reporter(Silent()))


def test_a_trial_is_handed_on_when_its_population_ends(trainer, instant_training):
    outcomes = train(trainer, TRIALS)
    first, outcome = next(outcomes)
    assert first == TRIALS[0]
    assert outcome.configuration == first.configuration
    assert len(instant_training) == 1
    assert [later for later, _ in outcomes] == TRIALS[1:]


def test_a_trainer_remembers_nothing(trainer, instant_training):
    for _ in range(2):
        assert len(dict(train(trainer, TRIALS))) == 3
    assert len(instant_training) == 6


def test_no_trials_take_no_data(monkeypatch, instant_training):
    monkeypatch.setattr("jdend.search.driver.data.load", lambda *_, **__: pytest.fail("loaded"))
    assert list(train(Trainer(SearchData("mnist"), "dense"), [])) == []


def test_a_batch_is_not_larger_than_the_data(trainer, instant_training):
    with pytest.raises(SearchError, match="batch_size=1000 is more than the 540"):
        next(train(trainer, [trial(4, batch_size=1000)]))


@pytest.mark.parametrize("options", [{"buckets": "exakt"}, {"max_programs": 0}])
def test_plans_that_cannot_be_are_refused_at_once(small_images, options):
    with pytest.raises(SearchError):
        Trainer(SearchData(small_images), "dense", **options)
