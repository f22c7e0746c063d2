"""`--teacher self`: a search finds its own teachers first, by a search for larger networks."""

import dataclasses
import json

import numpy as np
import pytest

import jdend
from jdend import HyperparameterSearcher
from jdend.data import from_arrays
from jdend.search.cli.main import main
from jdend.search.driver.time_limit import TimeLimit
from jdend.search.errors import BudgetError, SearchError
from jdend.search.executors import local
from jdend.study import StudyError, read_results, teachers_in

SPACE = {"n_neurons": 5, "n_dendrites": (2, 4), "n_dendrite_inputs": (10, 17)}
SMALL = {"max_params": 500, "min_param_ratio": 0.1, "n_epochs": 1, "batch_size": 128}
WORDS = (
    *("--dataset", "digits", "--budget", "500", "--min-ratio", "0.1", "--epochs", "1"),
    *("--batch-size", "128", "--strategy", "random", "--trials", "2", "--seeds", "1"),
    *("--teacher", "self", "--teacher-budget", "2000"),
)


def searcher(**settings):
    return HyperparameterSearcher("digits", **{**SMALL, "verbose": False, **settings})


def search(folder, *words):
    space = [f"{name} = {list(v) if isinstance(v, tuple) else v}" for name, v in SPACE.items()]
    (folder.parent / "space.toml").write_text("\n".join(space))
    own = ["--space", str(folder.parent / "space.toml"), "--out", str(folder)]
    return main([*WORDS, *own, *words])


def figures(folder):
    return [(r.params, r.seed_figures) for r in read_results(folder / "results.json")]


def weights(folder):
    return [(path / "model.safetensors").read_bytes() for path in teachers_in(folder)]


def config(folder):
    return json.loads((folder / "run.json").read_text())["config"]


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """The folder of a search, and what it has said."""
    folder = tmp_path_factory.mktemp("searched") / "out"
    with pytest.MonkeyPatch.context() as patched:
        said = []
        patched.setattr("jdend.search.progress.views.print", _printed(said), raising=False)
        assert search(folder) == 0
    return folder, "\n".join(said)


def _printed(said):
    return lambda *words, **_: said.append(" ".join(map(str, words)))


def test_the_teachers_are_saved_networks_within_their_budget(searched):
    folder, _ = searched
    teachers = [jdend.load(path) for path in teachers_in(folder)]
    assert [path.name for path in teachers_in(folder)] == ["1", "2", "3"]
    sizes = [found["total_params"] for found in config(folder)["teachers"]["networks"]]
    assert all(200 <= size <= 2000 for size in sizes)
    assert {model.origin["fingerprint"] for model in teachers} == {config(folder)["fingerprint"]}


def test_they_are_the_best_of_a_search_of_their_own(searched):
    folder, _ = searched
    assert len(read_results(folder / "teachers" / "results.json")) == 9
    best = jdend.study.rank(read_results(folder / "teachers" / "results.json"))[:3]
    found = config(folder)["teachers"]["networks"]
    assert [one["total_params"] for one in found] == [result.total_params for result in best]


def test_the_record_and_the_report_say_what_they_are(searched):
    folder, _ = searched
    found = config(folder)["teachers"]
    assert config(folder)["teacher"] == "self"
    assert found["max_params"] == 2000
    assert 0 < found["validation_accuracy"] <= 1
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "as the search trained it" in page
    assert "teacher 3" in page


def test_progress_says_that_it_is_of_teachers(searched):
    _, said = searched
    lines = said.splitlines()
    assert any(line.startswith("teachers: 9 of 9 trials in ") for line in lines)
    assert any(line.startswith("2 of 2 trials in ") for line in lines)
    assert any("teachers: number 3, of " in line for line in lines)


def test_the_same_search_finds_the_same(searched, tmp_path):
    assert search(tmp_path / "out", "--no-report", "--quiet") == 0
    assert figures(tmp_path / "out") == figures(searched[0])
    assert weights(tmp_path / "out") == weights(searched[0])


