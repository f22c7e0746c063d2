"""The notebooks run, at a small size."""

import importlib.util
import json
import re
import subprocess

import pytest
from cells import NOTEBOOKS, ROOT, code, run

SMALL = {"DATASET": "digits", "BUDGET": 1500, "BATCH_SIZE": 64}


def test_a_search_from_installing_to_the_network_that_is_kept(tmp_path):
    small = {**SMALL, "TRIALS": 9, "EPOCHS": 3, "SEEDS": 2, "GENERATION": 9}
    said = run(ROOT / "notebooks" / "colab_tpu.ipynb", tmp_path, **small)
    assert "<iframe" in said
    assert "5 fresh seeds" in said
    assert (tmp_path / "run" / "best" / "model.safetensors").exists()
    assert (tmp_path / "jdend-run.zip").exists()


def test_research(tmp_path):
    said = run(ROOT / "notebooks" / "research.ipynb", tmp_path, **SMALL, EPOCHS=2, TRIALS=2)
    assert "epoch 2: validation accuracy" in said
    assert (tmp_path / "best" / "model.safetensors").exists()


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
def test_it_is_kept_without_outputs_and_has_a_badge(notebook):
    record = json.loads(notebook.read_text(encoding="utf-8"))
    assert (record["nbformat"], len({cell["id"] for cell in record["cells"]})) == (
        4,
        len(record["cells"]),
    )
    for cell in record["cells"]:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
    assert f"/blob/main/notebooks/{notebook.name})" in "".join(record["cells"][0]["source"])


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
def test_installing_keeps_the_jax_that_is_there(notebook, tmp_path, monkeypatch):
    (source,) = (source for source, tags in code(notebook) if "install" in tags)
    calls = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(subprocess, "check_call", calls.append)
    exec(source, {})
    assert not calls  # jdend is there
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    exec(source, {})
    (command,) = calls
    assert command[-3:-1] == ["--constraint", "kept.txt"]
    kept = (tmp_path / "kept.txt").read_text().split()
    assert {line.partition("==")[0] for line in kept} >= {"jax", "jaxlib"}
    assert all(re.fullmatch(r"[\w.-]+==[\w.+]+", line) for line in kept)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
def test_it_installs_what_it_was_opened_with(notebook, tmp_path, monkeypatch):
    (install,) = (source for source, tags in code(notebook) if "install" in tags)
    names = {}
    exec(install, names)
    inside = tmp_path / "notebooks"
    inside.mkdir()
    monkeypatch.chdir(inside)
    assert names["source"]() == f"jdend[report] @ git+{names['ADDRESS']}"
    wheel = tmp_path / "jdend-0.1.0-py3-none-any.whl"
    wheel.touch()
    assert names["source"]() == f"{wheel}[report]"
    wheel.unlink()
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "jdend"\n')
    assert names["source"]() == f"{tmp_path}[report]"


def test_the_badge_of_the_readme_opens_the_search():
    badge = "/blob/main/notebooks/colab_tpu.ipynb)"
    assert badge in (ROOT / "README.md").read_text(encoding="utf-8")
