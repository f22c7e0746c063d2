"""What every ledger keeps, and what only a stored one can."""

import dataclasses
import math
import sys

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution

from jdend.study import Claim, MemoryLedger, ProposedTrial, SearchResult, StudyError
from jdend.study._optuna_ledger import OptunaLedger, differences

DISTRIBUTIONS = {
    "fill": FloatDistribution(0.8, 1.0),
    "schedule": CategoricalDistribution(["cosine", "constant"]),
}


def proposed(i):
    params = {"n_neurons": 8 + i, "lr": 0.1 / 3**i, "schedule": "cosine", "field_std": None}
    return ProposedTrial(params, (0, 1), {"fill": 0.9, "schedule": "cosine"}, 700 + i, 800)


def result(i, **changes):
    rng = np.random.default_rng(i)
    figures = {name: rng.random(2, np.float32) for name in ("test_accuracy", "train_loss")}
    history = {"validation_accuracy": [float(v) for v in rng.random(3, np.float32)]}
    found = SearchResult(
        params=dict(proposed(i).params),
        test_accuracy=float(figures["test_accuracy"].mean(dtype=np.float64)),
        train_accuracy=0.1 + 0.2,
        total_params=700 + i,
        train_time=1 / 3,
        final_test_loss=float(rng.random()),
        validation_accuracy=float(rng.random()),
        validation_accuracy_std=0.0,
        seeds=(0, 1),
        history=history,
        seed_history={"validation_accuracy": [history["validation_accuracy"]] * 2},
        seed_figures={name: [float(v) for v in values] for name, values in figures.items()},
    )
    return dataclasses.replace(found, **changes)


def exactly(results):
    """All fields, such that NaN equals itself and floats are equal to the last bit."""
    return [repr(dataclasses.asdict(found)) for found in results]


@pytest.fixture(params=["journal", "sqlite", "postgres"])
def storage(request, tmp_path):
    if request.param == "postgres":
        return request.getfixturevalue("postgres")
    return {
        "journal": str(tmp_path / "study.journal"),
        "sqlite": f"sqlite:///{tmp_path}/study.db",
    }[request.param]


def opened(storage, search=None, **options):
    search = {"max_params": 800, "space": {"lr": [0.1]}} if search is None else search
    return OptunaLedger(storage, "search", search, distributions=DISTRIBUTIONS, **options)


def test_a_journal_that_ends_after_any_of_its_lines_opens(tmp_path):
    """The second of two generations is begun; a crash may have lost any number of last lines."""
    whole = tmp_path / "whole"
    ledger = opened(str(whole))
    for number in range(2):
        ledger.claim(2)
        ledger.begin(number, [proposed(i) for i in range(3)])
        if number == 0:
            ledger.finish(0, [result(i) for i in range(3)])
    ledger.release()
    lines = whole.read_bytes().splitlines(keepends=True)
    for n in range(len(lines) + 1):
        (tmp_path / str(n)).write_bytes(b"".join(lines[:n]))
        again = opened(str(tmp_path / str(n)))
        claim = again.claim(2)
        again.release()
        assert claim is not None
        assert claim.trials in (None, tuple(proposed(i) for i in range(3)))


def test_a_trial_has_no_point_and_no_size_unless_they_are_given():
    assert ProposedTrial({"lr": 0.1}, (0,)) == ProposedTrial({"lr": 0.1}, (0,), {}, 0, 0)


@pytest.fixture(params=["in memory", "stored"])
def ledger(request, tmp_path):
    return MemoryLedger() if request.param == "in memory" else opened(str(tmp_path / "j"))


def run(ledger, number, n=3):
    ledger.begin(number, [proposed(i) for i in range(n)])
    ledger.finish(number, [result(i) for i in range(n)])


def test_generations_are_claimed_in_order_until_all_are_finished(ledger):
    for number in range(3):
        assert ledger.claim(3) == Claim(number, None)
        run(ledger, number)
    assert ledger.claim(3) is None
    assert [g.number for g in ledger.generations()] == [0, 1, 2]


