"""What a user can get wrong: one clear line and exit code 2, a ValueError in Python."""

import subprocess
import sys
from pathlib import Path

import pytest

from jdend import HyperparameterSearcher
from jdend.search.cli.main import main

pytestmark = pytest.mark.usefixtures("instant_training", "no_download")


def of_files(path):
    """The options that name files and folders."""
    names = ("--out", "--save-best", "--resume", "--teacher")
    return [
        *([name, path] for name in names),
        ["--space", path],
        ["--dataset", f"{path}.npz"],
        ["--dataset", f"{path}.csv"],
        ["--storage", path],
    ]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--dataset", "fashion-mnsit"], "did you mean 'fashion-mnist'"),
        (["--dataset", "missing.npz"], "missing.npz does not exist"),
        (["--dataset", "corrupt.npz"], "corrupt.npz"),
        (["--dataset", "corrupt.csv"], "corrupt.csv"),
        (["--dataset", "mnist", "--target", "class"], "is for tables"),
        (["--budget", "0"], "max_params must be a positive integer"),
        (["--budget", "-5"], "max_params must be a positive integer"),
        (["--budget", "many"], "'many' is no number of parameters"),
        (["--budget", "500,"], "'500,' is no number of parameters"),
        (["--budget", "500,0"], "max_params must be a positive integer, got 0"),
        (["--devices", "two"], "'two' are no devices: give how many"),
        (["--devices", "0,x"], "'0,x' are no devices: give how many"),
        (["--devices", "99"], "devices=99, but of cpu devices there are 1 here"),
        (["--devices", "0,0"], "devices=(0, 0), but of cpu devices there are 1 here"),
        (["--population", "0"], "population must be a positive integer, got 0"),
        (["--budget", "500,500"], "budgets must be different numbers"),
        (["--budget", "500,600", "--scenario", "all"], "find_pareto_optimal alone takes several"),
        (["--time", "10"], "'10' is no time"),
        (["--time", "0s"], "'0s' is no time"),
        (["--time", "1m", "--scenario", "all"], "--time does not go with --scenario"),
        (["--compile"], "--compile goes with --dry-run"),
        (["--budget", "20"], "no network in this space fits 16 to 20 parameters"),
        (["--min-ratio", "2"], "min_param_ratio must be from 0 to 1"),
        (["--scenario", "optimise_for_budget"], "did you mean 'optimize_for_budget'"),
        (["--scenario", "all", "--strategy", "grid"], "--strategy does not go with --scenario"),
        (["--scenario", "all", "--space", "good.toml"], "--space does not go with --scenario"),
        (["--scenario", "all", "--validation-fraction", "0"], "nothing to choose by"),
        (["--strategy", "gird"], "did you mean 'grid'"),
        (["--strategy", "grid"], "a grid takes lists"),
        (["--trials", "0"], "n_trials must be a positive integer"),
        (["--seeds", "0"], "seeds must be a number of seeds from 1 to 10000"),
        (["--seeds", "99999999999"], "seeds must be a number of seeds from 1 to 10000"),
        (["--validation-fraction", "nan"], "validation_fraction=nan is not allowed"),
        (["--validation-fraction", "inf"], "validation_fraction=inf is not allowed"),
        (["--subset", "9" * 23], f"subset_size={'9' * 23} is not allowed"),
        (["--trials", "9" * 20], "n_trials must be at most 1000000"),
        (["--budget", "9" * 26], "max_params must be at most 2147483647"),
        (["--budget", "9" * 5000], "is no number of parameters: give one"),
        (["--time", "9" * 400 + "h"], "is no time: give one such as 90s"),
        *(
            (option, "cannot use ~nobody-of-this-name/x")
            for option in of_files("~nobody-of-this-name/x")
        ),
        *((option, "File name too long") for option in of_files("x" * 256)),
        (["--plugin", "~nobody-of-this-name/x.py"], "cannot use ~nobody-of-this-name/x.py"),
        (["--storage", "oracle://u:p@h/db"], "oracle://u:***@h/db needs the package oracledb"),
        (
            ["--storage", "mssql+pyodbc://u:p@h/d"],
            "mssql+pyodbc://u:***@h/d needs the package pyodbc",
        ),
        (["--epochs", "0"], "n_epochs must be a positive integer"),
        (["--batch-size", "-1"], "batch_size must be a positive integer"),
        (["--batch-size", "100000"], "batch_size=100000 is more than the"),
        (["--lr", "nan"], "lr must be a finite number"),
        (["--validation-fraction", "1.5"], "validation_fraction=1.5"),
        (["--subset", "3"], "subset_size=3"),
        (["--split-seed", "-1"], "seed=-1"),
        (["--search-seed", "-1"], "search_seed must be a whole number"),
        (["--log-format", "yaml"], "unknown log_format 'yaml'; allowed are text, json"),
        (["--buckets", "exakt"], "did you mean 'exact'"),
        (["--kernel", "nativ"], "unknown kernel 'nativ'"),
        (["--top", "0"], "--top must be a positive integer"),
        (["--space", "missing.toml"], "cannot read space file missing.toml"),
        (["--space", "."], "cannot read space file ."),
        (["--space", "empty.toml"], "space file empty.toml is empty"),
        (["--space", "broken.toml"], "space file broken.toml is not TOML"),
        (["--space", "name.toml"], "did you mean 'n_neurons'"),
        (["--space", "architecture.toml"], "did you mean 'dendritic_simple'"),
        (["--space", "inputs.toml"], "n_dendrite_inputs=900 is more than the data's 784"),
        (["--space", "zero.toml"], "n_neurons must be a positive integer, got 0"),
        (["--space", "fraction.toml"], "n_neurons must be a positive integer, got 8.5"),
        (["--space", "form.toml"], "needs high"),
        (["--space", "large.toml"], "Lower n_neurons to"),
        (["--out", "taken"], "taken already holds a search"),
        (["--out", "good.toml/run"], "cannot write to folder"),
        (["--bugdet", "8000"], "--bugdet"),
        (["8000"], "8000"),
    ],
)
def test_one_line_and_exit_code_2(tmp_path, capsys, arguments, said):
    files = {
        "good.toml": "n_neurons = [12]\n",
        "empty.toml": "",
        "broken.toml": "n_neurons = [8\n",
        "name.toml": "n_nuerons = [8]\n",
        "architecture.toml": 'architecture = "dendritic_simpel"\n',
        "inputs.toml": "n_dendrite_inputs = [96, 900]\n",
        "zero.toml": "n_neurons = [0]\n",
        "fraction.toml": "n_neurons = [8.5]\n",
        "form.toml": 'n_neurons = {type = "randint", low = 3}\n',
        "large.toml": "n_neurons = [50]\nn_dendrite_inputs = 96\n",
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "results.json").write_text("[]")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    try:
        code = main([*arguments, "--quiet"])
    except SystemExit as ended:
        code = ended.code
    captured = capsys.readouterr()
    message = captured.err.splitlines()
    assert code == 2
    assert captured.out == ""
    assert len(message) == 1
    assert said in message[0]
    assert message[0].startswith("jdend.search: ")
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert after == before
    assert not (tmp_path / "runs").exists()


