# pyright: reportUnknownMemberType=false
"""Saves and loads trained networks. A saved network is a folder of three files:

model.safetensors    every variable by its path in the module; normalisation.offset and .scale
config.json          configuration, class names, figures, origin, what is done with the columns
                     of a table, format, the weights' digest
README.md            the model card, which says the same to people
"""

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from jdend import __version__
from jdend._files import os_errors_as, user_path, write_folder
from jdend._messages import OneLineError, reason
from jdend.connectivity import check_indices
from jdend.models._card import model_card
from jdend.models._configuration import CLASSIFICATION, Structure, build
from jdend.models._layer import DendriticLayer
from jdend.models._record import list_in, object_in, of_kind, read_configuration
from jdend.models._registry import architectures
from jdend.models._table_record import read_table_record, table_record
from jdend.models._trained import TrainedModel

__all__ = ["FORMAT", "ModelError", "check_folder", "load", "save"]

FORMAT = 1
WEIGHTS, CONFIG, CARD = "model.safetensors", "config.json", "README.md"
PathInModule = tuple[Any, ...]

OFFSET, SCALE = "normalisation.offset", "normalisation.scale"


class ModelError(OneLineError):
    """A model cannot be saved or loaded; the message says why."""


def save(model: TrainedModel, folder: str | Path) -> Path:
    """Writes a trained network to a folder, whole or not at all.

    Args:
      model: the network to save.
      folder: a new or empty folder, or one with a saved model, which is replaced.

    Returns:
      The folder.

    Raises:
      ModelError: if the folder holds other files or cannot be written, or the module has other
        variables than its configuration builds.
    """
    folder = check_folder(folder)
    tensors = _tensors(model)
    try:
        _module(model.configuration.structure, "auto", tensors)
    except ValueError as error:
        raise ModelError(f"this network could not be loaded again: {error}") from None
    weights = save_tensors(tensors)
    configuration = dataclasses.asdict(model.configuration)
    del configuration["structure"]["extras"]  # they follow from the hyperparameters
    problem = configuration["structure"]["problem"]
    # As before there were others.
    if model.task == CLASSIFICATION and problem["loss"] is None:
        del problem["task"], problem["loss"]
    configuration["structure"]["values"] = dict(model.configuration.structure.values)
    record: dict[str, object] = {
        "format": FORMAT,
        "jdend": __version__,
        "configuration": configuration,
        "class_names": list(model.class_names),
        "inputs": model.inputs,
        "normalisation": f"(x - {OFFSET}) * {SCALE}",
        **({} if model.table is None else {"table": table_record(model)}),
        **({} if model.target is None else {"target": list(model.target)}),
        "figures": dict(model.figures),
        "origin": dict(model.origin),
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
    }
    try:
        text = json.dumps(record, indent=2, allow_nan=False) + "\n"
    except (TypeError, ValueError) as error:
        raise ModelError(f"figures and origin must be plain, finite JSON values: {error}") from None
    contents = {
        WEIGHTS: weights,
        CONFIG: text.encode(),
        CARD: model_card(model, _named(folder), __version__).encode(),
    }
    with os_errors_as(ModelError, f"cannot write {folder}"):
        write_folder(folder, contents)
    return folder


def _named(folder: Path) -> str:
    """The folder as one gives it to `jdend.load` where it was saved."""
    here = Path.cwd()
    return str(folder.relative_to(here) if folder.is_relative_to(here) else folder)


def check_folder(folder: str | Path) -> Path:
    """The folder's full path; `ModelError` if a model cannot be saved to it."""
    folder = user_path(folder, ModelError).absolute()
    if folder.is_dir():
        others = {path.name for path in folder.iterdir()} - {WEIGHTS, CONFIG, CARD}
        if others:
            raise ModelError(
                f"{folder} holds other files ({min(others)}); give a new folder for the model"
            )
    elif folder.exists():
        raise ModelError(f"{folder} is a file; give a folder for the model")
    return folder


def load(folder: str | Path, *, kernel: str = "auto") -> TrainedModel:
    """Loads a network that `save` saved, in this process or another.

    Args:
      folder: the folder of the saved model.
      kernel: the kernel that computes dendrites, see `jdend.kernels`.

    Raises:
      ModelError: if the folder has no saved model, or if the model is damaged, has a later format,
        or an architecture that is not registered here.
    """
    folder = user_path(folder, ModelError)
    record = _read_config(folder)
    with os_errors_as(ModelError, f"cannot read {folder / WEIGHTS}"):
        weights = (folder / WEIGHTS).read_bytes()
    if hashlib.sha256(weights).hexdigest() != record.get("weights_sha256"):
        raise ModelError(
            f"{folder / WEIGHTS} is damaged: it is not what {CONFIG} was written with; "
            "copy or save the model again"
        )
    try:
        name = record["configuration"]["structure"]["architecture"]
        if isinstance(name, str) and name not in architectures():
            raise ModelError(
                f"{folder} holds a network of architecture {name!r}, which is not registered here; "
                "call jdend.register_architecture as the program did that trained it, then load "
                "again"
            )
        configuration = read_configuration(record["configuration"])
    except ModelError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise ModelError(f"{folder / CONFIG} is damaged: {_said(error)}") from None
    try:
        tensors = load_tensors(weights)
        return TrainedModel(
            module=_module(configuration.structure, kernel, tensors),
            configuration=configuration,
            offset=tensors[OFFSET],
            scale=tensors[SCALE],
            class_names=tuple(str(name) for name in list_in(record, "class_names")),
            inputs=of_kind(str, record, "inputs"),
            figures=object_in(record, "figures"),
            origin=object_in(record, "origin"),
            table=read_table_record(record.get("table")),
            target=_target(record),
        )
    except Exception as error:  # building a module of any architecture may raise anything
        raise ModelError(f"{folder} does not hold a network as it says: {_said(error)}") from None


