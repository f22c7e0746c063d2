"""`python -m jdend.predict DIR FILE…`: classifies images or rows of tables by a saved network."""

import argparse
import json
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jdend._messages import OneLineError, printable, reason
from jdend._output import Parser, command_line, complain, show

if TYPE_CHECKING:
    import numpy as np

    from jdend.models import TrainedModel

__all__ = ["PredictError", "command_parser", "main", "read_examples"]

ARRAYS, TABLES = (".npz", ".npy"), (".csv", ".tsv", ".parquet")
# The names that the array of images may have in an .npz file with several arrays.
NAMES = ("images", "x", "X", "data", "x_test", "test_images")
# The formats that are read. Pillow's others are rare, or start other programs.
KINDS = ("PNG", "PPM", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "TGA")
DEEP = ("I", "F", "I;16", "I;16B", "I;16L")  # Pillow's modes of more than 8 bits a channel
EPILOG = """\
files:
  .png, .pgm, .jpg, …   one image each (BMP, GIF, JPEG, PNG, PPM and PGM, TGA, TIFF, WebP), of the
                        size that the network reads; colours become grey where it reads grey
  .npz, .npy            many at once: [n, H, W], [n, H, W, C] or [n, F], as in the training data
  .csv, .tsv, .parquet  a table with the columns of the one that the network was trained on, in any
                        order; others are not read, which is said on stderr

A file that cannot be classified has a line on stderr, the others their classes; then the exit code
is 2.

examples:
  python -m jdend.predict runs/best shirt.png boot.png
  python -m jdend.predict runs/best images.npz --json
  python -m jdend.predict runs/best new.csv
"""


class PredictError(OneLineError):
    """A file cannot be classified; the message says why."""


@command_line("jdend.predict")
def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code: 0, or 2 if any input was bad."""
    options = command_parser().parse_args(arguments)

    from jdend.models import ModelError, load

    try:
        model = load(options.model)
    except ModelError as error:
        complain(f"jdend.predict: {error}")
        return 2
    code = 0
    for path in map(Path, options.files):
        try:
            x = read_examples(path, model)
        except PredictError as error:
            complain(f"jdend.predict: {error}")
            code = 2
            continue
        for line in _lines(path, x, model, as_json=options.json):
            show(line)
    return code


def read_examples(path: Path, model: "TrainedModel") -> "np.ndarray":
    """The examples of a file, as the network reads them: `[n, F]`.

    Raises:
      PredictError: if the file cannot be read, or the network cannot read its contents.
    """
    suffix = path.suffix.lower()
    if suffix in TABLES:
        return _rows(path, model)
    x = _arrays(path) if suffix in ARRAYS else _image(path, model)
    try:
        return model.examples(x)
    except ValueError as error:
        raise PredictError(f"{path}: {error}") from None


def _lines(path: Path, x: "np.ndarray", model: "TrainedModel", *, as_json: bool) -> Iterator[str]:
    suffix = path.suffix.lower()
    alone, what = suffix not in ARRAYS + TABLES, "row" if suffix in TABLES else "image"
    if model.target is not None:
        for i, value in enumerate(model.predict(x).tolist()):
            name = str(path) if alone else f"{path}[{i}]"
            record = {what: name, "target": model.class_names[0], "value": value}
            yield json.dumps(record) if as_json else f"{printable(name)}  {value:.6g}"
        return
    if model.task == "multilabel":
        every = zip(model.predict(x).tolist(), model.probabilities(x).tolist(), strict=True)
        for i, (applies, shares) in enumerate(every):
            name = str(path) if alone else f"{path}[{i}]"
            labels = dict(zip(model.class_names, applies, strict=True))
            probabilities = dict(zip(labels, [round(s, 6) for s in shares], strict=True))
            record = {what: name, "labels": labels, "probabilities": probabilities}
            said = [f"{printable(n)} {labels[n]} {p:.4f}" for n, p in probabilities.items()]
            yield json.dumps(record) if as_json else f"{printable(name)}  {'  '.join(said)}"
        return
    for i, shares in enumerate(model.probabilities(x)):
        best = int(shares.argmax())
        name, label = str(path) if alone else f"{path}[{i}]", model.class_names[best]
        if as_json:
            every = dict(zip(model.class_names, [round(float(s), 6) for s in shares], strict=True))
            record = {what: name, "class": label, "probability": every[label]}
            yield json.dumps({**record, "position": best, "probabilities": every})
        else:
            yield f"{printable(name)}  {printable(label)}  {shares[best]:.4f}"


def _rows(path: Path, model: "TrainedModel") -> "np.ndarray":
    from jdend.data import DataError, read_table

    if model.table is None:
        raise PredictError(
            f"{path} is a table, and this network was not trained on one; give images, or an .npz "
            "file"
        )
    try:
        table = read_table(path)
        x = model.examples(table)
        for remark in model.table.remarks(table):
            complain(f"jdend.predict: {path}: {remark}")
        return x
    except DataError as error:
        raise PredictError(str(error)) from None


def _arrays(path: Path) -> "np.ndarray":
    from jdend.data import DataError, open_arrays

    try:
        file = open_arrays(path)
        if len(file.names) == 1:
            return file.read(file.names)[0]
        name = next((name for name in NAMES if name in file.names), None)
        if name is None:
            held = ", ".join(file.names) or "nothing"
            raise PredictError(
                f"{path} holds {held}; name the array of images one of {', '.join(NAMES)}"
            )
        return file.read([name])[0]
    except DataError as error:
        raise PredictError(str(error)) from None


def _image(path: Path, model: "TrainedModel") -> "np.ndarray":
    """One image `[1, H, W, C]`."""
    import numpy as np
    from PIL import Image, UnidentifiedImageError

    shape = model.configuration.structure.problem.image_shape
    if shape is None or model.inputs != "uint8" or shape[2] not in (1, 3):
        raise PredictError(
            f"{path} is an image, and this network does not read any; give an .npz file of its "
            f"{model.configuration.structure.problem.in_features} features"
        )
    height, width, channels = shape
    try:
        if path.exists() and not path.is_file():
            raise PredictError(f"{path} is no file; give an image, or several")
        # The size is checked before pixels are decoded, so Pillow need not warn of large ones.
        with warnings.catch_warnings(action="ignore"), Image.open(path, formats=KINDS) as image:
            if image.size != (width, height):
                raise PredictError(
                    f"{path} is {image.width} x {image.height} pixels, and this network reads "
                    f"{width} x {height}; crop and resize it first"
                )
            if image.mode in DEEP:
                raise PredictError(f"{path} has more than 8 bits a pixel; convert it to 8 first")
            pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    except PredictError:
        raise
    except UnidentifiedImageError:
        raise PredictError(f"{path} is no image of a kind that is known here") from None
    except Exception as error:  # Pillow's decoders raise what Python raises: SyntaxError, …
        advice = "" if getattr(error, "strerror", None) else "; save it as PNG again"
        raise PredictError(f"cannot read {path}: {reason(error)}{advice}") from None
    return pixels.reshape(1, height, width, channels)


def command_parser() -> argparse.ArgumentParser:
    """The parser of its options."""
    parser = Parser(
        prog="python -m jdend.predict",
        description="Says the class of each image, or row of a table, by a saved network; "
        "of one for regression the number that it predicts, of one for several labels whether each "
        "applies, as 1 or 0, and its probability.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("model", metavar="DIR", help="where the network is saved")
    parser.add_argument("files", metavar="FILE", nargs="+", help="images, arrays or tables")
    parser.add_argument("--json", action="store_true", help="a JSON object a line")
    return parser


if __name__ == "__main__":
    sys.exit(main())
