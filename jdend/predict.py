"""`python -m jdend.predict DIR FILE…`: the class of each image, by a saved network."""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from jdend.models import TrainedModel

__all__ = ["PredictError", "main", "read_examples"]

ARRAYS = (".npz", ".npy")
# Of the array in an .npz file of several.
NAMES = ("images", "x", "X", "data", "x_test", "test_images")
DEEP = ("I", "F", "I;16", "I;16B", "I;16L")  # Pillow's modes of more than 8 bits a channel
EPILOG = """\
files:
  .png, .pgm, .jpg, …   one image each, of the size that the network reads; colours become grey
                        where it reads grey
  .npz, .npy            many at once: [n, H, W], [n, H, W, C] or [n, F], as in the training data

examples:
  python -m jdend.predict runs/best shirt.png boot.png
  python -m jdend.predict runs/best images.npz --json
"""


class PredictError(ValueError):
    """A file that a network cannot classify, and why."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code: 0, or 2 for bad input."""
    options = _parser().parse_args(arguments)

    from jdend.models import ModelError, load

    try:
        model = load(options.model)
        # All files are read before anything is printed.
        named = [(path, read_examples(path, model)) for path in map(Path, options.files)]
    except (PredictError, ModelError) as error:
        print(f"jdend.predict: {error}", file=sys.stderr)
        return 2
    try:
        for path, x in named:
            for line in _lines(path, x, model, as_json=options.json):
                print(line)
        sys.stdout.flush()
    except BrokenPipeError:  # of `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def read_examples(path: Path, model: "TrainedModel") -> "np.ndarray":
    """The examples of a file as a network reads them, `[n, F]`.

    Raises:
      PredictError: if the file cannot be read, or does not hold what the network reads.
    """
    x = _arrays(path) if path.suffix.lower() in ARRAYS else _image(path, model)
    try:
        return model.examples(x)
    except ValueError as error:
        raise PredictError(f"{path}: {error}") from None


def _lines(path: Path, x: "np.ndarray", model: "TrainedModel", *, as_json: bool) -> Iterator[str]:
    alone = path.suffix.lower() not in ARRAYS
    for i, shares in enumerate(model.probabilities(x)):
        best = int(shares.argmax())
        name, label = str(path) if alone else f"{path}[{i}]", model.class_names[best]
        if as_json:
            every = dict(zip(model.class_names, [round(float(s), 6) for s in shares], strict=True))
            record = {"image": name, "class": label, "probability": every[label]}
            yield json.dumps({**record, "position": best, "probabilities": every})
        else:
            yield f"{name}  {label}  {shares[best]:.4f}"


def _arrays(path: Path) -> "np.ndarray":
    import numpy as np

    try:
        found = np.load(path, allow_pickle=False)
        if isinstance(found, np.ndarray):
            return found
        with found as arrays:
            names = [name for name in NAMES if name in arrays.files]
            if len(arrays.files) == 1:
                names = arrays.files
            if not names:
                held = ", ".join(arrays.files) or "nothing"
                raise PredictError(
                    f"{path} holds {held}; name the array of images one of {', '.join(NAMES)}"
                )
            return arrays[names[0]]
    except PredictError:
        raise
    except Exception as error:  # of zip files, of NumPy's format, of the file system
        said = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise PredictError(f"cannot read {path}: {said}") from None


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
        with Image.open(path) as image:
            if image.size != (width, height):
                raise PredictError(
                    f"{path} is {image.width} x {image.height} pixels, and this network reads "
                    f"{width} x {height}; crop and resize it first"
                )
            if image.mode in DEEP:
                raise PredictError(f"{path} has more than 8 bits a pixel; convert it to 8 first")
            pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    except UnidentifiedImageError:
        raise PredictError(f"{path} is no image of a kind that is known here") from None
    except OSError as error:
        raise PredictError(f"cannot read {path}: {error.strerror or error}") from None
    return pixels.reshape(1, height, width, channels)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m jdend.predict",
        description="Says the class of each image, and its probability, by a saved network.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("model", metavar="DIR", help="where the network is saved")
    parser.add_argument("files", metavar="FILE", nargs="+", help="images, or arrays of them")
    parser.add_argument("--json", action="store_true", help="a JSON object a line")
    return parser


if __name__ == "__main__":
    sys.exit(main())