def _target(record: Mapping[str, Any]) -> tuple[float, float] | None:
    if record.get("target") is None:
        return None
    values = list_in(record, "target")
    numbers = [type(value) in (int, float) and math.isfinite(value) for value in values]
    if numbers != [True, True]:
        raise ValueError(f"target must be two finite numbers, got {values!r}")
    return float(values[0]), float(values[1])


def _tensors(model: TrainedModel) -> dict[str, np.ndarray]:
    tensors = {
        _name(path): np.asarray(_plain(variable[...]))
        for path, variable in _variables(nnx.state(model.module))
    }
    return {**tensors, OFFSET: np.asarray(model.offset), SCALE: np.asarray(model.scale)}


def _module(structure: Structure, kernel: str, tensors: Mapping[str, np.ndarray]) -> nnx.Module:
    """The network of a structure, with the values from the file."""
    outline = nnx.eval_shape(lambda: build(structure, kernel=kernel, rngs=nnx.Rngs(0)))
    graphdef, state = cast(tuple[Any, Any], nnx.split(outline))
    flat = _variables(state)
    wanted = {_name(path) for path, _ in flat}
    if wanted != tensors.keys() - {OFFSET, SCALE}:
        differing = ", ".join(sorted(wanted ^ (tensors.keys() - {OFFSET, SCALE})))
        raise ValueError(f"its variables are not those of {structure}: {differing}")
    for name, tensor in tensors.items():
        if np.issubdtype(tensor.dtype, np.inexact) and not np.isfinite(tensor).all():
            raise ValueError(f"{name} has values that are not finite")
    values = [(path, _restored(path, v, tensors[_name(path)])) for path, v in flat]
    module = nnx.merge(graphdef, nnx.from_flat_state(values))
    for _, layer in nnx.iter_modules(module):
        if isinstance(layer, DendriticLayer):
            check_indices(np.asarray(layer.indices[...]), layer.in_features)
    return module


def _variables(state: Any) -> list[tuple[PathInModule, Any]]:
    """The variables of a module's state, each with its path."""
    return list(cast(Any, nnx.to_flat_state(state)))


def _restored(path: PathInModule, variable: Any, value: np.ndarray) -> Any:
    """A variable of a network, with the value from the file."""
    outline = variable.get_value()
    if jnp.issubdtype(outline.dtype, jax.dtypes.prng_key):
        return variable.replace(
            jax.random.wrap_key_data(jnp.asarray(value), impl=outline.dtype._impl.name)
        )
    if value.shape != outline.shape or value.dtype != outline.dtype:
        raise ValueError(
            f"{_name(path)} is {value.dtype}{list(value.shape)}, and should be "
            f"{outline.dtype}{list(outline.shape)}"
        )
    return variable.replace(jnp.asarray(value))


def _plain(value: Any) -> Any:
    """The value as a plain array; of random keys their data, since a file cannot hold keys."""
    is_key = jnp.issubdtype(value.dtype, jax.dtypes.prng_key)
    return jax.random.key_data(value) if is_key else value


def _name(path: PathInModule) -> str:
    return ".".join(map(str, path))


def _read_config(folder: Path) -> dict[str, Any]:
    path = folder / CONFIG
    if not path.is_file():
        raise ModelError(f"{folder} holds no saved model: there is no {CONFIG} in it")
    with os_errors_as(ModelError, f"cannot read {path}"):
        content = path.read_bytes()
    try:
        parsed: object = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path} is damaged: {_said(error)}") from None
    record = cast(dict[str, Any], parsed) if isinstance(parsed, dict) else {}
    written = record.get("format")
    if type(written) is not int or written < 1:
        raise ModelError(f"{path} is no configuration of a saved model: it names no format")
    if written > FORMAT:
        raise ModelError(
            f"{folder} was saved in format {written}, by jdend {record.get('jdend')}; this is "
            f"jdend {__version__}, which reads format {FORMAT}: install a newer jdend"
        )
    return record


def _said(error: Exception) -> str:
    """An error as one line of text."""
    return f"{error} is missing" if isinstance(error, KeyError) else reason(error)
