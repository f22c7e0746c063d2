"""Saved models: entries of the configuration replaced, weights damaged but of the right digest."""

import functools
import hashlib
import json
from pathlib import Path

import numpy as np
from fuzzing import Area, damaged
from hypothesis import strategies as st

from jdend.models import ModelError, load, save

PATHS = ["class_names", "figures", "inputs", "origin", "configuration", "format", "weights_sha256"]
PATHS += [f"configuration.{name}" for name in ("structure", "hyperparameters")]
PATHS += [f"configuration.hyperparameters.{name}" for name in ("lr", "schedule", "wings")]
IN_STRUCTURE = ["architecture", "batch_size", "problem", "values", "values.hidden_dim"]
IN_STRUCTURE += ["problem.in_features", "problem.n_classes", "problem.image_shape"]
PATHS += [f"configuration.structure.{name}" for name in IN_STRUCTURE]
PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from(["", "mlp", "a", "\ud800"]),
    st.sampled_from([-1, 0, 1, 2, 20, 2**31 - 1, 2**31, 10**400]),
)
ENTRIES = st.one_of(
    PLAIN,
    st.lists(PLAIN, max_size=3),
    st.dictionaries(st.sampled_from(["hidden_dim", "lr", "in_features", "x"]), PLAIN, max_size=2),
)


@functools.cache
def saved() -> tuple[str, bytes]:
    """The configuration and the weights of a small network."""
    import tempfile

    from area_predict import model

    with tempfile.TemporaryDirectory() as place:
        folder = save(model(), Path(place) / "model")
        return (folder / "config.json").read_text(), (folder / "model.safetensors").read_bytes()


WEIGHTS = st.one_of(st.just(None), damaged(st.builds(lambda: saved()[1])), st.binary(max_size=40))


def check(given: tuple[dict[str, object] | str, bytes | None], folder: Path) -> None:
    changes, weights = given
    weights = saved()[1] if weights is None else weights
    (folder / "model.safetensors").write_bytes(weights)
    if isinstance(changes, str):
        (folder / "config.json").write_text(changes)
    else:
        record = json.loads(saved()[0])
        record["weights_sha256"] = hashlib.sha256(weights).hexdigest()
        for path, value in changes.items():
            *outer, name = path.split(".")
            inner = record
            for key in outer:
                inner = inner.get(key) if isinstance(inner, dict) else None
            if isinstance(inner, dict):
                inner[name] = value
        (folder / "config.json").write_text(json.dumps(record))
    model = load(folder)
    logits = model.logits(
        np.zeros((1, model.configuration.structure.problem.in_features), np.uint8)
    )
    assert logits.shape == (1, len(model.class_names))


CHANGES = st.dictionaries(st.sampled_from(PATHS), ENTRIES, max_size=2)
AREA = Area(
    "models",
    st.tuples(CHANGES, WEIGHTS),
    check,
    (ModelError,),
    corpus=[
        ("[" * 100_000, None),
        ("{}", None),
        ({}, b""),
        ({"configuration.structure.values": "hidden_dim"}, None),
        ({"configuration.structure.values.hidden_dim": 2**31 - 1}, None),
        ({"configuration.structure.values.hidden_dim": 10**400}, None),
    ],
)
