"""A network in StableHLO runs where jdend is not."""

import os
import re
import subprocess
import sys

import jax
import numpy as np
import pytest
from exported_models import KINDS, examples, small_model

import jdend
from jdend.exporting import portable
from jdend.models import save


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    path = tmp_path_factory.mktemp("exported") / "model.stablehlo"
    return jdend.export(small_model(), "stablehlo", path).path


def test_it_runs_in_a_process_without_jdend(program, tmp_path):
    model = small_model()
    x = examples(model)
    np.save(tmp_path / "x.npy", x)
    without = (
        "import sys\n"
        "sys.modules['jdend'] = None\n"  # importing it would fail
        "import jax, numpy as np\n"
        "call = jax.export.deserialize(bytearray(open(sys.argv[1], 'rb').read())).call\n"
        "np.save(sys.argv[3], call(np.load(sys.argv[2])))\n"
    )
    arguments = [program, tmp_path / "x.npy", tmp_path / "logits.npy"]
    subprocess.run([sys.executable, "-c", without, *map(os.fspath, arguments)], check=True)
    np.testing.assert_allclose(
        np.load(tmp_path / "logits.npy"), model.logits(x), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("n", [1, 2, 37])
def test_it_takes_any_number_of_examples(program, n):
    exported = jax.export.deserialize(bytearray(program.read_bytes()))
    x = examples(small_model(), n)
    np.testing.assert_allclose(exported.call(x), small_model().logits(x), rtol=1e-5, atol=1e-5)


def test_it_is_for_every_platform(program):
    exported = jax.export.deserialize(bytearray(program.read_bytes()))
    assert set(exported.platforms) == {"cpu", "cuda", "tpu"}
    calls = set(re.findall(r"custom_call @(\w+)", exported.mlir_module()))
    assert calls <= {"shape_assertion"}


@pytest.mark.parametrize("kind", KINDS)
def test_every_architecture_gives_the_same_logits(kind, tmp_path):
    model = small_model(kind, by_channel=True)
    path = jdend.export(model, "stablehlo", tmp_path / "m").path
    x = examples(model)
    exported = jax.export.deserialize(bytearray(path.read_bytes()))
    np.testing.assert_allclose(exported.call(x), model.logits(x), rtol=1e-5, atol=1e-5)


def test_a_saved_model_is_exported_from_its_folder(program, tmp_path):
    folder = save(small_model(), tmp_path / "saved")
    path = jdend.export(folder, "stablehlo", tmp_path / "m").path
    x = examples(small_model())
    exported = jax.export.deserialize(bytearray(path.read_bytes()))
    np.testing.assert_allclose(exported.call(x), small_model().logits(x), rtol=1e-5, atol=1e-5)


def test_exporting_leaves_the_network_as_it_is(program):
    assert small_model().module.dendritic.kernel == "auto"


def test_a_portable_function_is_of_jax_alone():
    model = small_model()
    x = examples(model)
    function = portable(model)
    np.testing.assert_allclose(function(x), model.logits(x), rtol=1e-5, atol=1e-5)
    assert "ffi_call" not in str(jax.make_jaxpr(function)(x))