def test_networks_learn_of_them(searched):
    folder, _ = searched
    given = [str(path) for path in teachers_in(folder)]
    space = {**SPACE, "n_dendrites": 3, "n_dendrite_inputs": 15}
    of_files = searcher(teacher=given).random_search(space, 1)[0]
    itself = searcher(teacher="self", teacher_budget=2000).random_search(space, 1)[0]
    alone = searcher().random_search(space, 1)[0]
    assert itself.train_loss == of_files.train_loss
    assert itself.train_loss != alone.train_loss


def test_what_is_complete_trains_nothing_again(searched, instant_training, capsys):
    folder, _ = searched
    before = figures(folder), weights(folder)
    assert search(folder, "--resume", "--no-report", "--quiet") == 0
    assert instant_training == []
    assert (figures(folder), weights(folder)) == before


def test_an_interrupted_search_for_teachers_goes_on(searched, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "out"
    with monkeypatch.context() as patched:
        patched.setattr(local, "runs", _interrupted)
        assert search(folder, "--no-report") == 130
    assert f"to go on: --resume {folder}" in capsys.readouterr().err
    assert json.loads((folder / "run.json").read_text())["status"] == "interrupted"
    assert main(["--resume", str(folder)]) == 0
    assert "a new one starts" not in capsys.readouterr().err
    assert figures(folder) == figures(searched[0])


def test_finished_teachers_are_not_trained_again(searched, tmp_path, monkeypatch):
    folder, trained = tmp_path / "out", []
    train = HyperparameterSearcher.best_model

    def best_model(self, result=None, **options):
        if len(trained) == 2:
            raise KeyboardInterrupt
        trained.append(result)
        return train(self, result, **options)

    with monkeypatch.context() as patched:
        patched.setattr(HyperparameterSearcher, "best_model", best_model)
        assert search(folder, "--no-report", "--quiet") == 130
    assert len(teachers_in(folder)) == 2
    trained.clear()
    monkeypatch.setattr(HyperparameterSearcher, "best_model", best_model)
    assert main(["--resume", str(folder)]) == 0
    assert len(trained) == 1
    assert weights(folder) == weights(searched[0])


def _interrupted(*_, **__):
    raise KeyboardInterrupt


def test_teachers_of_another_budget_are_refused(searched, capsys):
    assert search(searched[0], "--resume", "--teacher-budget", "3000", "--quiet") == 2
    said = capsys.readouterr().err
    assert "max_params is 2000 there and 3000 here" in said
    assert said.count("\n") == 1


def test_other_teachers_are_refused(searched, tmp_path):
    folder, _ = searched
    with pytest.raises(StudyError, match=r"teacher is .* there and .* here"):
        searcher(teacher=str(folder / "teachers" / "1"), out=folder, resume=True).random_search(
            {name: list(v) if isinstance(v, tuple) else v for name, v in SPACE.items()}, 2
        )


@pytest.mark.parametrize("seconds", [None, 80.0])
def test_they_take_a_quarter_of_the_time(seconds, monkeypatch):
    """And without a limit nine networks."""
    begun = []

    def optimize(self, space, n_trials=50, *arguments, seconds=None, **options):
        begun.append((n_trials, seconds))
        raise KeyboardInterrupt

    own = HyperparameterSearcher.optimize
    both = searcher(teacher="self")
    monkeypatch.setattr(HyperparameterSearcher, "optimize", optimize)
    with pytest.raises(KeyboardInterrupt):
        own(both, SPACE, 2, "random", seconds=seconds)
    ((n_trials, limit),) = begun
    assert n_trials == (9 if seconds is None else None)
    assert (limit is None) == (seconds is None)
    if seconds is not None:
        assert isinstance(limit, TimeLimit)
        assert limit.seconds == 20


def test_a_dry_run_shows_both_searches_and_trains_nothing(capsys, tmp_path, instant_training):
    assert search(tmp_path / "out", "--dry-run") == 0
    shown = capsys.readouterr()
    assert shown.err.count("teachers: ") >= 2
    assert shown.out.count("trials  seeds     params") == 2
    assert shown.out.startswith("first, for teachers:")
    assert instant_training == []
    assert not (tmp_path / "out").exists()


def test_a_budget_that_no_teacher_fits_is_told_in_a_line():
    x = np.linspace(0, 1, 300, dtype=np.float32).reshape(100, 3)
    data = from_arrays(x, (x[:, 0] > 0.5).astype(int), x, (x[:, 0] > 0.5).astype(int), name="few")
    settings = {"max_params": 20, "min_param_ratio": 1.0, "teacher": "self", "teacher_budget": 23}
    few = HyperparameterSearcher(data, **settings, verbose=False)
    with pytest.raises(SearchError, match=r"teachers: no .* 23 .*; or give another teacher_budget"):
        few.grid_search({"architecture": "mlp", "hidden_dim": 3})


def test_a_search_without_teachers_leaves_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    rows = [f"{','.join(f'{x:.3f}' for x in rng.random(3))},{'uv'[i % 2]}" for i in range(60)]
    (tmp_path / "few.csv").write_text("\n".join(["a,b,c,y", *rows]))
    (tmp_path / "mlp.toml").write_text('architecture = "mlp"\nhidden_dim = 3\n')
    words = "--dataset few.csv --space mlp.toml --strategy grid --budget 20 --min-ratio 1 --quiet"
    assert main([*words.split(), *WORDS[-4:-1], "23", "--out", "out"]) == 2
    assert "or give another teacher_budget" in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == {"few.csv", "mlp.toml"}


def test_a_space_that_does_not_fit_is_told_before_any_teacher_trains(instant_training):
    with pytest.raises(BudgetError, match="no network in this space fits"):
        searcher(teacher="self").optimize({**SPACE, "n_dendrites": 50}, 2, "random")
    assert instant_training == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"teacher": "self", "folds": 3}, "folds and a teacher do not go together"),
        ({"teacher": "self", "validation_fraction": 0}, "no examples are held out: give a"),
        ({"teacher": ["self", "a.npz"]}, "'self' goes with no other teacher"),
        ({"teacher": "self", "teacher_budget": 500}, "give a whole number above 500"),
        ({"teacher": "self", "teacher_budget": 1e4}, "give a whole number above 500"),
        ({"teacher_budget": 5000}, "teacher_budget goes with teacher 'self' alone"),
    ],
)
def test_what_cannot_be_is_refused_at_once(settings, said):
    with pytest.raises(SearchError, match=said):
        searcher(**settings)


