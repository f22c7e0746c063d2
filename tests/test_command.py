"""The command `jdend`, and what completes it."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from jdend import __main__ as command
from jdend import __version__

ROOT = Path(__file__).parents[1]
PROGRAMS = [name for name in command.COMMANDS if name != "completion"]


@pytest.fixture(autouse=True)
def _words(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["jdend"])


@pytest.mark.parametrize("words", [[], ["--help"], ["help"]])
def test_it_says_what_there_is(words, capsys):
    assert command.main(words) == 0
    said = capsys.readouterr().out
    assert all(f"  {name} " in said for name in command.COMMANDS)


@pytest.mark.parametrize("name", PROGRAMS)
def test_each_command_tells_of_itself_by_its_own_name(name, capsys):
    with pytest.raises(SystemExit) as ended:
        command.main([name, "--help"])
    said = capsys.readouterr().out
    assert ended.value.code == 0
    assert said.startswith(f"usage: jdend {name} ")
    assert "python -m" not in said


def test_as_a_module_each_tells_of_itself_as_one(capsys):
    from jdend.predict import main

    with pytest.raises(SystemExit):
        main(["--help"])
    assert capsys.readouterr().out.startswith("usage: python -m jdend.predict ")


def test_the_version_is_that_of_the_package(capsys):
    assert command.main(["--version"]) == 0
    assert capsys.readouterr().out == f"jdend {__version__}\n"


def test_an_unknown_command_is_one_line(capsys):
    assert command.main(["serch"]) == 2
    assert "unknown command 'serch'; did you mean 'search'?" in capsys.readouterr().err


def test_the_exit_code_is_that_of_the_command(tmp_path, capsys):
    assert command.main(["predict", str(tmp_path / "none"), "a.png"]) == 2
    assert capsys.readouterr().err.startswith("jdend.predict: ")


def test_it_is_installed_under_its_name():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["scripts"] == {"jdend": "jdend.__main__:main"}


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        (["sea"], "search"),
        (["search", "--bud"], "--budget"),
        (["watch", "--on"], "--once"),
        (["data", "fe"], "fetch"),
        (["export", "--wei"], "--weights"),
    ],
)
def test_bash_completes_it(words, completed, capsys, tmp_path):
    assert command.main(["completion", "bash"]) == 0
    script = tmp_path / "completion.sh"
    script.write_text(capsys.readouterr().out)
    typed = " ".join(words)
    before = words[-2] if len(words) > 1 else "jdend"
    asked = (
        f"source {script}; COMP_WORDS=(jdend {typed}); COMP_CWORD={len(words)}; "
        f"_shtab_jdend jdend {words[-1]} {before}; echo ${{COMPREPLY[@]}}"
    )
    said = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True)
    assert said.stdout.split() == [completed]


@pytest.mark.parametrize("shell", command.SHELLS)
def test_every_shell_has_a_script(shell, capsys):
    assert command.main(["completion", shell]) == 0
    assert "--budget" in capsys.readouterr().out


def test_an_unknown_shell_is_one_line(capsys):
    assert command.main(["completion", "fish"]) == 2
    assert "allowed are bash, zsh" in capsys.readouterr().err
