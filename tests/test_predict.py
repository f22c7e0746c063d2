"""`python -m jdend.predict` classifies files, and says what is wrong with them."""

import io
import json
import os
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

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


@pytest.mark.parametrize(
    "said", ["lost.png: No such file", "lost.npz does not exist", "lost.npy does not exist"]
)
def test_a_file_that_is_not_there_is_named(folder, tmp_path, said, capsys):
    name = said.split()[0].rstrip(":")
    assert said in refusal(capsys, folder, tmp_path / name)


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


@pytest.mark.parametrize("order", [("good", "lost", "fine"), ("lost", "good", "fine")])
def test_a_bad_file_among_good_ones_loses_none_of_them(folder, pixels, order, tmp_path, capsys):
    for name in ("good", "fine"):
        Image.fromarray(pixels[0]).save(tmp_path / f"{name}.png")
    assert main([folder, *(str(tmp_path / f"{name}.png") for name in order)]) == 2
    said = capsys.readouterr()
    assert [Path(line.split("  ")[0]).stem for line in said.out.splitlines()] == ["good", "fine"]
    assert said.err.count("\n") == 1
    assert "lost.png: No such file" in said.err


def png(*chunks):
    """A PNG of 4 by 5 grey pixels with these chunks before its pixels."""
    header = struct.pack(">IIBBBBB", 4, 5, 8, 0, 0, 0, 0)
    data = zlib.compress(bytes(5 * 5))
    every = [(b"IHDR", header), *chunks, (b"IDAT", data), (b"IEND", b"")]
    packed = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in every
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


BAD_IMAGES = {
    "a bomb": (b"P5 60000 60000 255\n", "exceeds limit"),
    "a large image": (b"P5 12000 12000 255\n", "is 12000 x 12000 pixels"),
    "large words": (b"P2 4 5 255\n" + b"9" * 99, "Token too long"),
    "a word": (b"P2 4 5 255\n" + b"grey " * 20, "save it as PNG again"),
    "too bright": (b"P2 4 5 255\n" + b"300 " * 20, "value too large"),
    "no end": (b"P2 4 5", "save it as PNG again"),
    "a large text": (png((b"zTXt", b"a\0\0" + zlib.compress(bytes(2**21)))), "too large"),
    "a short chunk": (png((b"pHYs", b"")), "save it as PNG again"),
    "a broken chunk": (png((b"gAMA", b"1234"))[:-40], "save it as PNG again"),
    "a wrong checksum": (png()[:30] + b"!!" + png()[32:], "is no image of a kind"),
    "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 5\n", "is no image of a kind"),
}


@pytest.mark.parametrize(("content", "message"), BAD_IMAGES.values(), ids=BAD_IMAGES.keys())
def test_bad_images_are_refused(folder, content, message, tmp_path, capsys):
    (tmp_path / "bad.png").write_bytes(content)
    said = refusal(capsys, folder, tmp_path / "bad.png")
    assert message.lower() in said.lower()  # Pillow 10 writes it in capitals
    assert len(said) <= 320


def test_a_pgm_of_words_is_read(folder, model, pixels, tmp_path, capsys):
    words = " ".join(map(str, pixels[0].ravel()))
    (tmp_path / "a.pgm").write_text(f"P2\n# made by hand\n4 5\n255\n{words}\n")
    assert main([folder, str(tmp_path / "a.pgm")]) == 0
    assert NAMES[model.predict(pixels[:1])[0]] in capsys.readouterr().out


@pytest.mark.parametrize("suffix", ["png", "npz", "npy"])
def test_folders_and_pipes_are_refused(folder, suffix, tmp_path, capsys):
    (tmp_path / f"folder.{suffix}").mkdir()
    assert f"folder.{suffix} is " in refusal(capsys, folder, tmp_path / f"folder.{suffix}")
    os.mkfifo(tmp_path / f"pipe.{suffix}")
    assert f"pipe.{suffix} is " in refusal(capsys, folder, tmp_path / f"pipe.{suffix}")


def test_names_that_a_terminal_would_obey_are_escaped(folder, pixels, tmp_path, capsys):
    path = tmp_path / "a\x1b[2J\nb\udcff.png"
    Image.fromarray(pixels[0]).save(path)
    assert main([folder, str(path)]) == 0
    assert r"a\x1b[2J\nb\udcff.png" in capsys.readouterr().out
    assert r"a\x1b[2J c.png" in refusal(capsys, folder, tmp_path / "a\x1b[2J\nc.png")


@pytest.mark.parametrize("suffix", ["npz", "npy"])
def test_an_array_that_needs_more_memory_than_there_is_is_refused(folder, suffix, tmp_path, capsys):
    header = {"descr": "|u1", "fortran_order": False, "shape": (10**15, 20)}
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, header)
    path = tmp_path / f"a.{suffix}"
    if suffix == "npz":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("images.npy", file.getvalue())
    else:
        path.write_bytes(file.getvalue())
    assert "takes 20000000000000000 bytes, and 0 are stored" in refusal(capsys, folder, path)


def test_a_folder_without_a_model_is_one_line(tmp_path, capsys):
    assert "holds no saved model" in refusal(capsys, tmp_path, "a.png")


def test_it_is_a_command(folder, pixels, tmp_path):
    Image.fromarray(pixels[0]).save(tmp_path / "a.png")
    command = [sys.executable, "-m", "jdend.predict", folder, str(tmp_path / "a.png")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(str(tmp_path / "a.png"))