@pytest.mark.parametrize("task", ["regression", "multilabel"])
def test_teachers_are_for_classes(task):
    x = np.linspace(0, 1, 60, dtype=np.float32).reshape(20, 3)
    y = x[:, 0] if task == "regression" else (x > 0.4).astype(int)
    data = from_arrays(x, y, x, y, name="numbers", task=task)
    with pytest.raises(SearchError, match=f"teacher=self is for classes, and this is {task}"):
        HyperparameterSearcher(data, teacher="self")


def test_all_scenarios_have_no_teachers_in_common(capsys, tmp_path):
    words = ["--scenario", "all", "--teacher", "self", "--out", str(tmp_path / "out")]
    assert main(words) == 2
    assert "--teacher self teaches one search" in capsys.readouterr().err


def test_a_moved_folder_keeps_its_teachers_and_one_without_them_says_so(searched, tmp_path):
    from jdend.report import portrait_of, read_record

    record = read_record(searched[0])
    (tmp_path / "empty").mkdir()
    with pytest.raises(StudyError, match="its teachers, which lie in the folder"):
        portrait_of(dataclasses.replace(record, folder=tmp_path / "empty"))
    moved = searched[0].rename(tmp_path / "moved")
    try:
        assert portrait_of(read_record(moved)).model.figures
    finally:
        moved.rename(searched[0])
