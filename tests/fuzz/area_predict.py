"""Files that `jdend.predict` is given: images of many kinds, arrays, and what is left of them."""

import functools
import io
from pathlib import Path

import numpy as np
from area_npz import ARRAYS, FILES, HEADERS
from fuzzing import Area, damaged
from hypothesis import strategies as st

from jdend.predict import PredictError, read_examples

KINDS = ["PNG", "PPM", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "TGA", "ICO", "PCX", "EPS"]
MODES = ["L", "1", "P", "RGB", "RGBA", "LA", "I;16", "I", "F", "CMYK", "LAB", "YCbCr"]


@functools.cache
def image(kind: str, mode: str, size: tuple[int, int]) -> bytes:
    """Empty where Pillow does not write that."""
    from PIL import Image

    file = io.BytesIO()
    try:
        Image.new(mode, size).save(file, kind)
    except (OSError, ValueError, KeyError):
        return b""
    return file.getvalue()


@functools.cache
def model():
    from flax import nnx

    from jdend.models import Problem, TrainedModel, build, configure

    configuration = configure({"architecture": "mlp", "hidden_dim": 1}, Problem(20, 2, (5, 4, 1)))
    module = build(configuration.structure, rngs=nnx.Rngs(0))
    numbers = {"offset": np.float32(0), "scale": np.float32(1)}
    return TrainedModel(
        module=module, configuration=configuration, class_names=("a", "b"), **numbers
    )


IMAGES = st.builds(
    image,
    st.sampled_from(KINDS),
    st.sampled_from(MODES),
    st.sampled_from([(4, 5), (4, 5), (4, 5), (5, 4), (1, 1), (300, 2)]),
)
WORDS = st.one_of(
    st.integers(0, 300).map(str), st.sampled_from(["#", "\n", "9" * 40, "x", "-1", ""])
)
PLAIN = st.builds(
    lambda kind, size, words: f"{kind} {size} {' '.join(words)}\n".encode(),
    st.sampled_from(["P1", "P2", "P3", "P4", "P5", "P6", "Pf", "PF", "P7", "Py"]),
    st.sampled_from(["4 5", "4 5 255", "4 5 65535", "99999 99999 255", "4", "0 0 255", "-4 5 1"]),
    st.lists(WORDS, max_size=25),
)


def check(given: tuple[str, bytes], folder: Path) -> None:
    suffix, content = given
    path = folder / f"a.{suffix}"
    path.write_bytes(content)
    x = read_examples(path, model())
    assert x.dtype == np.uint8
    assert x.shape[1:] == (20,)


PICTURES = st.tuples(
    st.sampled_from(["png", "pgm", ""]), st.one_of(IMAGES, damaged(IMAGES), PLAIN, damaged(PLAIN))
)
TABLES = st.tuples(
    st.sampled_from(["npz", "npy"]), st.one_of(FILES, damaged(FILES), ARRAYS, HEADERS)
)
AREA = Area(
    "predict",
    st.one_of(PICTURES, PICTURES, TABLES),
    check,
    (PredictError,),
    corpus=[
        ("png", b""),
        ("pgm", b"P2 4 5 255 " + b"9" * 99),
        ("pgm", b"P2 4 5 255 " + b"300 " * 20),
        ("pgm", b"P5 60000 60000 255\n"),
        ("png", image("EPS", "L", (4, 5))),
        ("tif", image("TIFF", "LAB", (4, 5))),
    ],
)
