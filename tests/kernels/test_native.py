"""What is particular to the native kernel: instruction sets, lowering, a missing library."""

import os
import re
import subprocess
import sys

import jax
import numpy as np
import pytest
from random_layers import CORNERS, Shape, evaluate, largest_error, population

from jdend.kernels import _native, dendritic_layer

LIBRARY = _native.load()
needs_library = pytest.mark.skipif(isinstance(LIBRARY, str), reason=str(LIBRARY))


def run_python(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | {"JAX_PLATFORMS": "cpu"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def layer_of(shape: Shape):
    arrays = population(shape)
    names = [name for name in arrays if name != "x"]

    def layer(x, *rest):
        def trial(x, *rest):
            return dendritic_layer(x, **dict(zip(names, rest, strict=True)), kernel="native")

        return jax.vmap(jax.vmap(trial, in_axes=(None, *[0] * len(names))))(x, *rest)

    return layer, (arrays["x"], *(arrays[name] for name in names))


@pytest.mark.parametrize("shape", CORNERS, ids=str)
def test_every_instruction_set_agrees(instruction_set, shape):
    results = evaluate("native", shape, 5e-5)
    error, where = largest_error(results, evaluate("gather", shape, 5e-5))
    assert error <= 1e-5, where


@needs_library
def test_an_instruction_set_that_the_processor_lacks_is_named():
    with pytest.raises(ValueError, match="does not run 'abacus'; it runs"):
        LIBRARY.use_instruction_set("abacus")


@needs_library
def test_the_error_names_the_synapse():
    shape = Shape(seeds=2, configurations=3)
    layer, (x, weight, bias, indices, *rest) = layer_of(shape)
    indices = indices.copy()
    indices[1, 2, 0, 0, 0] = 77
    place = "index 77 of trial 5, neuron 0, dendrite 0, synapse 0"
    with pytest.raises((jax.errors.JaxRuntimeError, ValueError), match=place):
        jax.block_until_ready(layer(x, weight, bias, indices, *rest))


@needs_library
@pytest.mark.parametrize("platform", ["cuda", "tpu"])
def test_lowers_to_a_matmul_for_accelerators(platform):
    layer, arrays = layer_of(Shape(seeds=2, configurations=3))

    def gradient(weight, x, *rest):
        return jax.grad(lambda weight: layer(x, weight, *rest).sum())(weight)

    x, weight, *rest = arrays
    exported = jax.export.export(jax.jit(gradient), platforms=[platform])(weight, x, *rest)
    assert "dot_general" in exported.mlir_module()
    assert "custom_call" not in exported.mlir_module()


@needs_library
def test_a_tpu_gets_no_scatter():
    layer, arrays = layer_of(Shape(seeds=2, configurations=3))
    exported = jax.export.export(jax.jit(layer), platforms=["tpu"])(*arrays)
    assert "stablehlo.scatter" not in exported.mlir_module()


@needs_library
def test_one_program_for_two_platforms():
    layer, arrays = layer_of(Shape(seeds=2, configurations=3))
    disabled = [jax.export.DisabledSafetyCheck.custom_call(f"jdend_{n}") for n in _native.CALLS]
    exported = jax.export.export(
        jax.jit(layer), platforms=["cpu", "cuda"], disabled_checks=disabled
    )(*arrays)
    np.testing.assert_allclose(exported.call(*arrays), layer(*arrays), rtol=1e-5)


@needs_library
def test_the_batch_is_packed_once_a_seed():
    layer, arrays = layer_of(Shape(seeds=2, configurations=3, batch=40))
    text = jax.jit(layer).lower(*arrays).as_text()
    (pack,) = [line for line in text.splitlines() if "@jdend_pack" in line]
    assert "-> (tensor<2x2x20x32xf32>, tensor<2x3xf32>)" in pack


@needs_library
def test_an_instruction_set_may_be_named():
    program = "from jdend.kernels import _native; print(_native.load().instruction_set)"
    result = run_python("-c", program, JDEND_INSTRUCTION_SET="plain")
    assert result.stdout.strip() == "plain", result.stderr
    program = "from jdend.kernels import _native; print(_native.load())"
    result = run_python("-c", program, JDEND_INSTRUCTION_SET="mmx")
    assert "JDEND_INSTRUCTION_SET: this processor does not run 'mmx'; it runs" in result.stdout


def test_without_the_library_auto_falls_back_and_says_so_once():
    program = (
        "import numpy as np; from jdend.kernels import dendritic_layer as layer;"
        "z = np.zeros((1, 1, 1), 'f');"
        "[layer(z[0], z, z[0], z.astype('i')) for _ in range(2)]"
    )
    result = run_python("-c", program, JDEND_KERNEL_LIBRARY="/missing/libjdend.so")
    assert result.returncode == 0, result.stderr
    assert result.stderr.count("without its native CPU kernel") == 1


def test_without_the_library_native_is_an_error_that_says_why():
    program = "from jdend.kernels import resolve; resolve('native')"
    result = run_python("-c", program, JDEND_KERNEL_LIBRARY="/missing/libjdend.so")
    assert "no C++17 compiler was found" in result.stderr


def test_a_file_that_is_no_library_is_an_unavailable_kernel():
    program = "from jdend.kernels import available; print(available())"
    result = run_python("-c", program, JDEND_KERNEL_LIBRARY=__file__)
    assert result.returncode == 0, result.stderr
    assert "native" not in result.stdout


@needs_library
@pytest.mark.parametrize("version", [(0, 0), (9, 9)], ids=["older", "another"])
def test_a_library_for_another_interface_of_xla_is_refused_before_xla_sees_it(
    version, tmp_path, monkeypatch
):
    header = tmp_path / "xla" / "ffi" / "api" / "c_api.h"
    header.parent.mkdir(parents=True)
    major, minor = version
    header.write_text(f"#define XLA_FFI_API_MAJOR {major}\n#define XLA_FFI_API_MINOR {minor}\n")
    monkeypatch.setattr(jax.ffi, "include_dir", lambda: str(tmp_path))
    assert re.fullmatch(
        rf"libjdend\.so does not load: it was built for version \d+\.\d+ of XLA's interface, "
        rf"and this jaxlib has {major}\.{minor}: install jdend again",
        _native.load.__wrapped__(),
    )


def test_the_command_says_what_auto_chooses():
    result = run_python("-m", "jdend.kernels", "--shape", "25x6x24", "--seeds", "2")
    expected = "dense" if isinstance(LIBRARY, str) else "native"
    assert f"2 seeds x 32 configurations on cpu: {expected}\n" in result.stdout


def test_the_command_explains_a_wrong_shape():
    result = run_python("-m", "jdend.kernels", "--shape", "25x6")
    assert "not three numbers with an x between, like 12x6x96" in result.stderr
