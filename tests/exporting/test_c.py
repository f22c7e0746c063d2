"""A network in C gives the logits that it gives in JAX."""

import re
import subprocess

import numpy as np
import pytest
from compiled_c import compiled, run
from exported_models import IMAGES, KINDS, MANY, examples, small_model
from flax import nnx

import jdend
from jdend.exporting import ExportError
from jdend.models import Linear, TrainedModel


def in_c(model, folder, weights, *options):
    written = jdend.export(model, "c", folder / "network.c", weights=weights)
    return written, compiled(written.path, *options)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "options",
    [{}, {"by_channel": True}, {"inputs": "float32"}, {"problem": MANY, "inputs": "uint8"}],
    ids=["pixels", "channels", "numbers", "many_features"],
)
def test_float32_weights_give_the_same_logits(kind, options, tmp_path):
    model = small_model(kind, **options)
    _, library = in_c(model, tmp_path, "float32")
    x = examples(model)
    logits, classes = run(library, x, len(model.class_names))
    expected = model.logits(x)
    np.testing.assert_allclose(logits, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())
    np.testing.assert_array_equal(classes, model.predict(x))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "options",
    [{}, {"by_channel": True}, {"inputs": "float32"}],
    ids=["pixels", "channels", "numbers"],
)
def test_int8_weights_give_nearly_the_same_logits(kind, options, tmp_path):
    model = small_model(kind, **options)
    _, library = in_c(model, tmp_path, "int8")
    x = examples(model)
    logits, _ = run(library, x, len(model.class_names))
    expected = model.logits(x)
    assert np.abs(logits - expected).max() < 0.025 * np.abs(expected).max()


@pytest.mark.parametrize("weights", ["float32", "int8"])
def test_it_runs_without_undefined_behaviour(weights, tmp_path):
    path = jdend.export(small_model(), "c", tmp_path / "network.c", weights=weights).path
    (tmp_path / "main.c").write_text(
        "#include <stdint.h>\n"
        "int jdend_predict(const uint8_t *pixels, float *logits);\n"
        "int main(void) {\n"
        "    uint8_t pixels[48];\n    float logits[4];\n    int i, sum = 0;\n"
        "    for (i = 0; i < 48; i++) pixels[i] = 255;\n"
        "    for (i = 0; i < 9; i++) sum += jdend_predict(pixels, logits);\n"
        "    return sum < 0;\n}\n"
    )
    program = tmp_path / "program"
    sanitizers = "-fsanitize=address,undefined"
    sources = [tmp_path / "main.c", path]
    subprocess.run(
        ["cc", "-std=c99", sanitizers, "-fno-sanitize-recover=all", *sources, "-o", program],
        check=True,
    )
    subprocess.run([program], check=True, env={"ASAN_OPTIONS": "detect_leaks=0"})


@pytest.mark.parametrize("weights", ["float32", "int8"])
def test_the_sizes_are_those_of_the_tables(weights, tmp_path):
    written, _ = in_c(small_model(), tmp_path, weights)
    tables = {"float": 4, "int8_t": 1, "uint8_t": 1, "uint16_t": 2}
    found = re.findall(r"static const (\w+) \w+\[(\d+)\]", written.path.read_text())
    assert written.flash_bytes == sum(tables[kind] * int(size) for kind, size in found)
    assert written.ram_bytes == 4 * 5
    assert f"{written.flash_bytes:,} bytes of tables" in str(written)


def test_int8_takes_less_flash(tmp_path):
    sizes = [
        jdend.export(small_model(), "c", tmp_path / "n.c", weights=weights).flash_bytes
        for weights in ("int8", "float32")
    ]
    assert sizes[0] < 0.6 * sizes[1]


@pytest.mark.parametrize(("problem", "kind"), [(IMAGES, "uint8_t"), (MANY, "uint16_t")])
def test_indices_take_few_bytes(problem, kind, tmp_path):
    path = jdend.export(small_model(problem=problem), "c", tmp_path / "n.c").path
    assert f"static const {kind} dendrite_index[" in path.read_text()


def test_the_default_file_is_in_the_present_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert jdend.export(small_model(), "c").path.name == "model.c"
    assert (tmp_path / "model.c").exists()


class Plain(nnx.Module):
    def __init__(self, in_features, n_classes, *, rngs):
        self.classifier = Linear(in_features, n_classes, rngs=rngs)


def changed(**changes):
    model = small_model()
    fields = ("configuration", "offset", "scale", "class_names")
    kept = {name: getattr(model, name) for name in fields}
    return TrainedModel(**{"module": model.module, **kept, **changes})


def test_an_own_architecture_is_refused(tmp_path):
    model = changed(module=Plain(48, 4, rngs=nnx.Rngs(0)))
    with pytest.raises(ExportError, match="Plain cannot be exported to C; only jdend's own"):
        jdend.export(model, "c", tmp_path / "n.c")
    assert not list(tmp_path.iterdir())


def test_weights_that_are_not_finite_are_refused(tmp_path):
    module = nnx.clone(small_model().module)
    module.dendritic.weight[...] = module.dendritic.weight[...].at[0, 0, 0].set(np.nan)
    for weights in ("float32", "int8"):
        with pytest.raises(ExportError, match="weights that are not finite"):
            jdend.export(changed(module=module), "c", tmp_path / "n.c", weights=weights)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("onnx",), "unknown format 'onnx'; allowed are stablehlo, c"),
        (("c", None, "int4"), "weights='int4' is not allowed; float32, int8"),
        (("stablehlo", None, "int8"), "weights='int8' is not allowed; for C only"),
        (("c", "nowhere/n.c"), "cannot write nowhere/n.c: No such file"),
    ],
)
def test_what_is_not_allowed_is_said(arguments, message):
    to, path, weights = (*arguments, None, None)[:3]
    with pytest.raises(ExportError, match=message):
        jdend.export(small_model(), to, path, weights=weights)
