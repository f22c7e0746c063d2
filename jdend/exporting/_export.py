"""The function that exports a network, in all formats."""

from dataclasses import dataclass
from pathlib import Path

from jdend._files import os_errors_as, user_path, write_bytes
from jdend.exporting._c import c_source
from jdend.exporting._errors import ExportError
from jdend.exporting._quantization import WEIGHTS
from jdend.exporting._stablehlo import serialized
from jdend.models import TrainedModel, load

__all__ = ["FORMATS", "ExportError", "Exported", "export"]

FORMATS = ("stablehlo", "c")


@dataclass(frozen=True)
class Exported:
    """A file that was written, and its sizes.

    Attributes:
      path: the file.
      file_bytes: the size of the file.
      flash_bytes: of C, the size of the constant tables; the code adds a few hundred bytes.
      ram_bytes: of C, the size of the buffers on the stack; nothing is allocated.
    """

    path: Path
    file_bytes: int
    flash_bytes: int | None = None
    ram_bytes: int | None = None

    def __str__(self) -> str:
        sizes = f"{self.file_bytes:,} bytes"
        if self.flash_bytes is not None:
            sizes = f"{self.flash_bytes:,} bytes of tables, {self.ram_bytes:,} bytes of stack"
        return f"{self.path}: {sizes}"


def export(
    model: TrainedModel | str | Path,
    to: str,
    path: str | Path | None = None,
    *,
    weights: str | None = None,
) -> Exported:
    """Writes a trained network as a program that runs without jdend.

    - `stablehlo`: a serialised `jax.export` program for CPU, CUDA and TPU, with any number of
      examples; `jax.export.deserialize(data).call(x)` maps raw examples `[B, F]` to logits.
      It contains the normalisation. Its memory grows with `B` times the network's synapses.
    - `c`: one C99 file that needs no library and allocates nothing. It defines
      `int jdend_predict(const uint8_t *pixels, float *logits)`, which returns the most probable
      class; a network for float32 numbers takes `const float *features`. Of regression
      `logits[0]` is the target in its own units, and 0 is returned; of multilabel those of
      `logits` above 0 are of labels that apply, and their number is returned.

    Args:
      model: the network, or the folder where it is saved.
      to: `stablehlo` or `c`.
      path: the file, which is replaced if it exists; by default `model.stablehlo` or `model.c`.
      weights: of C, `float32` (default), or `int8` with one scale for each row.

    Returns:
      The path and the sizes of the file; as text they are one line.

    Raises:
      ExportError: if the format is unknown or cannot express the network, or the path cannot be
        written.
      jdend.models.ModelError: if the folder has no model that can be loaded.
    """
    if to not in FORMATS:
        raise ExportError(f"unknown format {to!r}; allowed are {', '.join(FORMATS)}")
    if weights is not None and (to != "c" or weights not in WEIGHTS):
        allowed = ", ".join(WEIGHTS) if to == "c" else "for C only"
        raise ExportError(f"weights={weights!r} is not allowed; {allowed}")
    if not isinstance(model, TrainedModel):
        model = load(model)
    path = user_path(f"model.{to}" if path is None else path, ExportError)
    if to == "c":
        source = c_source(model, weights or "float32")
        data = source.text.encode("ascii")
        written = Exported(path, len(data), source.flash_bytes, source.ram_bytes)
    else:
        data = serialized(model)
        written = Exported(path, len(data))
    with os_errors_as(ExportError, f"cannot write {path}"):
        write_bytes(path, data)
    return written
