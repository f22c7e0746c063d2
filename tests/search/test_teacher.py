"""Searches whose networks learn of a teacher: a file of logits, or a saved network."""

import json

import numpy as np
import pytest

import jdend
from jdend import HyperparameterSearcher
from jdend.data import load, split
from jdend.report.__main__ import main as report
from jdend.search.cli.main import main
from jdend.search.errors import SearchError

SPACE = {"n_neurons": 5, "n_dendrites": 3, "n_dendrite_inputs": 17}
PARTS = split(load("digits"), validation_fraction=0.1)


def searcher(**settings):
    small = {"max_params": 1000, "min_param_ratio": 0.0, "n_epochs": 1, "batch_size": 64}
    return HyperparameterSearcher("digits", **small, verbose=False, compile_cache=False, **settings)


def search(*words, out):
    space = [f"{name} = {value}" for name, value in SPACE.items()]
    (out.parent / "space.toml").write_text("\n".join(space))
    arguments = ["--dataset", "digits", "--space", f"{out.parent / 'space.toml'}"]
    arguments += ["--strategy", "random", "--trials", "1", "--seeds", "1", "--epochs", "1"]
    arguments += ["--min-ratio", "0", "--budget", "1000", "--quiet", "--no-report"]
    return main([*arguments, "--out", str(out), *words])


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("teacher") / "logits.npz"
    np.savez(path, logits=10 * np.eye(10, dtype=np.float32)[PARTS.train_y])
    return path


def test_a_search_with_a_teacher_learns_of_it(file):
    alone = searcher().random_search(SPACE, 1)[0]
    taught = searcher(teacher=file).random_search(SPACE, 1)[0]
    off = searcher(teacher=file).random_search({**SPACE, "distillation_weight": 0.0}, 1)[0]
    assert taught.train_loss != alone.train_loss
    assert off.train_loss == alone.train_loss


def test_the_best_network_of_a_search_teaches_the_next(tmp_path):
    first = searcher()
    first.random_search(SPACE, 1)
    folder = jdend.save(first.best_model(), tmp_path / "best")
    by_folder = searcher(teacher=[folder]).random_search(SPACE, 1)[0]
    itself = searcher(teacher=first.best_model()).random_search(SPACE, 1)[0]
    assert by_folder.train_loss == itself.train_loss


def test_a_weight_without_a_teacher_is_refused():
    with pytest.raises(SearchError, match="distillation_weight above 0 needs a teacher"):
        searcher().random_search({**SPACE, "distillation_weight": 0.5}, 1)


def test_a_teacher_that_is_not_there_is_refused_at_once():
    with pytest.raises(SearchError, match=r"the teacher nowhere\.npz does not exist"):
        searcher(teacher="nowhere.npz")


def test_a_teacher_of_other_examples_is_refused(file):
    with pytest.raises(SearchError, match="one row a training example"):
        searcher(teacher=file, validation_fraction=0.3).random_search(SPACE, 1)


def test_the_command_line_takes_several(file, tmp_path):
    assert search("--teacher", f"{file},{file}", out=tmp_path / "run") == 0
    config = json.loads((tmp_path / "run" / "run.json").read_text())["config"]
    assert config["teacher"] == [str(file), str(file)]


def test_a_search_goes_on_with_the_same_teacher_alone(file, tmp_path, capsys):
    out, other = tmp_path / "run", tmp_path / "other.npz"
    np.savez(other, logits=np.eye(10, dtype=np.float32)[PARTS.train_y])
    assert search("--teacher", str(file), out=out) == 0
    assert search("--resume", out=out) == 0  # run.json names it
    assert search("--teacher", str(file), "--resume", out=out) == 0
    assert search("--teacher", str(other), "--resume", out=out) == 2
    assert "teacher" in capsys.readouterr().err


def test_the_report_trains_the_best_network_again_as_it_was_taught(file, tmp_path):
    out = tmp_path / "run"
    search("--teacher", str(file), out=out)
    assert report([str(out)]) == 0
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "trained again for this report" in page
    assert "where the search had" not in page
