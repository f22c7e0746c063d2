"""Outputs that nobody reads, that are full, or that are closed: nothing finished is lost."""

import json
import os
import subprocess
import sys

import pytest
from programs import kept_as_for_users

from jdend._output import NO_READER, NOT_PRINTED

SEARCH = "-m jdend.search --dataset digits --budget 900 --strategy random --trials 2 --epochs 1"
SEARCH += " --no-report"


def run(command, cwd, stdout):
    return subprocess.run(
        command,
        cwd=cwd, env=kept_as_for_users(), stdout=stdout, stderr=subprocess.PIPE, text=True,
        check=False,
    )  # fmt: skip


def shell(command, cwd):
    """Runs `PYTHON` words with redirections; its exit code and what reached standard error."""
    line = f'exec "{sys.executable}" {command}'
    ended = run(["sh", "-c", line], cwd, stdout=subprocess.PIPE)
    return ended.returncode, ended.stderr


def unread(command, cwd):
    """The same, of a command whose reader is gone before it prints."""
    reading, writing = os.pipe()
    os.close(reading)
    ended = run([sys.executable, *command.split()], cwd, stdout=writing)
    os.close(writing)
    return ended.returncode, ended.stderr


def status(folder):
    assert len(json.loads((folder / "results.json").read_text())) == 2
    return json.loads((folder / "run.json").read_text())["status"]


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """Where `run` is a search's folder and `run/best` its best network; `x.npy` has examples."""
    import numpy as np

    place = tmp_path_factory.mktemp("outputs")
    code, said = unread(f"{SEARCH} --quiet --out run --save-best", place)
    assert (code, said) == (NO_READER, "")
    np.save(place / "x.npy", np.zeros((2000, 8, 8), np.uint8))
    return place


def test_a_search_whose_table_nobody_reads_ends_quietly_and_whole(searched):
    assert status(searched / "run") == "complete"
    assert (searched / "run" / "best" / "config.json").exists()


@pytest.mark.parametrize(
    ("outputs", "code", "said"),
    [
        ("> /dev/full", NOT_PRINTED, "jdend.search: cannot print: No space left on device\n"),
        (">&- 2>&-", 0, ""),
        ("2> /dev/full", 0, ""),
    ],
)
def test_a_search_is_whole_wherever_it_prints(tmp_path, outputs, code, said):
    quiet = "--quiet" if said else ""  # the others have progress to say
    assert shell(f"{SEARCH} {quiet} --out run {outputs}", tmp_path) == (code, said)
    assert status(tmp_path / "run") == "complete"


COMMANDS = {
    "jdend.search": "-m jdend.search watch run --once",
    "jdend.predict": "-m jdend.predict run/best x.npy",
    "jdend.report": "-m jdend.report run --format md --no-training --out r.md",
    "jdend.exporting": "-m jdend.exporting run/best c n.c",
    "jdend.data": "-m jdend.data list",
    "jdend.kernels": "-m jdend.kernels",
}


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_leaves_a_trace(searched, name):
    assert unread(COMMANDS[name], searched) == (NO_READER, "")
    code, said = shell(f"{COMMANDS[name]} > /dev/full", searched)
    assert (code, said) == (NOT_PRINTED, f"{name}: cannot print: No space left on device\n")
    assert shell(f"{COMMANDS[name]} >&- 2>&-", searched)[0] == 0


def test_help_that_nobody_reads_leaves_no_trace(tmp_path):
    assert unread("-m jdend.search --help", tmp_path)[1] == ""


def test_a_message_that_cannot_be_said_leaves_the_exit_code(tmp_path):
    for outputs in ("2> /dev/full", "2>&-"):
        assert shell(f"-m jdend.report nothing {outputs}", tmp_path)[0] == 2
        assert shell(f"-m jdend.search --no-such-option {outputs}", tmp_path)[0] == 2


def test_a_closed_output_is_no_place_for_a_file(tmp_path):
    code = "import jdend._output as o, sys; o._open_what_is_closed(); f = open('f', 'w'); "
    code += "print('x', flush=True); sys.exit(f.fileno())"
    assert shell(f'-c "{code}" <&- >&- 2>&-', tmp_path)[0] == 3
    assert (tmp_path / "f").read_text() == ""
