"""The model card: the page that is saved with a model."""

import dataclasses
from collections.abc import Mapping
from pathlib import PurePath

from jdend.data import CLASSIFICATION, MULTILABEL, REGRESSION
from jdend.models._count import count_params
from jdend.models._trained import TrainedModel

__all__ = ["model_card"]

# What a column holds that is learnt.
LEARNT = {CLASSIFICATION: "the classes", REGRESSION: "the target", MULTILABEL: "a label"}


def model_card(model: TrainedModel, path: str, version: str) -> str:
    """A page in Markdown that says what the network is, what it reads and how good it is; `path`
    is where it is saved."""
    structure = model.configuration.structure
    problem = structure.problem
    shape = problem.image_shape
    reads = f"{problem.in_features} features"
    if shape is not None:
        reads = f"images of {shape[0]} x {shape[1]} pixels in {shape[2]} channel(s)"
    values = "pixels from 0 to 255" if model.inputs == "uint8" else "numbers in the data's units"
    examples = "images"
    if model.table is not None:
        reads = f"tables with {len(model.table.read_columns)} columns"
        values = f"which become {problem.in_features} features"
        examples = 'jdend.data.read_table("new.csv")'
    tells = f"tells {problem.n_classes} classes apart: {', '.join(model.class_names)}"
    if model.task == REGRESSION:
        tells = f"predicts {model.class_names[0]}, a number"
    if model.task == MULTILABEL:
        tells = f"says which of {problem.n_classes} labels apply: {', '.join(model.class_names)}"
    parts = [
        f"# {PurePath(path).name}",
        f"A network that jdend {version} trained.",
        f"It reads {reads}, {values}, and {tells}.",
        f"It has {count_params(structure):,} trainable parameters.",
        '```python\nimport jdend\n\nmodel = jdend.load("'
        + path
        + '")\nmodel.predict('
        + examples
        + ")\n```",
    ]
    if model.figures:
        parts += ["## Figures", _table(model.figures)]
        parts += ["Test figures were only reported; nothing was chosen by them."]
    if model.table is not None:
        said = {column.name: column.said for column in model.table.columns}
        said |= dict.fromkeys(model.table.targets, LEARNT[model.task])
        parts += ["## Columns", _table(said)]
    parts += [
        "## Configuration",
        _table({"architecture": structure.architecture, **dict(structure.values)}),
        _table({**dataclasses.asdict(model.configuration.hyperparameters)}),
    ]
    if model.origin:
        parts += ["## Origin", _table(model.origin)]
    return "\n\n".join(parts) + "\n"


def _table(rows: Mapping[str, object]) -> str:
    lines = ["| name | value |", "|---|---|"]
    return "\n".join([*lines, *(f"| {name} | {_said(value)} |" for name, value in rows.items())])


def _said(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value).replace("|", "\\|")
