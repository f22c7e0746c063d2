"""The text of a C file: a comment, tables and one function."""

from dataclasses import dataclass, field

import numpy as np

from jdend import __version__
from jdend.exporting._c_table import check_rows, feature_lines
from jdend.models import MULTILABEL, TrainedModel, count_params

__all__ = ["CFile", "Source", "literals"]

WIDTH = 96


@dataclass(frozen=True)
class Source:
    """The text of a C file, and the bytes that its tables and buffers take."""

    text: str
    flash_bytes: int
    ram_bytes: int


@dataclass
class CFile:
    """A C file to which tables, functions, buffers and statements are added, in their order.

    Attributes:
      model: the network.
      weights: `float32` or `int8`.
      body: the statements of `jdend_predict`; those of the classifier write to `logits`.
    """

    model: TrainedModel
    weights: str
    body: list[str] = field(default_factory=list)
    _definitions: list[str] = field(default_factory=list)
    _buffers: dict[str, int] = field(default_factory=dict)
    _flash_bytes: int = 0

    @property
    def x(self) -> str:
        """The name of the function's argument."""
        pixels = self.model.inputs == "uint8" and self.model.table is None
        return "pixels" if pixels else "features"

    @property
    def x_type(self) -> str:
        return "uint8_t" if self.model.inputs == "uint8" else "float"

    @property
    def n_features(self) -> int:
        return self.model.configuration.structure.problem.in_features

    def table(self, name: str, values: np.ndarray) -> None:
        """Adds a table of constants."""
        kind = "float" if values.dtype.kind == "f" else f"{values.dtype}_t"
        lines = "\n".join(literals(values))
        self.define(f"static const {kind} {name}[{values.size}] = {{\n{lines}\n}};\n")
        self._flash_bytes += values.nbytes

    def define(self, text: str) -> None:
        self._definitions.append(text)

    def buffer(self, name: str, size: int) -> str:
        """Adds a buffer of floats on the stack; returns its name."""
        self._buffers[name] = size
        return name

    def source(self) -> Source:
        """The file with all that was added so far."""
        ram_bytes = 4 * sum(self._buffers.values())
        signature = f"int jdend_predict(const {self.x_type} *{self.x}, float *logits)"
        comment = self._comment(signature, ram_bytes)
        body = [
            *(f"float {name}[{size}];" for name, size in self._buffers.items()),
            f"int {'n' if self.model.task == MULTILABEL else 'best'} = 0;",
            "",
            *self.body,
            *self._in_units(),
            *self._answer(),
        ]
        parts = [
            "/*",
            *(f" * {_plain(line)}".rstrip() for line in comment),
            " */",
            "#include <stdint.h>\n",
            f"{signature};\n",
            *self._definitions,
            signature,
            "{",
            *(f"    {line}".rstrip() for line in body),
            "}\n",
            *self._check(),
        ]
        return Source("\n".join(parts), self._flash_bytes, ram_bytes)

    def _in_units(self) -> list[str]:
        """Of regression, what turns the standardised target into its own units."""
        if self.model.target is None:
            return []
        mean, deviation = (literals(np.array([v], np.float32))[0] for v in self.model.target)
        mean, deviation = (text.strip().rstrip(",") for text in (mean, deviation))
        return [f"logits[0] = logits[0] * {deviation} + {mean};"]

    def _answer(self) -> list[str]:
        """What returns the most probable class; of multilabel how many labels apply."""
        n_classes = len(self.model.class_names)
        if self.model.task == MULTILABEL:
            return [
                f"for (int row = 0; row < {n_classes}; row++)",
                "    n += logits[row] > 0.0f;",
                "return n;",
            ]
        return [
            f"for (int row = 1; row < {n_classes}; row++)",
            "    if (logits[row] > logits[best])",
            "        best = row;",
            "return best;",
        ]

    def _check(self) -> list[str]:
        """A program that checks the function on rows of the table; nothing unless JDEND_CHECK is
        defined. Weights in int8 only come near to the network's logits, so they are not checked."""
        table = self.model.table
        if table is None or self.weights != "float32":
            return []
        features, logits = check_rows(self.model, table)
        (n_rows, n), (_, n_classes) = features.shape, logits.shape
        tolerance = f"{1e-4 * max(1.0, float(np.abs(logits).max())):.9g}f"
        return [
            "#ifdef JDEND_CHECK",
            f"static const {self.x_type} check_features[{features.size}] = {{",
            *literals(features),
            "};",
            f"static const float check_logits[{logits.size}] = {{",
            *literals(logits),
            "};\n",
            "int main(void)",
            "{",
            f"    float logits[{n_classes}];",
            f"    for (int row = 0; row < {n_rows}; row++) {{",
            f"        jdend_predict(check_features + row * {n}, logits);",
            f"        for (int i = 0; i < {n_classes}; i++) {{",
            f"            float difference = logits[i] - check_logits[row * {n_classes} + i];",
            f"            if (!(difference < {tolerance} && difference > -{tolerance}))",
            "                return row + 1;",
            "        }",
            "    }",
            "    return 0;",
            "}",
            "#endif\n",
        ]

    def _comment(self, signature: str, ram_bytes: int) -> list[str]:
        model = self.model
        structure = model.configuration.structure
        shape = structure.problem.image_shape
        values = "0 to 255" if model.inputs == "uint8" else "in the data's own units"
        table = [] if model.table is None else feature_lines(model.table)
        check = "With JDEND_CHECK defined it is a program that returns 0 if the function is right."
        if shape is not None:
            values += f", {shape[0]} rows of {shape[1]} pixels, {shape[2]} channel(s) each"
        return [
            f"A network that jdend {__version__} trained; weights in {self.weights}.",
            f"{structure}, {count_params(structure)} parameters",
            *(
                f"{name.replace('_', ' ')} {model.figures[name]:.4f}"
                for name in ("validation_accuracy", "test_accuracy")
                if name in model.figures
            ),
            f"Tables take {self._flash_bytes} bytes, the stack {ram_bytes} and a few words.",
            "C99, no library, nothing allocated.",
            *([check] if self._check() else []),
            "",
            f"{signature};",
            f"    {self.x}: {self.n_features} values, {values}{', in this order:' * bool(table)}",
            *(f"    {line}" for line in table),
            *self._outputs(),
        ]

    def _outputs(self) -> list[str]:
        names = self.model.class_names
        if self.model.target is not None:
            return [
                f"    logits: room for one number, {names[0]} in its own units",
                "    returns 0",
            ]
        if self.model.task == MULTILABEL:
            return [
                f"    logits: room for {len(names)} numbers, above 0 of labels that apply:",
                *(f"    {i:3d} {name}" for i, name in enumerate(names)),
                "    returns how many apply",
            ]
        return [
            f"    logits: room for {len(names)} numbers",
            "    returns the most probable class, the position of the largest logit:",
            *(f"    {i:3d} {name}" for i, name in enumerate(names)),
        ]


def literals(values: np.ndarray) -> list[str]:
    """The values as lines of C, which reads them back exactly."""
    lines, line = [], "   "
    for value in values.ravel().tolist():
        text = f"{value:.9g}" if isinstance(value, float) else str(value)
        if isinstance(value, float):
            text += "f" if set(text) & set(".e") else ".0f"
        if len(line) + len(text) + 2 > WIDTH:
            lines.append(line)
            line = "   "
        line += f" {text},"
    return [*lines, line]


def _plain(line: str) -> str:
    """A line without characters that could end the comment or make a compiler warn."""
    return "".join(c if c.isascii() and (c.isalnum() or c in " _-.,:;()=*'") else "_" for c in line)
