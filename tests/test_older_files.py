"""Searches, results and models that the version before wrote are opened, read and gone on with."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

import jdend
from jdend.report.__main__ import main as report
from jdend.study import open_study, read_results

ROOT = Path(__file__).parents[1]
FIXTURES = Path(__file__).parent / "fixtures" / "version_0_1"
ARCHITECTURES = ("dendritic_simple", "soma_disabled", "dendritic_with_hidden", "mlp")


def read(path: Path):
    return json.loads(path.read_text(encoding="utf-8"))


def same(result, record: dict) -> bool:
    """Whether a result holds all that its record does; NaN is null there."""
    return all(_plain(getattr(result, name)) == value for name, value in record.items())


def _plain(value):
    return json.loads(json.dumps(_without_nan(value)))


def _without_nan(value):
    if isinstance(value, dict):
        return {name: _without_nan(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(inner) for inner in value]
    return None if isinstance(value, float) and np.isnan(value) else value


def without_time(records: list[dict]) -> list[dict]:
    return [{k: v for k, v in record.items() if k != "train_time"} for record in records]


@pytest.fixture
def copied(tmp_path):
    """The files where a test may write."""
    return shutil.copytree(FIXTURES, tmp_path / "files")


def test_results_are_those_of_the_file():
    for name in ("finished/results.json", "saved_results.json"):
        results, records = read_results(FIXTURES / name), read(FIXTURES / name)
        assert all(same(*pair) for pair in zip(results, records, strict=True))


def test_the_searcher_reads_saved_results():
    searcher = jdend.HyperparameterSearcher("digits", verbose=False)
    searcher.load_results(FIXTURES / "saved_results.json")
    best = max(read(FIXTURES / "saved_results.json"), key=lambda r: r["validation_accuracy"])
    assert searcher.get_best_results(1)[0].params == best["params"]


def test_a_finished_search_holds_its_results(copied):
    study = open_study(copied / "finished")
    results = [result for generation in study.generations() for result in generation.results]
    records = read(FIXTURES / "finished" / "results.json")
    assert all(same(*pair) for pair in zip(results, records, strict=True))


def test_the_report_shows_a_finished_search(copied):
    assert report([str(copied / "finished")]) == 0
    page = (copied / "finished" / "report.html").read_text(encoding="utf-8")
    best = max(r["validation_accuracy"] for r in read(FIXTURES / "finished" / "results.json"))
    assert f"{100 * best:.2f}" in page


def test_an_interrupted_search_ends_as_if_undisturbed(copied):
    command = shlex.split(read(FIXTURES / "interrupted" / "run.json")["command"])
    done = subprocess.run(
        [sys.executable, *command[1:], "--resume"],
        cwd=copied,
        env={**os.environ, "PYTHONPATH": str(ROOT), "XLA_FLAGS": ""},  # compiled as it was then
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    here = without_time(read(copied / "interrupted" / "results.json"))
    there = without_time(read(FIXTURES / "interrupted" / "expected.json"))
    if _as_when_made(read(copied / "interrupted" / "run.json")):
        assert here == there
        table = (FIXTURES / "interrupted" / "expected.txt").read_text(encoding="utf-8")
        assert done.stdout.startswith(table)
    else:  # sums are rounded otherwise, and later proposals follow from those sums
        assert len(here) == len(there)
        assert here[:4] == there[:4]  # finished before
        assert [r["params"] for r in here[4:8]] == [r["params"] for r in there[4:8]]  # begun before


def _as_when_made(run: dict) -> bool:
    """Whether this machine rounds as the one that made the files."""
    now, then = run["versions"], read(FIXTURES / "interrupted" / "run.json")["versions"]
    if any(now[name] != then[name] for name in ("jax", "jaxlib", "flax", "optax", "numpy")):
        return False
    try:
        return "avx512_vnni" in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False


@pytest.fixture(scope="module")
def outputs():
    with np.load(FIXTURES / "models" / "outputs.npz") as arrays:
        return dict(arrays)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_saved_model_has_the_outputs_it_had(architecture, outputs):
    model = jdend.load(FIXTURES / "models" / architecture)
    assert model.configuration.structure.architecture == architecture
    logits = model.logits(outputs["images"])
    np.testing.assert_allclose(logits, outputs[architecture], rtol=1e-5, atol=1e-5)


def test_the_best_network_of_a_search_is_opened(outputs):
    model = jdend.load(FIXTURES / "finished" / "best")
    assert model.predict(outputs["images"]).shape == (8,)


def test_an_exported_program_has_the_outputs_it_had(outputs):
    # JAX promises to read exports for half a year; this one may have to be made again some day.
    program = (FIXTURES / "models" / "dendritic_simple.stablehlo").read_bytes()
    logits = jax.export.deserialize(bytearray(program)).call(outputs["images"])
    np.testing.assert_allclose(logits, outputs["dendritic_simple"], rtol=1e-5, atol=1e-5)