@pytest.fixture
def really_loading(monkeypatch, no_download):
    from jdend import data
    from jdend.search.driver import data as search_data

    monkeypatch.setattr(search_data, "load", data.load)


@pytest.mark.usefixtures("really_loading")
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("corrupt.npz", b"PK\x03\x04 not a zip"),
        ("empty.npz", b""),
        ("corrupt.csv", b"a,b,label\n1,2,x\n1,oops,y\n"),
        ("lonely.csv", b"a,b,label\n1,2,x\n1,3,x\n"),
    ],
)
def test_corrupt_data(tmp_path, capsys, name, content):
    (tmp_path / name).write_bytes(content)
    assert main(["--dataset", name, "--quiet"]) == 2
    message = capsys.readouterr().err
    assert name.split(".")[0] in message
    assert len(message.splitlines()) == 1
    with pytest.raises(ValueError, match=name.split(".")[0]):
        HyperparameterSearcher(name)


@pytest.mark.usefixtures("really_loading")
def test_bad_input_before_any_data_is_loaded(tmp_path, monkeypatch):
    monkeypatch.setattr("jdend.search.driver.data.load", lambda *_, **__: pytest.fail("loaded"))
    for arguments in (["--space", "missing.toml"], ["--budget", "20"], ["--kernel", "nativ"]):
        assert main([*arguments, "--quiet"]) == 2


def test_no_traceback_leaves_the_process():
    ended = subprocess.run(
        [sys.executable, "-m", "jdend.search", "--budget", "x"],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
