"""`python -m jdend.predict` classifies files, and says what is wrong with them."""

import json
import subprocess
import sys

import numpy as np
import pytest
from flax import nnx
from PIL import Image

from jdend.models import Problem, TrainedModel, build, configure, save
from jdend.predict import main

NAMES = ("shirt", "coat", "bag")


def network(problem, **changes):
    configuration = configure({"architecture": "mlp", "hidden_dim": 3}, problem)
    module = build(configuration.structure, rngs=nnx.Rngs(0))
    given = {"offset": np.float32(70), "scale": np.float32(0.01), "class_names": NAMES, **changes}
    return TrainedModel(module=module, configuration=configuration, **given)


@pytest.fixture(scope="module")
def model():
    return network(Problem(20, 3, (5, 4, 1)))


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    return str(save(model, tmp_path_factory.mktemp("saved") / "model"))


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(0).integers(0, 256, (4, 5, 4)).astype(np.uint8)


def refusal(capsys, *arguments):
    """What it says of bad input, in one line, having printed nothing else."""
    assert main([str(argument) for argument in arguments]) == 2
    said = capsys.readouterr()
    assert not said.out
    assert said.err.startswith("jdend.predict: ")
    assert said.err.count("\n") == 1
    return said.err


@pytest.mark.parametrize("suffix", ["png", "pgm", "bmp"])
def test_an_image_has_a_class_and_its_probability(folder, model, pixels, suffix, tmp_path, capsys):
    path = tmp_path / f"one.{suffix}"
    Image.fromarray(pixels[0]).save(path)
    assert main([folder, str(path)]) == 0
    name, label, probability = capsys.readouterr().out.split("  ")
    assert (name, label) == (str(path), NAMES[model.predict(pixels[:1])[0]])
    assert float(probability) == pytest.approx(model.probabilities(pixels[:1]).max(), abs=1e-4)


@pytest.mark.parametrize("names", [("images",), ("anything",), ("labels", "x_test")])
def test_an_array_has_a_line_for_each_image(folder, model, pixels, names, tmp_path, capsys):
    path = tmp_path / "many.npz"
    np.savez(path, **{name: np.zeros(4) if name == "labels" else pixels for name in names})
    assert main([folder, str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == [f"{path}[{i}]" for i in range(4)]
    assert [line.split("  ")[1] for line in lines] == [NAMES[c] for c in model.predict(pixels)]


def test_json_has_every_probability(folder, model, pixels, tmp_path, capsys):
    np.save(tmp_path / "many.npy", pixels)
    assert main([folder, str(tmp_path / "many.npy"), "--json"]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [record["position"] for record in records] == model.predict(pixels).tolist()
    for record, shares in zip(records, model.probabilities(pixels), strict=True):
        assert list(record["probabilities"]) == list(NAMES)
        assert list(record["probabilities"].values()) == pytest.approx(shares, abs=1e-6)


def test_colours_become_grey(folder, pixels, tmp_path, capsys):
    grey, colour = tmp_path / "grey.png", tmp_path / "colour.png"
    Image.fromarray(pixels[0]).save(grey)
    Image.fromarray(pixels[0]).convert("RGB").save(colour)
    main([folder, str(grey), str(colour)])
    one, other = capsys.readouterr().out.splitlines()
    assert one.split("  ")[1:] == other.split("  ")[1:]


def test_a_network_of_colours_reads_colours(tmp_path, capsys):
    folder = save(network(Problem(60, 3, (5, 4, 3))), tmp_path / "model")
    Image.new("RGB", (4, 5), (200, 20, 30)).save(tmp_path / "red.png")
    assert main([str(folder), str(tmp_path / "red.png")]) == 0
    assert "red.png" in capsys.readouterr().out


def test_an_image_of_another_size_is_refused(folder, tmp_path, capsys):
    Image.new("L", (5, 4)).save(tmp_path / "wide.png")
    said = refusal(capsys, folder, tmp_path / "wide.png")
    assert "wide.png is 5 x 4 pixels, and this network reads 4 x 5; crop and resize" in said


def test_arrays_of_another_size_are_refused(folder, tmp_path, capsys):
    np.save(tmp_path / "x.npy", np.zeros((2, 7), np.uint8))
    said = refusal(capsys, folder, tmp_path / "x.npy")
    assert "x.npy: examples must be [n, 20], [n, 5, 4, 1] or [n, 5, 4]; got [2, 7]" in said


def test_deep_images_are_refused(folder, tmp_path, capsys):
    Image.new("I;16", (4, 5)).save(tmp_path / "deep.png")
    assert "more than 8 bits a pixel" in refusal(capsys, folder, tmp_path / "deep.png")


@pytest.mark.parametrize("name", ["lost.png", "lost.npz"])
def test_a_file_that_is_not_there_is_named(folder, tmp_path, name, capsys):
    assert f"{name}: No such file" in refusal(capsys, folder, tmp_path / name)


@pytest.mark.parametrize("name", ["text.png", "text.npz", "text.npy", "README"])
def test_a_file_of_another_kind_is_refused(folder, tmp_path, name, capsys):
    (tmp_path / name).write_text("text\n")
    assert name in refusal(capsys, folder, tmp_path / name)


def test_a_cut_off_image_is_refused(folder, pixels, tmp_path, capsys):
    Image.fromarray(pixels[0]).save(tmp_path / "cut.png")
    whole = (tmp_path / "cut.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[:50])
    assert "cut.png" in refusal(capsys, folder, tmp_path / "cut.png")


def test_several_arrays_without_a_known_name_are_refused(folder, pixels, tmp_path, capsys):
    np.savez(tmp_path / "two.npz", a=pixels, b=pixels)
    assert "holds a, b; name the array" in refusal(capsys, folder, tmp_path / "two.npz")


def test_a_network_of_tables_reads_no_images(tmp_path, capsys):
    folder = save(network(Problem(20, 3), inputs="float32"), tmp_path / "model")
    Image.new("L", (4, 5)).save(tmp_path / "a.png")
    said = refusal(capsys, folder, tmp_path / "a.png")
    assert "does not read any; give an .npz file of its 20 features" in said


def test_nothing_is_printed_if_one_file_is_bad(folder, pixels, tmp_path, capsys):
    Image.fromarray(pixels[0]).save(tmp_path / "good.png")
    refusal(capsys, folder, tmp_path / "good.png", tmp_path / "lost.png")


def test_a_folder_without_a_model_is_one_line(tmp_path, capsys):
    assert "holds no saved model" in refusal(capsys, tmp_path, "a.png")


def test_it_is_a_command(folder, pixels, tmp_path):
    Image.fromarray(pixels[0]).save(tmp_path / "a.png")
    command = [sys.executable, "-m", "jdend.predict", folder, str(tmp_path / "a.png")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(str(tmp_path / "a.png"))
