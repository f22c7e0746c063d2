"""`python -m jdend.search`, as a process of its own."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jdend.study import read_results

ROOT = Path(__file__).parents[3]
SMALL = ("--dataset", "digits", "--budget", "900", "--batch-size", "64", "--no-compile-cache")


def command(*arguments):
    return [sys.executable, "-m", "jdend.search", *map(str, arguments)]


def run(*arguments, **options):
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, check=False, cwd=ROOT, **options
    )


def shown_files(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def test_help_teaches_and_is_instant():
    seconds = []
    for _ in range(3):
        begun = time.perf_counter()
        ended = run("--help")
        seconds.append(time.perf_counter() - begun)
    assert ended.returncode == 0
    assert "python -m jdend.search --budget 8000" in ended.stdout
    assert min(seconds) < 0.3
    assert all(len(line) <= 80 for line in ended.stdout.splitlines())


def test_help_imports_nothing_heavy():
    code = (
        "import sys, jdend.search.cli.main as cli\n"
        "try: cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "print([m for m in ('jax', 'flax', 'numpy', 'optuna', 'rich') if m in sys.modules])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert ended.stdout.splitlines()[-1] == "[]"


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory):
    """The same search twice, in two processes."""
    folders = [tmp_path_factory.mktemp("runs") / "out" for _ in range(2)]
    ended = [
        run(*SMALL, "--trials", 3, "--epochs", 2, "--seeds", 2, "--out", folder)
        for folder in folders
    ]
    return folders, ended


def test_a_search_ends_with_a_table(two_runs):
    _, (ended, _) = two_runs
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert lines[0].split()[:4] == ["#", "valid.", "test", "params"]
    assert [line.split()[0] for line in lines[1:4]] == ["1", "2", "3"]
    assert all(len(line) <= 80 for line in lines)


def test_progress_goes_to_standard_error(two_runs):
    _, (ended, _) = two_runs
    assert "3 of 3 trials" in ended.stderr
    assert "best validation" in ended.stderr


def test_the_folder_holds_results_and_record(two_runs):
    (folder, _), _ = two_runs
    files = ["report.html", "results.json", "run.json", "study.journal"]
    assert shown_files(folder) == files
    results = read_results(folder / "results.json")
    assert len(results) == 3
    assert all(720 <= result.total_params <= 900 for result in results)
    record = json.loads((folder / "run.json").read_text())
    assert record["command"].startswith("python -m jdend.search --dataset digits --budget 900")
    assert record["status"] == "complete"
    assert record["trials"] == 3
    assert 1 <= record["compilations"] <= record["programs_total"]
    assert 0 < record["compile_seconds"] <= record["wall_seconds"] * 2  # some in the background
    assert record["device"]["platform"]
    assert record["config"]["seeds"] == [0, 1]


def test_the_same_command_gives_the_same_numbers_bit_for_bit(two_runs):
    folders, ended = two_runs
    first, second = (json.loads((f / "results.json").read_text()) for f in folders)
    for record in (*first, *second):
        del record["train_time"]
    assert first == second
    assert ended[0].stdout == ended[1].stdout


def test_a_dry_run_trains_and_writes_nothing(tmp_path):
    ended = run(*SMALL, "--trials", 3, "--dry-run", "--out", tmp_path / "out")
    assert ended.returncode == 0, ended.stderr
    assert "3 trials in" in ended.stdout
    assert "params" in ended.stdout
    assert "memory" in ended.stdout
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_keeps_what_is_finished(tmp_path):
    """The first population is short; the second goes on long after the line that says so."""
    space = tmp_path / "space.toml"
    space.write_text(
        "n_neurons = 6\nn_dendrites = 4\nn_dendrite_inputs = 24\nbatch_size = [1000, 4]\n"
    )
    out = tmp_path / "out"
    process = subprocess.Popen(
        command(*SMALL, "--space", space, "--strategy", "grid", "--buckets", "exact",
                "--min-ratio", 0, "--epochs", 1500, "--out", out),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if "1 of 2 trials finished" in line:
            break
    process.send_signal(signal.SIGINT)
    begun = time.monotonic()
    shown, rest = process.communicate(timeout=30)
    assert time.monotonic() - begun < 10
    assert process.returncode == 130
    assert "Traceback" not in rest
    assert "interrupted; 1 trial is finished" in rest
    assert shown.splitlines()[1].startswith("1  ")
    finished = [r for r in read_results(out / "results.json") if not r.cut_off]
    assert len(finished) == 1
    assert json.loads((out / "run.json").read_text())["status"] == "interrupted"
    assert shown_files(out) == ["populations", "results.json", "run.json", "study.journal"]


def test_ctrl_c_before_anything_is_begun_leaves_nothing(tmp_path):
    process = subprocess.Popen(
        command(*SMALL, "--epochs", 10**6, "--trials", 2, "--out", tmp_path / "out"),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    assert process.stderr is not None
    assert "fit" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    shown, rest = process.communicate(timeout=30)
    assert process.returncode == 130
    assert shown == ""
    assert "Traceback" not in rest
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_while_garbage_is_collected_is_not_lost():
    """Python drops what a callback of its collector raises; JAX has such a callback."""
    program = """
import gc, os, signal, sys, time
from jdend.search import __main__ as entry

def collecting(phase, info):
    gc.callbacks.clear()
    os.kill(os.getpid(), signal.SIGINT)

def search():
    gc.callbacks[:] = [collecting]
    gc.collect()
    for _ in range(200):
        time.sleep(0.05)

entry.cli.main = search
try:
    entry.main()
except KeyboardInterrupt:
    print("interrupted")
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("interrupted\n", "")
