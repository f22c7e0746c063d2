import subprocess
import sys

import pytest

from jdend.data.__main__ import main


def test_fetch_says_what_it_got_and_from_where(tiny, capsys):
    assert main(["fetch", "tiny"]) == 0
    out = capsys.readouterr().out
    assert "tiny: 30 training and 10 test images of 5 x 4 x 1, 10 classes" in out
    assert "source: the publisher's files, downloaded, SHA-256 verified" in out


def test_fetch_from_a_folder(tiny, tmp_path, capsys):
    for name, content in tiny.files.items():
        (tmp_path / name).write_bytes(content)
    given = ["--from", str(tmp_path), "--data-dir", str(tmp_path / "other"), "--offline"]
    assert main(["fetch", "tiny", *given]) == 0
    assert f"source: files in {tmp_path}" in capsys.readouterr().out


def test_list_shows_what_is_cached(tiny, capsys):
    assert main(["list"]) == 0
    assert "nothing yet" in capsys.readouterr().out
    main(["fetch", "tiny"])
    capsys.readouterr()
    assert main(["list"]) == 0
    assert "tiny: from the publisher's files" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["fetch", "minst"], "did you mean 'mnist'"),
        (["fetch", "mine.csv"], "is a file already"),
        (["fetch", "mnist", "--from", "/nonexistent"], "/nonexistent is not a folder"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(given, message, capsys):
    assert main(given) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""


def test_what_cannot_be_cached_is_not_fetched(tiny, tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    for name, content in tiny.files.items():
        (tmp_path / name).write_bytes(content)
    given = ["--from", str(tmp_path), "--data-dir", str(tmp_path / "file")]
    assert main(["fetch", "tiny", *given]) == 2
    assert "cannot cache tiny in" in capsys.readouterr().err


@pytest.mark.parametrize("given", [[], ["fetch"], ["get", "mnist"], ["list", "--frm", "x"]])
def test_wrong_usage_is_exit_code_2(given):
    with pytest.raises(SystemExit) as caught:
        main(given)
    assert caught.value.code == 2


def test_help_teaches_with_examples(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    assert "python -m jdend.data fetch fashion-mnist" in capsys.readouterr().out


def test_importing_the_room_imports_nothing_heavy():
    heavy = ["jax", "tensorflow", "tensorflow_datasets", "sklearn", "PIL", "optuna"]
    script = f"import jdend.data.__main__, sys; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
