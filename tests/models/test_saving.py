"""A saved network is the same network, and what is none is refused in one line."""

import dataclasses
import hashlib
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import safetensors.numpy
from flax import nnx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_networks import NAMES, PROBLEM, SMALL, small_network
from user_architecture import NAME

import jdend
from jdend.data import Column, Preprocessing
from jdend.models import ModelError, TrainedModel, _registry, configure, load, save
from jdend.models._card import model_card

SCALE = np.float32(0.01)


def trained(name="dendritic_simple", **changes):
    made = TrainedModel(
        module=nnx.clone(small_network(name)),
        configuration=configure({**SMALL, "architecture": name}, PROBLEM),
        offset=np.float32(70.5),
        scale=SCALE,
        class_names=("shirt", "coat", "bag", "boot"),
        figures={"validation_accuracy": 0.875, "total_params": 61},
        origin={"dataset": "small", "seed": 3},
    )
    return dataclasses.replace(made, **changes)


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(0).integers(0, 256, (7, 20)).astype(np.uint8)


@pytest.fixture
def saved(tmp_path):
    return save(trained(), tmp_path / "model")


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("name", NAMES)
def test_it_is_the_same_network_after_loading(name, tmp_path, pixels):
    model = trained(name)
    loaded = load(save(model, tmp_path / "model"))
    np.testing.assert_array_equal(loaded.logits(pixels), model.logits(pixels))


def test_all_that_goes_with_it_is_the_same(saved):
    model, loaded = trained(), load(saved)
    for name in ("configuration", "class_names", "inputs", "figures", "origin", "offset", "scale"):
        assert getattr(loaded, name) == getattr(model, name)


def test_it_gives_the_same_logits_in_a_fresh_process(saved, pixels, tmp_path):
    np.save(tmp_path / "pixels.npy", pixels)
    program = (
        "import sys, jdend, numpy as np\n"
        "logits = jdend.load(sys.argv[1]).logits(np.load(sys.argv[2]))\n"
        "np.save(sys.argv[3], logits)\n"
        "assert not {'optuna', 'tensorflow_datasets'} & sys.modules.keys()\n"
    )
    arguments = [saved, tmp_path / "pixels.npy", tmp_path / "logits.npy"]
    subprocess.run([sys.executable, "-c", program, *map(os.fspath, arguments)], check=True)
    logits = np.load(tmp_path / "logits.npy")
    np.testing.assert_allclose(logits, trained().logits(pixels), rtol=1e-5, atol=1e-5)


def test_normalisation_may_be_of_every_feature(tmp_path, pixels):
    offset = np.linspace(0, 200, 20, dtype=np.float32)
    model = trained(offset=offset, scale=offset / 1e4)
    np.testing.assert_array_equal(
        load(save(model, tmp_path / "model")).logits(pixels), model.logits(pixels)
    )


TABLE = Preprocessing(
    (
        Column("a|b", "number", fill=0.5, n_missing=3),
        Column("id", "dropped", reason="it numbers the rows"),
        Column("kind", "categories", tuple("abcdefghijklmnopqr"), fill="c"),
        Column("flag", "yes/no", fill=1.0),
        Column("empty", "categories"),
    ),
    targets=("class",),
)


@pytest.mark.parametrize("inputs", ["float32", "uint8"])
def test_the_columns_of_a_table_are_the_same(tmp_path, inputs):
    folder = save(trained(table=TABLE, inputs=inputs), tmp_path / "model")
    assert load(folder).table == TABLE
    assert "18 features" not in (folder / "README.md").read_text()


def test_columns_that_are_not_those_of_the_network_are_refused():
    with pytest.raises(ValueError, match="table has 1 features, and the network reads 20"):
        trained(table=Preprocessing(TABLE.columns[:1], ("class",)))


@pytest.mark.parametrize(
    ("column", "name", "value"),
    [
        (0, "kind", "pickle"),
        (0, "kind", None),
        (0, "fill", None),
        (0, "fill", float("inf")),
        (0, "name", 3),
        (0, "name", "flag"),
        (1, "reason", 3),
        (2, "fill", "z"),
        (2, "categories", ["c"] * 18),
        (2, "categories", ["c"]),
        (2, "n_missing", "3"),
    ],
)
def test_damaged_columns_are_refused(tmp_path, column, name, value):
    folder = save(trained(table=TABLE), tmp_path / "model")
    record = json.loads((folder / "config.json").read_text())
    record["table"]["columns"][column][name] = value
    (folder / "config.json").write_text(json.dumps(record))
    with pytest.raises(ModelError, match="does not hold a network as it says"):
        load(folder)


def test_the_card_says_what_it_is(saved):
    card = (saved / "README.md").read_text()
    for part in ("shirt, coat, bag, boot", "0.875", "dendritic_simple", "5 x 4 pixels"):
        assert part in card


def test_saving_again_replaces_it(saved):
    save(trained(figures={"validation_accuracy": 0.5}), saved)
    assert load(saved).figures == {"validation_accuracy": 0.5}
    assert [path.name for path in saved.parent.iterdir()] == ["model"]


