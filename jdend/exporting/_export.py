"""One function for all formats."""

from dataclasses import dataclass
from pathlib import Path

from jdend._files import os_errors_as, write_bytes
from jdend.exporting._c import c_source
from jdend.exporting._errors import ExportError
from jdend.exporting._quantization import WEIGHTS
from jdend.exporting._stablehlo import serialized
from jdend.models import TrainedModel, load

__all__ = ["FORMATS", "ExportError", "Exported", "export"]

FORMATS = ("stablehlo", "c")


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
      path: where.
      file_bytes: the file's size.
      flash_bytes: of C, the constant tables; code comes on top, a few hundred bytes.
      ram_bytes: of C, the buffers on the stack; nothing is allocated.
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
      Normalisation is part of it. Memory grows with `B` times the network's synapses.
    - `c`: one C99 file that needs no library and allocates nothing. It defines
      `int jdend_predict(const uint8_t *pixels, float *logits)`, which returns the most probable
      class; networks for float32 numbers take `const float *features`.

    Args:
      model: the network, or the folder where it is saved.
      to: `stablehlo` or `c`.
      path: the file; `model.stablehlo` or `model.c` by default. It is replaced.
      weights: of C, `float32` (default), or `int8` with one scale a row.

    Returns:
      Where it was written, and how large it is; printed, it says so.

    Raises:
      ExportError: for an unknown format, a network that the format cannot express, or a path that
        cannot be written.
      jdend.models.ModelError: if a folder holds no model that loads.
    """
    if to not in FORMATS:
        raise ExportError(f"unknown format {to!r}; allowed are {', '.join(FORMATS)}")
    if weights is not None and (to != "c" or weights not in WEIGHTS):
        allowed = ", ".join(WEIGHTS) if to == "c" else "for C only"
        raise ExportError(f"weights={weights!r} is not allowed; {allowed}")
    if not isinstance(model, TrainedModel):
        model = load(model)
    path = Path(f"model.{to}" if path is None else path).expanduser()
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
