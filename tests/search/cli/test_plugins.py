"""--plugin: what a user's own module registers, the command line searches with."""

import json
import sys

import pytest

from jdend.models import _registry
from jdend.search import pruners
from jdend.search.cli.main import main
from jdend.search.samplers import registry

OWN = """
from dataclasses import dataclass

from jdend import register_pruner, register_strategy
from jdend.search import Bracket, Pruner, Rung, Strategy
from jdend.search.samplers.grid_and_random import random


@dataclass(frozen=True)
class Share:
    of: int


def half(members, n_epochs):
    return [Bracket(tuple(members), (Rung(1, len(members) // Share(2).of),))]


register_strategy(Strategy("chance", propose=random))
register_pruner(Pruner("half", half))
"""

NETWORK = """
from flax import nnx

from jdend import register_architecture
from jdend.models import DendriticLayer


class Convolutional(nnx.Module):
    def __init__(self, in_features, n_classes, *, channels=4, n_neurons=8, image_shape, rngs):
        self.image_shape = image_shape
        self.conv = nnx.Conv(image_shape[2], channels, (3, 3), strides=2, rngs=rngs)
        self.norm = nnx.BatchNorm(channels, rngs=rngs)
        shape = (-(-image_shape[0] // 2), -(-image_shape[1] // 2), channels)
        n_features = shape[0] * shape[1] * channels
        self.first = DendriticLayer(n_features, n_neurons, 2, 6, image_shape=shape, rngs=rngs)
        self.second = DendriticLayer(n_neurons, n_neurons, 2, 2, rngs=rngs)
        self.classifier = nnx.Linear(n_neurons, n_classes, rngs=rngs)

    def __call__(self, x):
        images = x.reshape(*x.shape[:-1], *self.image_shape)
        return self.classifier(self.second(self.first(self.norm(self.conv(images)))))


register_architecture("convolutional", Convolutional, fields=("channels", "n_neurons"))
"""


@pytest.fixture(autouse=True)
def _registries(monkeypatch, tmp_path):
    """What a plugin registers is forgotten after its test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "_STRATEGIES", dict(registry._STRATEGIES))
    monkeypatch.setattr(pruners, "_PRUNERS", dict(pruners._PRUNERS))
    monkeypatch.setattr(_registry, "_ARCHITECTURES", dict(_registry._ARCHITECTURES))
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    yield
    for name in ("own_search", "jdend_plugin_own_search", "jdend_plugin_own_network", "wrong"):
        sys.modules.pop(name, None)


@pytest.mark.usefixtures("no_download", "instant_training")
@pytest.mark.parametrize("plugin", ["own_search.py", "own_search"])
def test_a_strategy_and_a_pruner_of_a_module_or_a_file(plugin, tmp_path):
    (tmp_path / "own_search.py").write_text(OWN)
    options = ["--strategy", "chance", "--pruner", "half", "--trials", "8", "--epochs", "3"]
    options += ["--no-report", "--quiet", "--out", "run", "--plugin", plugin]
    assert main(options) == 0
    config = json.loads((tmp_path / "run" / "run.json").read_text())["config"]
    assert (config["strategy"], config["pruner"]) == ("chance", "half")
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert [result["stopped_epoch"] for result in results].count(1) == 4


def test_a_deep_convolutional_dendritic_network_with_state(tmp_path):
    (tmp_path / "own_network.py").write_text(NETWORK)
    space = 'architecture = "convolutional"\nchannels = 4\nn_neurons = [28, 32]\n'
    (tmp_path / "space.toml").write_text(space)
    options = ["--plugin", "own_network.py", "--space", "space.toml", "--dataset", "digits"]
    options += ["--budget", "1500", "--trials", "1", "--strategy", "random", "--epochs", "1"]
    options += ["--batch-size", "256", "--seeds", "1", "--no-report", "--quiet", "--out", "run"]
    assert main(options) == 0
    (result,) = json.loads((tmp_path / "run" / "results.json").read_text())
    assert 0 <= result["validation_accuracy"] <= 1
    assert 1200 <= result["total_params"] <= 1500


@pytest.mark.parametrize(
    ("plugin", "text", "said"),
    [
        ("missing.py", None, "--plugin missing.py cannot be imported: there is no file "),
        ("no_such_module", None, "ModuleNotFoundError: No module named 'no_such_module'"),
        ("wrong.py", "x = 1\ny = x + z\n", "NameError: name 'z' is not defined (wrong.py, line 2)"),
        ("wrong.py", "def f(:\n", "SyntaxError: "),
        ("wrong.py", "import no_such_module\n", "'no_such_module' (wrong.py, line 1)"),
        ("wrong", "raise RuntimeError('two\\nlines')\n", "RuntimeError: two lines (wrong.py, line"),
    ],
)
def test_one_that_cannot_be_imported_is_one_line(plugin, text, said, tmp_path, capsys):
    if text is not None:
        (tmp_path / "wrong.py").write_text(text)
    assert main(["--plugin", plugin]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_without_the_plugin_its_names_are_unknown(capsys):
    assert main(["--strategy", "chance"]) == 2
    assert "unknown strategy 'chance'; allowed are grid, random" in capsys.readouterr().err