def test_a_folder_with_other_files_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(ModelError, match="holds other files"):
        save(trained(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_what_cannot_be_written_leaves_the_old_model(saved, monkeypatch):
    before = files(saved)
    monkeypatch.setattr(os, "fsync", lambda handle: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(ModelError, match="cannot write"):
        save(trained(figures={}), saved)
    monkeypatch.undo()
    assert files(saved) == before
    assert [path.name for path in saved.parent.iterdir()] == ["model"]


def test_a_module_that_its_configuration_does_not_build_is_not_saved(tmp_path):
    wrong = trained(module=nnx.clone(small_network("mlp")))
    with pytest.raises(ModelError, match="could not be loaded again"):
        save(wrong, tmp_path / "model")


def test_figures_must_be_finite(tmp_path):
    with pytest.raises(ModelError, match="plain, finite JSON values"):
        save(trained(figures={"validation_loss": float("nan")}), tmp_path / "model")


def test_a_registered_architecture_loads_where_it_is_registered(tmp_path, pixels, monkeypatch):
    folder = save(trained(NAME), tmp_path / "model")
    others = {k: v for k, v in _registry._ARCHITECTURES.items() if k != NAME}
    monkeypatch.setattr(_registry, "_ARCHITECTURES", others)
    with pytest.raises(ModelError, match=r"'two_branches', which is not registered here; call"):
        load(folder)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_lost_file_is_named(saved, name):
    (saved / name).unlink()
    with pytest.raises(ModelError, match=name):
        load(saved)


def test_no_folder_is_no_model(tmp_path):
    with pytest.raises(ModelError, match="holds no saved model"):
        load(tmp_path / "nowhere")


def test_a_later_format_asks_for_a_newer_jdend(saved):
    record = json.loads((saved / "config.json").read_text())
    (saved / "config.json").write_text(json.dumps({**record, "format": 2, "jdend": "9.0"}))
    with pytest.raises(ModelError, match=r"format 2, by jdend 9\.0; .* install a newer jdend"):
        load(saved)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_a_damaged_file_gets_one_line_or_changes_no_logit(saved, pixels, data):
    before = files(saved)
    name = data.draw(st.sampled_from(["model.safetensors", "config.json"]))
    content = bytearray(before[name])
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    else:
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    (saved / name).write_bytes(content)
    refusal, logits = "", None
    try:
        logits = load(saved).logits(pixels)
    except ModelError as error:
        refusal = str(error)
    finally:
        (saved / name).write_bytes(before[name])
    assert "\n" not in refusal
    if not refusal:
        np.testing.assert_array_equal(logits, trained().logits(pixels))


def changed(folder, path, value):
    """Puts a value into `config.json`, at a path of names."""
    record = json.loads((folder / "config.json").read_text())
    *outer, name = path.split(".")
    inner = record
    for key in outer:
        inner = inner[key]
    inner[name] = value
    (folder / "config.json").write_text(json.dumps(record))


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("configuration", [], "damaged"),
        ("configuration.structure", "x", "damaged"),
        ("configuration.structure.architecture", ["mlp"], "architecture must be str, not list"),
        ("configuration.structure.values", "n_neurons", "values must be dict, not str"),
        ("configuration.structure.values.n_neurons", 3.0, "n_neurons must be a positive integer"),
        ("configuration.structure.values.n_neurons", 10**30, "n_neurons must be at most"),
        ("configuration.structure.values.n_dendrites", 2**31 - 1, "does not hold a network"),
        ("configuration.structure.values.wings", 2, "does not hold a network"),
        ("configuration.structure.batch_size", "8", "batch_size must be a positive integer"),
        ("configuration.structure.problem.in_features", 21, "do not have 21 pixels"),
        ("configuration.structure.problem.image_shape", [20], "three positive integers"),
        ("configuration.structure.problem.n_classes", 5, "does not hold a network"),
        ("configuration.hyperparameters.lr", "0.1", "lr must be a finite number"),
        ("configuration.hyperparameters.schedule", {}, "schedule"),
        ("configuration.hyperparameters.wings", 2, "wings"),
        ("class_names", "abcd", "class_names must be list, not str"),
        ("figures", 3, "figures must be dict, not int"),
        ("inputs", [], "inputs must be str"),
    ],
)
def test_a_configuration_that_cannot_be_is_one_line(saved, path, value, said):
    changed(saved, path, value)
    with pytest.raises(ModelError, match=said) as caught:
        load(saved)
    assert str(caught.value).isprintable()


def test_json_of_any_depth_is_one_line(saved):
    (saved / "config.json").write_text("[" * 100_000)
    with pytest.raises(ModelError, match="is damaged"):
        load(saved)


def with_tensors(folder, **tensors):
    """Puts tensors into the file, and its digest into `config.json`."""
    file = folder / "model.safetensors"
    write_weights(
        folder, safetensors.numpy.save(safetensors.numpy.load(file.read_bytes()) | tensors)
    )


def write_weights(folder, content):
    (folder / "model.safetensors").write_bytes(content)
    changed(folder, "weights_sha256", hashlib.sha256(content).hexdigest())


@pytest.mark.parametrize("content", [b"", b"\xff" * 30, (2**40).to_bytes(8, "little") + b"{}"])
def test_a_file_of_no_tensors_is_one_line(saved, content):
    write_weights(saved, content)
    with pytest.raises(ModelError, match="does not hold a network"):
        load(saved)


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("dendritic.indices", lambda a: a + 20, "outside the layer's inputs"),
        ("dendritic.indices", lambda a: a - 20, "outside the layer's inputs"),
        ("dendritic.indices", lambda a: a * 0, "twice"),
        ("dendritic.weight", lambda a: a * np.nan, "not finite"),
        ("dendritic.weight", lambda a: a[:, :, :1], "and should be"),
        ("normalisation.scale", lambda a: a + np.inf, "not finite"),
    ],
)
def test_weights_that_cannot_be_are_one_line(saved, name, change, said):
    file = saved / "model.safetensors"
    tensor = safetensors.numpy.load(file.read_bytes())[name]
    with np.errstate(all="ignore"):
        with_tensors(saved, **{name: np.ascontiguousarray(change(tensor))})
    with pytest.raises(ModelError, match=said):
        load(saved)


