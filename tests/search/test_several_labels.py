"""Multilabel from a table to predictions: search, ranking, report, saved network, exports."""

import json
import shutil
import subprocess

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import metrics as sklearn

import jdend
from jdend import HyperparameterSearcher
from jdend.data import DataError, from_arrays, from_csv, read_table, split
from jdend.predict import main as predict
from jdend.report import portrait_of, read_record, write_report
from jdend.search import SearchError
from jdend.search.cli.main import main as search
from jdend.study import rank, read_results

ARGUMENTS = ("--target", "wet,warm,calm", "--task", "multilabel", "--budget", "200")
ARGUMENTS += ("--trials", "4", "--epochs", "4", "--seeds", "2", "--pruner", "halving")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Days, of which any number of three labels follow from numbers (with holes) and a word."""
    rng = np.random.default_rng(0)
    lines = ["cloud,wet,heat,warm,coast,calm"]
    for i in range(240):
        cloud, heat, coast = rng.random(), rng.normal(15, 8), rng.choice(["north", "south"])
        wet, warm = int(cloud > 0.6), ["no", "yes"][heat > 18]
        calm = int(coast == "south" and cloud < 0.5)
        measured = "" if i % 17 == 0 else f"{heat:.1f}"
        lines.append(f"{cloud:.3f},{wet},{measured},{warm},{coast},{calm}")
    path = tmp_path_factory.mktemp("days") / "days.csv"
    path.write_text("\n".join(lines))
    return path


@pytest.fixture(scope="module")
def out(table):
    out = table.parent / "out"
    assert search(["--dataset", str(table), *ARGUMENTS, "--out", str(out), "--save-best"]) == 0
    return out


@pytest.fixture(scope="module")
def labels(table):
    return from_csv(table, target="wet,warm,calm", task="multilabel").train_labels


def test_networks_are_ranked_by_examples_with_all_labels_right(out):
    best, *_ = rank(read_results(out / "results.json"))
    assert best.metric == "accuracy"
    assert best.n_networks == 2
    config = json.loads((out / "run.json").read_text())["config"]
    assert config["task"] == "multilabel"
    assert config["target"] == "wet,warm,calm"
    assert "label_smoothing" in config["space"]


def test_the_baseline_is_what_is_more_frequent_of_each_label(out, table):
    parts = split(from_csv(table, target="wet,warm,calm", task="multilabel"))
    majority = parts.train_y.mean(axis=0) > 0.5
    config = json.loads((out / "run.json").read_text())["config"]
    share = (parts.validation_y == majority).all(axis=1).mean()
    assert config["majority_accuracy"] == pytest.approx(share, abs=1e-4)


def test_a_search_that_was_complete_goes_on_as_it_was(out, tmp_path, capsys):
    copy = shutil.copytree(out, tmp_path / "copy")
    before = json.loads((copy / "results.json").read_text())
    assert search(["--resume", str(copy), "--no-report"]) == 0
    assert json.loads((copy / "results.json").read_text()) == before
    said = capsys.readouterr().out
    assert "right if all of its labels are" in said
    assert "always each label's majority" in said


def test_the_report_tells_of_each_label(out):
    page = (out / "report.html").read_text()
    assert "have all of their labels right" in page
    assert "confusion" not in page.split("</style>")[1].lower()
    assert "Accuracy in per cent" in page


def test_figures_of_labels_in_a_report_are_those_of_scikit_learn(out, tmp_path):
    record = read_record(out)
    portrait = portrait_of(record)
    path = write_report(record, tmp_path / "r.md", form="md", portrait=portrait)
    true, probabilities = np.moveaxis(portrait.predictions, -1, 0)
    said = probabilities > 0.5
    best = rank(record.results)[0]
    of_seed = best.seed_figures["test_accuracy"][best.seeds.index(portrait.seed)]
    assert (said == true).all(axis=1).mean() == pytest.approx(of_seed, abs=0.03)
    rows = [line for line in path.read_text().splitlines() if line.startswith("| wet ")]
    cells = [cell.strip() for cell in rows[0].split("|")[2:6]]
    figures = [
        f"{100 * measure(true[:, 0], said[:, 0]):.2f} %"
        for measure in (sklearn.precision_score, sklearn.recall_score, sklearn.f1_score)
    ]
    assert cells == [str(int(true[:, 0].sum())), *figures]


def test_a_picture_is_a_report_too(out, tmp_path):
    record = read_record(out)
    path = write_report(record, tmp_path / "r.png", form="png", portrait=portrait_of(record))
    assert path.stat().st_size > 1000


def test_a_saved_network_says_whether_each_label_applies(out, table, labels, capsys):
    assert predict([str(out / "best"), str(table), "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0].keys() == {"row", "labels", "probabilities"}
    said = np.array([[line["labels"][name] for name in ("wet", "warm", "calm")] for line in lines])
    assert (said == labels).mean() > 0.75
    for line in lines:
        for name, p in line["probabilities"].items():
            assert line["labels"][name] == (p > 0.5)


def test_in_words_it_says_them_in_a_line_a_row(out, table, capsys):
    assert predict([str(out / "best"), str(table)]) == 0
    model = jdend.load(out / "best")
    (p, *_), (says, *_) = model.probabilities(read_table(table)), model.predict(read_table(table))
    each = zip(("wet", "warm", "calm"), says, p, strict=True)
    expected = "  ".join(f"{name} {yes} {share:.4f}" for name, yes, share in each)
    first, *others = capsys.readouterr().out.splitlines()
    assert first == f"{table}[0]  {expected}"
    assert len(others) == 239


def test_the_page_of_a_saved_network_says_what_it_predicts(out):
    card = (out / "best/README.md").read_text()
    assert "says which of 3 labels apply: wet, warm, calm" in card
    assert "| warm | a label |" in card


def test_the_c_file_has_a_logit_a_label_and_checks_itself(out, tmp_path):
    path = jdend.export(out / "best", "c", tmp_path / "n.c").path
    assert "above 0 of labels that apply:" in path.read_text()
    strict = ["cc", "-std=c99", "-Wall", "-Wextra", "-Werror", path, "-o", tmp_path / "n"]
    subprocess.run([*strict, "-DJDEND_CHECK"], check=True)
    assert subprocess.run([tmp_path / "n"], check=False).returncode == 0


def test_the_c_function_returns_how_many_labels_apply(out, table, tmp_path):
    model = jdend.load(out / "best")
    jdend.export(out / "best", "c", tmp_path / "n.c")
    x = model.examples(read_table(table))[:40]
    rows = "".join(",".join(f"{value:.9g}" for value in row) + "," for row in x.tolist())
    (tmp_path / "main.c").write_text(
        f'#include <stdio.h>\n#include "n.c"\nstatic const float x[] = {{{rows}}};\n'
        f"int main(void) {{ float logits[3]; for (int i = 0; i < {len(x)}; i++)"
        f' printf("%d\\n", jdend_predict(x + {x.shape[1]} * i, logits)); return 0; }}\n'
    )
    subprocess.run(["cc", "-std=c99", tmp_path / "main.c", "-o", tmp_path / "main"], check=True)
    done = subprocess.run([tmp_path / "main"], check=True, capture_output=True, text=True)
    assert [int(line) for line in done.stdout.split()] == model.predict(x).sum(axis=1).tolist()


def test_the_portable_program_has_a_logit_a_label(out, table):
    from jdend.exporting._stablehlo import portable

    model = jdend.load(out / "best")
    x = model.examples(read_table(table))[:7]
    logits = jax.jit(portable(model))(jnp.asarray(x))
    np.testing.assert_allclose(logits, model.logits(x), atol=1e-4)


def test_a_plan_is_shown_without_training(table, capsys):
    assert search(["--dataset", str(table), *ARGUMENTS, "--dry-run"]) == 0
    assert "s of training" in capsys.readouterr().out


@pytest.fixture(scope="module")
def cube():
    """Four examples a corner; of each of three labels whether that coordinate is positive."""
    x = np.random.default_rng(0).normal(size=(120, 4)).astype(np.float32)
    return from_arrays(x, x[:, :3] > 0, task="multilabel", name="cube")


SETTINGS = {"max_params": 120, "min_param_ratio": 0.1, "batch_size": 16, "verbose": False}
MLP = {"architecture": "mlp", "hidden_dim": 4, "n_epochs": 8, "lr": 0.05}


def test_arrays_and_folds_and_another_metric(cube):
    searcher = HyperparameterSearcher(cube, folds=3, metric="f1_micro", **SETTINGS)
    result = searcher.train_and_evaluate(MLP)
    assert result.n_networks == 3
    assert 0.7 < result.measured("validation")[0] <= 1
    assert result.validation_accuracy <= result.measured("validation")[0]
    assert searcher.y_train.shape == (96, 3)


def test_halving_stops_by_a_metric_of_which_less_is_better(cube):
    searcher = HyperparameterSearcher(cube, metric="hamming_loss", **SETTINGS)
    space = {**MLP, "lr": [1e-5, 1e-4, 1e-3, 0.05]}
    results = searcher.optimize(space, None, "grid", pruner="halving")
    assert [r.stopped_epoch is None for r in results][-1]
    assert sum(r.stopped_epoch is not None for r in results) >= 2
    assert searcher.get_best_results(1)[0].params["lr"] == 0.05


def test_label_smoothing_goes_with_labels(cube):
    searcher = HyperparameterSearcher(cube, **SETTINGS)
    plain, smoothed = (
        searcher.train_and_evaluate({**MLP, "label_smoothing": share}) for share in (0.0, 0.3)
    )
    assert plain.train_loss < smoothed.train_loss


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"metric": "balanced_accuracy"}, "unknown metric 'balanced_accuracy' for multilabel"),
        ({"loss": "cross_entropy"}, "unknown loss 'cross_entropy' for multilabel"),
        ({"class_weights": "balanced"}, "class_weights=balanced is for classes"),
        ({"teacher": "best"}, "teacher=best is for classes, and this is multilabel"),
        ({"task": "classification"}, "cube is for multilabel"),
    ],
)
def test_what_is_for_classes_is_refused(cube, settings, said):
    with pytest.raises((SearchError, DataError), match=said):
        HyperparameterSearcher(cube, **SETTINGS, **settings)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (("--task", "multilable"), "unknown task 'multilable'; did you mean 'multilabel'?"),
        (("--task", "multilabel"), "task='multilabel' needs data of yours"),
        (("--metric", "hamming_loss"), "unknown metric 'hamming_loss' for classification"),
    ],
)
def test_the_command_line_says_so_in_one_line(settings, said, capsys):
    assert search(["--dataset", "digits", "--budget", "1000", "--dry-run", *settings]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