def test_a_generation_is_as_it_was_given(ledger):
    ledger.claim(1)
    run(ledger, 0)
    (generation,) = ledger.generations()
    assert generation.trials == tuple(proposed(i) for i in range(3))
    assert generation.results == tuple(result(i) for i in range(3))


def test_one_that_was_cut_off_is_claimed_with_its_trials(ledger):
    ledger.claim(2)
    ledger.begin(0, [proposed(0)])
    ledger.release()
    assert ledger.claim(2) == Claim(0, (proposed(0),))
    assert [g.results for g in ledger.generations()] == [None]


def test_a_search_without_end_ends_with_an_empty_generation(ledger):
    assert ledger.claim(sys.maxsize) == Claim(0, None)
    run(ledger, 0)
    assert ledger.claim(sys.maxsize) == Claim(1, None)
    run(ledger, 1, 0)
    assert [g.results for g in ledger.generations()][1] == ()
    assert ledger.claim(2) is None


def test_results_are_read_again_to_the_last_bit(storage):
    ledger = opened(storage)
    odd = [
        result(0),
        result(1, test_accuracy=math.nan, failed=2, final_test_loss=math.inf),
        result(2, history={"validation_accuracy": [0.5, math.nan, -math.inf]}),
        result(3, validation_accuracy=None, validation_accuracy_std=None),
        result(4, params={**proposed(4).params, "schedule": "nan"}, test_accuracy=5e-324),
    ]
    ledger.claim(1)
    ledger.begin(0, [proposed(i) for i in range(5)])
    ledger.finish(0, odd)
    (generation,) = opened(storage).generations()
    assert generation.results is not None
    assert exactly(generation.results) == exactly(odd)


def test_what_optuna_sees(storage):
    ledger = opened(storage, surroundings=lambda: {"versions": {"jax": "1"}})
    ledger.claim(1)
    ledger.begin(0, [proposed(i) for i in range(4)])
    lost = {"failed": 0, "stopped_epoch": 1, "validation_accuracy": math.nan}
    results = [result(0), result(1, failed=0), result(2, stopped_epoch=3), result(3, **lost)]
    ledger.finish(0, results)
    trial, failed, stopped, both = ledger.stored.study.get_trials()
    states = [t.state.name for t in (trial, failed, stopped, both)]
    assert states == ["COMPLETE", "FAIL", "PRUNED", "FAIL"]
    assert trial.value == result(0).validation_accuracy
    assert stopped.value == result(2).validation_accuracy
    accuracies = result(2).history["validation_accuracy"]
    assert stopped.intermediate_values == dict(enumerate(accuracies, 1))
    assert trial.params == {"fill": 0.9, "schedule": "cosine"}
    assert list(trial.intermediate_values) == [1, 2, 3]
    assert trial.user_attrs["versions"] == {"jax": "1"}
    assert (trial.user_attrs["budget"], trial.user_attrs["generation"]) == (800, 0)


def test_two_objectives(storage):
    ledger = opened(storage, objectives=("validation_accuracy", "total_params"))
    ledger.claim(1)
    run(ledger, 0)
    assert [d.name for d in ledger.stored.study.directions] == ["MAXIMIZE", "MINIMIZE"]
    assert ledger.stored.study.get_trials()[1].values == [result(1).validation_accuracy, 701.0]


def test_many_trials_are_kept_in_parts(storage):
    ledger = opened(storage)
    ledger.claim(1)
    ledger.begin(0, [proposed(i % 9) for i in range(200)])
    ledger.release()
    claim = opened(storage).claim(1)
    assert claim is not None
    assert claim.trials == tuple(proposed(i % 9) for i in range(200))