@pytest.mark.parametrize("shape", [(3, 20), (3, 5, 4), (3, 5, 4, 1)])
def test_examples_come_flat_or_as_images(shape):
    assert trained().logits(np.zeros(shape, np.uint8)).shape == (3, 4)


@pytest.mark.parametrize("shape", [(20,), (5, 4), (3, 4, 5), (3, 19), (3, 20, 1, 1), (3, 2, 10)])
def test_examples_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"examples must be \[n, 20\], \[n, 5, 4, 1\] or"):
        trained().logits(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("value", [-1, 256, 0.5, np.nan])
def test_what_are_no_pixels_is_refused(value):
    with pytest.raises(ValueError, match="this network reads pixels"):
        trained().logits(np.full((1, 20), value))


def test_whole_floats_are_pixels(pixels):
    model = trained()
    np.testing.assert_array_equal(model.logits(pixels.astype(float)), model.logits(pixels))


def test_a_card_shows_how_a_network_of_images_is_used_and_lines_in_values_stay_in_their_cell():
    model = dataclasses.replace(trained(), origin={"command": "a | b", "share": 1 / 3})
    card = model_card(model, "here", "1.0")
    assert 'model = jdend.load("here")\nmodel.predict(images)\n```' in card
    assert "| command | a \\| b |" in card
    assert "| share | 0.333333 |" in card


def test_probabilities_of_large_logits_are_numbers(pixels):
    model = trained()
    logits = 1e4 * np.eye(len(model.class_names), dtype=np.float32)
    model.__dict__["_forward"] = lambda x: logits
    shares = model.probabilities(pixels[: len(logits)])
    np.testing.assert_array_equal(shares, np.eye(len(logits)))


def test_probabilities_are_of_the_logits_and_sum_to_one(pixels):
    shares = trained().probabilities(pixels)
    np.testing.assert_allclose(shares.sum(1), 1, rtol=1e-6)
    np.testing.assert_array_equal(shares.argmax(1), trained().predict(pixels))


def test_many_examples_are_taken_in_parts(pixels):
    many = np.tile(pixels, (100, 1))
    logits = trained().logits(many)
    np.testing.assert_allclose(logits, np.tile(trained().logits(pixels), (100, 1)), atol=1e-6)


def test_no_examples_have_no_logits():
    assert trained().logits(np.zeros((0, 20), np.uint8)).shape == (0, 4)


@pytest.mark.parametrize("name", ["load", "save", "TrainedModel"])
def test_they_are_found_at_the_top(name):
    assert getattr(jdend, name) is getattr(jdend.models, name)


class Noisy(nnx.Module):
    """With random keys and running statistics."""

    def __init__(self, in_features, n_classes, *, width=4, rngs):
        self.first = nnx.Linear(in_features, width, rngs=rngs)
        self.norm = nnx.BatchNorm(width, rngs=rngs)
        self.dropout = nnx.Dropout(0.5, rngs=rngs)
        self.last = nnx.Linear(width, n_classes, rngs=rngs)

    def __call__(self, x):
        return self.last(self.dropout(self.norm(self.first(x))))


def test_random_keys_and_statistics_are_saved_too(tmp_path, pixels):
    _registry.register_architecture("noisy", Noisy, fields=("width",))
    module = Noisy(20, 4, rngs=nnx.Rngs(0))
    module(pixels.astype(np.float32))  # moves the statistics
    model = trained(module=module, configuration=configure({"architecture": "noisy"}, PROBLEM))
    loaded = load(save(model, tmp_path / "model"))
    np.testing.assert_array_equal(loaded.logits(pixels), model.logits(pixels))
    loaded.module.train()
    module.train()
    x = pixels.astype(np.float32)
    np.testing.assert_array_equal(loaded.module(x), module(x))
