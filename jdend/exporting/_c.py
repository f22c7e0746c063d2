"""A network as one C99 file of constant tables and a few loops: no library, no allocation.

Shape letters: `N` neurons, `D` dendrites, `K` synapses per dendrite, `F` features.
"""

from typing import Any

import numpy as np
from flax import nnx

from jdend.exporting._c_file import CFile, Source, literals
from jdend.exporting._errors import ExportError
from jdend.exporting._quantization import Rows, fold_normalisation, rows
from jdend.models import (
    MLP,
    NEGATIVE_SLOPE,
    ClassSomata,
    DendriticConvolutional,
    DendriticLayer,
    DendriticSimple,
    DendriticTwoLayers,
    DendriticWithHidden,
    LinearModel,
    SomaDisabled,
    SparseSomata,
    TrainedModel,
    TwoHiddenMLP,
)

__all__ = ["c_source"]

MAX_INPUTS = (2**31 - 1) // (255 * 127)  # an int32 sum of pixels times int8 weights has no more
LEAKY = "static float {name}(float z)\n{{\n    return z < 0.0f ? (float){slope} * z : z;\n}}\n"


def c_source(model: TrainedModel, weights: str) -> Source:
    """The C file of a network of one of jdend's own architectures.

    Raises:
      ExportError: if it has another architecture, or weights that are not finite.
    """
    module: Any = model.module
    file = CFile(model, weights)
    if not _whole(file):
        _define_input(file)
    last = None
    if type(module) in (MLP, TwoHiddenMLP):
        last = _linear(file, "hidden", module.hidden, None, n_leaky=1)
        if type(module) is TwoHiddenMLP:
            last = _linear(file, "second", module.second, last, n_leaky=1)
    elif type(module) is ClassSomata:
        last = _dendritic(file, module.dendritic, n_leaky=0, name="logits")
    elif type(module) is DendriticSimple:
        last = _dendritic(file, module.dendritic, n_leaky=1)
    elif type(module) is SomaDisabled:
        last = _dendritic(file, module.dendritic, n_leaky=1)
        last = _linear(file, "hidden", module.hidden, last, n_leaky=1)
    elif type(module) is SparseSomata:
        last = _dendritic(file, module.dendritic, n_leaky=1)
        last = _dendritic(file, module.somata, n_leaky=1, prefix="second_", source=last)
    elif type(module) is DendriticTwoLayers:
        last = _dendritic(file, module.dendritic, n_leaky=1)
        last = _dendritic(file, module.second, n_leaky=1, prefix="second_", source=last)
    elif type(module) is DendriticConvolutional:
        last = _convolutional(file, module)
    elif type(module) is DendriticWithHidden:
        last = _dendritic(file, module.dendritic, n_leaky=2)
        last = _linear(file, "hidden", module.hidden, last, n_leaky=1)
    elif type(module) is not LinearModel:
        raise ExportError(
            f"{type(module).__name__} cannot be exported to C; only jdend's own architectures can "
            "(stablehlo takes any)"
        )
    classifier = getattr(module, "classifier", None)
    if classifier is not None:
        _linear(file, "classifier", classifier, last, n_leaky=0)
    for name, slope in (("leaky", NEGATIVE_SLOPE), ("dendrite", _dendrite_slope(module))):
        if any(f"{name}(" in line for line in file.body):
            file.define(LEAKY.format(name=name, slope=f"{slope:.9g}"))
    return file.source()


def _dendrite_slope(module: Any) -> float:
    layer = getattr(module, "dendritic", None)
    return NEGATIVE_SLOPE if layer is None else layer.dendrite_slope


def _dendritic(
    file: CFile,
    layer: DendriticLayer,
    *,
    n_leaky: int,
    name: str = "somata",
    prefix: str = "",
    source: str | None = None,
) -> str:
    """Computes a dendritic layer that ends in `n_leaky` LeakyReLUs; returns its buffer's name.

    It reads a buffer, or the input if `source` is None; its tables and buffers have the prefix.
    """
    n, d, _ = layer.indices.shape
    sum_up, dendrite = _dendrite(
        file, layer, np.asarray(layer.indices[...]), prefix=prefix, source=source
    )
    if layer.soma_weight is None or layer.soma_bias is None:
        out = file.buffer(f"{prefix}dendrites", d)
        file.body += [
            f"for (uint32_t row = 0; row < {d}; row++) {{",
            *_indented(1, [*sum_up, f"{out}[row] = {_leaky(n_leaky - 1, dendrite)};"]),
            "}",
        ]
        return out
    out = name if name == "logits" else file.buffer(f"{prefix}{name}", n)
    soma_up, soma = _soma(file, layer, sum_up, dendrite, n_leaky, prefix)
    file.body += [
        f"for (uint32_t n = 0; n < {n}; n++) {{",
        *_indented(1, [*soma_up, f"{out}[n] = {soma};"]),
        "}",
    ]
    return out


