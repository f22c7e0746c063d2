"""Which hyperparameters mattered."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from made_up import result

from jdend.report import importances
from jdend.report._importance import varying
from jdend.report._record import SearchRecord


def search(n, n_stopped=0, **more):
    """Trials whose accuracy follows from `lr` alone; the last of them were stopped."""
    rng = np.random.default_rng(0)
    found = []
    for i in range(n):
        lr = float(rng.uniform(0.001, 0.1))
        stopped = 1 if i >= n - n_stopped else None
        drawn = {"lr": lr, "n_neurons": int(rng.integers(4, 60)), **more}
        drawn["soma_enabled"] = bool(rng.integers(2))
        curve = [0.8 - lr] if stopped else [0.8 - lr, 0.9 - lr]
        found.append(result(0.9 - lr, curve=curve, stopped=stopped, **drawn))
    return found


def test_what_matters_comes_first_and_shares_add_up():
    found = importances(search(60))
    assert next(iter(found.shares)) == "lr"
    assert found.shares["lr"] > 0.8
    assert sum(found.shares.values()) == pytest.approx(1)
    assert (found.n_trials, found.epoch) == (60, None)


def test_what_does_not_vary_is_left_out():
    assert "schedule" not in importances(search(20, schedule="cosine")).shares


@pytest.mark.parametrize("n", [1, 7])
def test_of_few_trials_nothing_is_said(n):
    assert importances(search(n)).shares == {}


def test_where_rungs_left_few_all_are_compared_at_the_first():
    found = importances(search(40, n_stopped=30))
    assert (found.n_trials, found.epoch) == (40, 1)
    assert next(iter(found.shares)) == "lr"


def test_where_enough_ended_the_stopped_are_left_out():
    assert importances(search(60, n_stopped=20)).n_trials == 40


def test_failed_trials_are_left_out():
    failed = result(0.5, failed=0, lr=0.05, n_neurons=5, soma_enabled=True)
    assert importances([*search(20), failed]).n_trials == 20


def test_varying_keeps_the_order_drawn_and_tells_true_from_one():
    results = [result(b=1, a=True, c=0), result(b=2, a=1, c=0)]
    assert varying(results) == ["b", "a"]


def test_what_is_switched_off_has_no_importance():
    results = [
        result(0.5 + 0.02 * i, n_neurons=i, percentage_resample=0.01 * i, synaptic_resampling=False)
        for i in range(1, 13)
    ]
    record = SearchRecord(tuple(results))
    assert set(importances(record.results).shares) == {"n_neurons"}


def in_a_process_of_its_own(code):
    done = subprocess.run(
        [sys.executable, "-c", f"from test_importances import search, importances; {code}"],
        capture_output=True, text=True, cwd=Path(__file__).parent,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_they_do_not_wait_for_scikit_learn():
    code = "import sys; importances(search(20)); print('sklearn' in sys.modules)"
    assert in_a_process_of_its_own(code).split() == ["False"]


def test_they_leave_optunas_other_evaluators_as_they_are():
    pytest.importorskip("sklearn")
    code = "importances(search(20)); import optuna; optuna.importance.FanovaImportanceEvaluator()"
    in_a_process_of_its_own(code)
