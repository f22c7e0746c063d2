"""The forms of a report, and `python -m jdend.report`."""

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from made_up import result
from PIL import Image

from jdend.report import SearchRecord, make_report, report_after_search, write_report
from jdend.report.__main__ import main

SECTIONS = (
    "Best networks",
    "Accuracy against parameters",
    "Learning curves",
    "What mattered",
    "Stopped early",
    "The best network",
    "Receptive fields",
    "Resampling",
    "To repeat it",
)


@pytest.fixture
def copy(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy")


def test_the_page_has_all_sections_in_order(report):
    text = report.read_text()
    places = [text.index(f"<h2>{name}</h2>") for name in SECTIONS]
    assert places == sorted(places)


def test_the_page_has_the_command_and_the_figures_of_the_best(report, folder):
    text = report.read_text()
    records = json.loads((folder / "results.json").read_text())
    ended = [record for record in records if record["stopped_epoch"] is None]
    best = max(ended, key=lambda record: record["validation_accuracy"])
    run = json.loads((folder / "run.json").read_text())
    assert f"{100 * best['validation_accuracy']:.2f}" in text
    assert f"{100 * best['test_accuracy_std']:.2f}" in text
    assert "per 1,000" not in text
    assert run["command"].split()[0] in text


def test_markdown_has_every_section_and_its_pictures_beside_it(copy):
    path = make_report(copy, form="md")
    text = path.read_text()
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == list(SECTIONS)
    named = re.findall(r"^!\[.*\]\((.*)\)$", text, re.MULTILINE)
    assert len(named) == 9
    for name in named:
        with Image.open(copy / name) as picture:
            assert picture.width > 300
    kept = [f"report_files/{path.name}" for path in (copy / "report_files").iterdir()]
    assert sorted(kept) == sorted(named)


def test_one_picture_has_them_all(copy):
    with Image.open(make_report(copy, form="png")) as picture:
        assert picture.width < picture.height / 3


def test_without_training_only_what_needs_it_is_missing(copy, capsys):
    assert main([str(copy), "--no-training", "--out", str(copy / "short.html")]) == 0
    assert capsys.readouterr().out == f"{copy / 'short.html'}\n"
    text = (copy / "short.html").read_text()
    assert "Learning curves" in text
    assert "Receptive fields" not in text
    assert "asked for without training" in text


EVIL = ("<script>alert", "title><b>", "</script><i>")


@pytest.fixture
def evil(copy):
    """A search whose command, data, class names and parameters hold HTML and Markdown."""
    run = json.loads((copy / "run.json").read_text())
    run["command"] = "python -m jdend.search --out '</pre>\n```\n<script>alert(1)</script>'"
    run["config"]["dataset"] = "</title><b>x [y](javascript:z).csv"
    (copy / "run.json").write_text(json.dumps(run))
    records = json.loads((copy / "results.json").read_text())
    for number, record in enumerate(records):
        record["params"]["<script>alert"] = f"</script><i>{number % 2}"
    (copy / "results.json").write_text(json.dumps(records))
    return copy


def test_text_from_data_and_commands_is_escaped(evil):
    text = make_report(evil).read_text()
    assert not [word for word in EVIL if word in text]
    assert "&lt;script&gt;alert" in text


def test_it_is_in_markdown_too(evil):
    text = make_report(evil, form="md").read_text()
    before, command, after = text.split("````")
    assert "<script>" in command  # in a fence, where nothing is read as HTML
    assert not [word for word in EVIL if word in before + after]
    assert text.startswith("# title\\>\\<b\\>x \\[y\\](javascript:z)")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["nowhere"], "nowhere does not exist"),
        (["{folder}", "--format", "pdf"], "unknown format 'pdf': give html, md, png"),
        (["{folder}", "--out", "{folder}/run.json/x.html"], "cannot write"),
        (["mine", "--storage", "sqlite:///nowhere/x.db"], "cannot use storage"),
    ],
)
def test_what_goes_wrong_is_one_line(folder, capsys, options, said):
    assert main([option.format(folder=folder) for option in [*options, "--no-training"]]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_without_plotly_a_line_says_what_to_install(folder, capsys, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert main([str(folder)]) == 2
    assert "pip install 'jdend[report]'" in capsys.readouterr().err
    said = []
    report_after_search(folder, said.append)
    assert said == ["no report: it needs Plotly, pip install 'jdend[report]'"]


@pytest.mark.parametrize("raised", [KeyboardInterrupt(), ValueError("odd\nlines")])
def test_whatever_stops_a_report_after_a_search_is_a_line(folder, monkeypatch, raised):
    def fails(where):
        raise raised

    monkeypatch.setattr("jdend.report._make.make_report", fails)
    said = []
    report_after_search(folder, said.append)
    assert said[-1].startswith("no report: ")
    assert f"python -m jdend.report {folder}" in said[-1]
    assert "\n" not in said[-1]


def test_a_search_writes_its_report_unless_told_not_to(tmp_path):
    search = ["--dataset", "digits", "--budget", "600", "--trials", "2", "--epochs", "1",
              "--batch-size", "256", "--seeds", "1", "--quiet", "--out"]  # fmt: skip
    from jdend.search.cli.main import main as search_main

    assert search_main([*search, str(tmp_path / "a")]) == 0
    assert search_main([*search, str(tmp_path / "b"), "--no-report"]) == 0
    assert (tmp_path / "a" / "report.html").exists()
    assert not (tmp_path / "b" / "report.html").exists()


def test_a_report_of_thousands_of_trials_is_small(tmp_path):
    names = ("lr", "n_neurons", "n_dendrites", "n_dendrite_inputs", "field_std", "weight_decay")
    results = tuple(
        result(0.8 + i / 1e5, curve=[0.8] * 15, params=6000 + i, **dict.fromkeys(names, i / 7))
        for i in range(2000)
    )
    path = write_report(SearchRecord(results), tmp_path / "large.html", why_none="made up")
    assert path.stat().st_size < 3_500_000


def test_the_help_waits_for_nothing_heavy():
    code = "import sys, jdend.report.__main__ as m; m.command_parser(); print(sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        cwd=Path(__file__).parents[2],
    ).stdout  # fmt: skip
    for package in ("jax", "plotly", "optuna", "matplotlib", "numpy"):
        assert f"'{package}'" not in loaded