def _dendrite(
    file: CFile,
    layer: DendriticLayer,
    indices: np.ndarray,
    *,
    first: str = "",
    prefix: str = "",
    source: str | None = None,
) -> tuple[list[str], str]:
    """Defines a layer's dendrites; returns the statements that sum up the inputs of dendrite `row`,
    and its value. `indices` say where they are in the input, or the buffer `source`, from the
    position `first` on."""
    if layer.sizes is not None:
        raise ExportError("this network's arrays are padded; train it alone, by train_model")
    n, d, k = layer.indices.shape
    indices, weight = indices.reshape(n * d, k), np.asarray(layer.weight[...]).reshape(n * d, k)
    bias, name = layer.biases()[0].reshape(-1), f"{prefix}dendrite"
    n_read = file.n_features if source is None else layer.in_features
    of_weight, position = (f"{name}_{table}[row * {k} + k]" for table in ("weight", "index"))
    whole = source is None and _whole(file)
    if source is None:
        _define_rows(file, name, _reading(file, weight, bias, indices))
        weighted = _input_term(file, of_weight, f"{first}{position}")
    else:
        _define_rows(file, name, rows(weight, bias, file.weights))
        weighted = f"{_stored(file, of_weight)} * {source}[{position}]"
    file.table(f"{name}_index", indices.astype(_index_type(n_read)))
    dendrite = _finished(file, name, "row", "sum", whole=whole)
    function = "leaky" if layer.dendrite_slope == NEGATIVE_SLOPE else "dendrite"
    dendrite = f"({dendrite})" if layer.dendrite_slope == 1.0 else f"{function}({dendrite})"
    sum_up = [
        f"{'int32_t' if whole else 'float'} sum = 0;",
        f"for (uint32_t k = 0; k < {k}; k++)",
        f"    sum += {weighted};",
    ]
    return sum_up, dendrite


def _soma(
    file: CFile, layer: Any, sum_up: list[str], dendrite: str, n_leaky: int, prefix: str = ""
) -> tuple[list[str], str]:
    """Defines a layer's somata; returns the statements that sum up the dendrites of soma `n`, and
    its value."""
    d, name = layer.indices.shape[1], f"{prefix}soma"
    _define_rows(file, name, rows(layer.soma_weight[...], layer.soma_bias[...], file.weights))
    soma_up = [
        "float soma = 0;",
        f"for (uint32_t row = n * {d}; row < (n + 1) * {d}; row++) {{",
        *_indented(1, [*sum_up, f"soma += {_stored(file, f'{name}_weight[row]')} * {dendrite};"]),
        "}",
    ]
    return soma_up, _leaky(n_leaky, _finished(file, name, "n", "soma"))