def test_a_half_written_generation_is_completed(storage, monkeypatch):
    ledger = opened(storage)
    ledger.claim(1)
    ledger.begin(0, [proposed(i) for i in range(4)])
    add = optuna.Study.add_trial

    def full(study, trial):
        if len(study.get_trials()) == 2:
            raise OSError(28, "No space left on device")
        add(study, trial)

    monkeypatch.setattr(optuna.Study, "add_trial", full)
    with pytest.raises(StudyError, match="No space left on device"):
        ledger.finish(0, [result(i) for i in range(4)])
    monkeypatch.undo()
    again = opened(storage)
    assert again.generations()[0].results is None
    claim = again.claim(1)
    assert claim is not None
    assert claim.trials is not None
    again.finish(0, [result(i) for i in range(4)])
    assert again.generations()[0].results == tuple(result(i) for i in range(4))
    assert len(again.stored.study.get_trials()) == 4


def test_finishing_twice_counts_once(storage):
    ledger = opened(storage)
    ledger.claim(1)
    run(ledger, 0)
    ledger.finish(0, [result(i) for i in range(3)])
    assert len(opened(storage).stored.study.get_trials()) == 3


def test_another_search_is_refused_saying_what_differs(storage):
    opened(storage)
    with pytest.raises(StudyError, match=r"max_params is 800 there and 900 here; space\.lr is \["):
        opened(storage, {"max_params": 900, "space": {"lr": [0.2]}})
    opened(storage)


def test_what_may_follow_from_other_differences_is_said_last():
    stored = {"data": 1, "space": {"lr": [0.1]}, "max_params": 800, "seeds": 2}
    current = {"data": 2, "space": {"lr": [0.2]}, "max_params": 900, "n_epochs": 3, "seeds": 2}
    assert [phrase.split()[0] for phrase in differences(stored, current)] == [
        "max_params", "n_epochs", "data", "space.lr"
    ]  # fmt: skip


def test_a_study_of_something_else_is_refused(tmp_path):
    study = optuna.create_study(storage=f"sqlite:///{tmp_path}/s.db", study_name="search")
    study.add_trial(optuna.trial.create_trial(value=1.0))
    with pytest.raises(StudyError, match="not jdend's"):
        opened(f"sqlite:///{tmp_path}/s.db")


def test_trials_hold_in_common_what_is_the_same_in_all_of_them(storage):
    """So that a search of a million trials fits into memory."""
    surroundings = {"versions": {"jax": "0.10"}, "device": {"kind": "cpu"}}
    ledger = opened(storage, surroundings=lambda: surroundings)
    for number in range(2):
        ledger.claim(2)
        ledger.begin(number, [proposed(2 * number + i) for i in range(2)])
        ledger.finish(number, [result(2 * number + i, seeds=(0,)) for i in range(2)])
    ledger.generations()
    first, *others = ledger.stored.study.get_trials(deepcopy=False)
    for trial in others:
        assert trial.user_attrs["versions"] is first.user_attrs["versions"]
        assert trial.user_attrs["device"] is first.user_attrs["device"]
        assert all(trial.distributions[n] is first.distributions[n] for n in DISTRIBUTIONS)
    ledger.release()


def test_trials_of_another_machine_keep_its_description(storage):
    for number, device in enumerate(({"kind": "cpu"}, {"kind": "gpu"})):
        ledger = opened(storage, surroundings=lambda device=device: {"device": device})
        ledger.claim(2)
        ledger.begin(number, [proposed(number)])
        ledger.finish(number, [result(number)])
        ledger.release()
    ledger = opened(storage)
    ledger.generations()
    kinds = [t.user_attrs["device"]["kind"] for t in ledger.stored.study.get_trials(False)]
    ledger.release()
    assert kinds == ["cpu", "gpu"]


def test_a_result_and_its_trial_hold_one_history(storage):
    ledger = opened(storage)
    ledger.claim(1)
    ledger.begin(0, [proposed(0)])
    one = result(0)
    ledger.finish(
        0, [dataclasses.replace(one, seed_history={n: [v] for n, v in one.history.items()})]
    )
    (generation,) = ledger.generations()
    (trial,) = ledger.stored.study.get_trials(deepcopy=False)
    (found,) = generation.results
    ledger.release()
    name = "validation_accuracy"
    assert found.history is trial.user_attrs["history"]
    assert found.seed_history[name][0] is found.history[name]