def _convolutional(file: CFile, module: DendriticConvolutional) -> str:
    """Computes a neuron on every patch, and its largest soma in every region; returns the buffer
    of these."""
    layer, size, stride, side = (
        module.dendritic,
        module.patch_size,
        module.stride,
        module.pooled_size,
    )
    height, width, channels = module.image_shape
    n_rows, n_columns = ((length - size) // stride + 1 for length in (height, width))
    # Where the inputs of the first patch are in the image; others are as far from their patch's.
    row, column, channel = np.unravel_index(layer.indices[...], (size, size, channels))
    indices = (row * width + column) * channels + channel
    soma_up, soma = _soma(file, layer, *_dendrite(file, layer, indices, first="first + "), 1)
    for name, length in (("row", n_rows), ("column", n_columns)):
        bounds = np.array(module.regions(length)).astype(_index_type(length + 1))
        file.table(f"region_{name}", bounds)
    n = layer.indices.shape[0]
    of_patches = file.buffer("of_patches", n_rows * n_columns)
    out = file.buffer("pooled", n * side * side)
    file.body += [
        f"for (uint32_t n = 0; n < {n}; n++) {{",
        f"    for (uint32_t patch = 0; patch < {n_rows * n_columns}; patch++) {{",
        f"        uint32_t first = patch / {n_columns} * {stride * width * channels}"
        f" + patch % {n_columns} * {stride * channels};",
        *_indented(2, [*soma_up, f"{of_patches}[patch] = {soma};"]),
        "    }",
        f"    for (uint32_t region = 0; region < {side * side}; region++) {{",
        f"        const uint32_t y = 2 * (region / {side}), x = 2 * (region % {side});",
        f"        float largest = {of_patches}[region_row[y] * {n_columns} + region_column[x]];",
        "        for (uint32_t i = region_row[y]; i < region_row[y + 1]; i++)",
        "            for (uint32_t j = region_column[x]; j < region_column[x + 1]; j++)",
        f"                if ({of_patches}[i * {n_columns} + j] > largest)",
        f"                    largest = {of_patches}[i * {n_columns} + j];",
        f"        {out}[n * {side * side} + region] = largest;",
        "    }",
        "}",
    ]
    return out


def _linear(file: CFile, name: str, layer: nnx.Linear, source: str | None, *, n_leaky: int) -> str:
    """Computes a linear layer that reads a buffer, or the input if `source` is None."""
    weight = np.asarray(layer.kernel[...]).T
    bias = np.zeros(len(weight)) if layer.bias is None else layer.bias[...]
    n_out, n_in = weight.shape
    of_weight = f"{name}_weight[row * {n_in} + k]"
    whole = source is None and _whole(file)
    if source is None:
        every = np.broadcast_to(np.arange(n_in), weight.shape)
        _define_rows(file, name, _reading(file, weight, bias, every))
        weighted = _input_term(file, of_weight, "k")
    else:
        _define_rows(file, name, rows(weight, bias, file.weights))
        weighted = f"{_stored(file, of_weight)} * {source}[k]"
    out = "logits" if name == "classifier" else file.buffer(name, n_out)
    value = _leaky(n_leaky, _finished(file, name, "row", "sum", whole=whole))
    file.body += [
        f"for (uint32_t row = 0; row < {n_out}; row++) {{",
        f"    {'int32_t' if whole else 'float'} sum = 0;",
        f"    for (uint32_t k = 0; k < {n_in}; k++)",
        f"        sum += {weighted};",
        f"    {out}[row] = {value};",
        "}",
    ]
    return out


def _whole(file: CFile) -> bool:
    """Whether what reads the input computes with whole numbers: int8 weights times pixels."""
    return file.weights == "int8" and file.model.inputs == "uint8"


def _reading(file: CFile, weight, bias, indices) -> Rows:
    """Rows that read the input; for whole numbers normalisation becomes part of them."""
    if not _whole(file):
        return rows(weight, bias, file.weights)
    if weight.shape[1] > MAX_INPUTS:
        raise ExportError(
            f"{weight.shape[1]} inputs a row are more than 32-bit sums hold ({MAX_INPUTS}); "
            "use weights='float32'"
        )
    offset, scale = file.model.offset, file.model.scale
    return rows(*fold_normalisation(weight, bias, indices, offset, scale), file.weights)


def _define_rows(file: CFile, name: str, made: Rows) -> None:
    file.table(f"{name}_weight", made.weight)
    file.table(f"{name}_bias", made.bias)
    if made.scale is not None:
        file.table(f"{name}_scale", made.scale)


def _define_input(file: CFile) -> None:
    """Defines the function `input`, which normalises one value."""
    terms = []
    for name in ("offset", "scale"):
        values = np.asarray(getattr(file.model, name), np.float32).ravel()
        period = _period(values)
        if period == 1:
            terms.append(literals(values[:1])[0].strip(" ,"))
        else:
            file.table(f"input_{name}", values[:period])
            position = "i" if period == values.size else f"i % {period}"
            terms.append(f"input_{name}[{position}]")
    file.define(
        f"static float input(const {file.x_type} *{file.x}, uint32_t i)\n{{\n"
        f"    return ((float){file.x}[i] - {terms[0]}) * {terms[1]};\n}}\n"
    )


def _period(values: np.ndarray) -> int:
    """After how many values the values repeat: 1, the number of channels, or all."""
    for period in (1, 2, 3, 4):
        if values.size % period == 0 and (values.reshape(-1, period) == values[:period]).all():
            return period
    return values.size


def _input_term(file: CFile, weight: str, position: str) -> str:
    """One term of a sum over the input."""
    if _whole(file):
        return f"(int32_t){weight} * {file.x}[{position}]"
    return f"{_stored(file, weight)} * input({file.x}, {position})"


def _stored(file: CFile, weight: str) -> str:
    return f"(float){weight}" if file.weights == "int8" else weight


def _finished(file: CFile, name: str, row: str, total: str, *, whole: bool = False) -> str:
    """The value of a row, computed from its sum."""
    if file.weights == "float32":
        return f"{total} + {name}_bias[{row}]"
    return f"{'(float)' if whole else ''}{total} * {name}_scale[{row}] + {name}_bias[{row}]"


def _leaky(times: int, value: str) -> str:
    return "leaky(" * times + value + ")" * times


def _indented(levels: int, lines: list[str]) -> list[str]:
    return ["    " * levels + line for line in lines]


def _index_type(n_features: int) -> type:
    if n_features <= 2**8:
        return np.uint8
    return np.uint16 if n_features <= 2**16 else np.uint32
