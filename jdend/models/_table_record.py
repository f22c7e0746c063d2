"""The preprocessing of a table in JSON, as it is saved with a network."""

from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from jdend.data import Column, Preprocessing
from jdend.models._record import list_in, of_kind
from jdend.models._trained import TrainedModel

__all__ = ["read_table_record", "table_record"]


def table_record(model: TrainedModel) -> dict[str, object] | None:
    """What is done with each column. The mean and scale of a number are for readers of the file:
    `load` takes them from the tensors, where they are the same."""
    if model.table is None:
        return None
    n = model.configuration.structure.problem.in_features
    means, scales = (np.broadcast_to(v, (n,)).tolist() for v in (model.offset, model.scale))
    at = 0
    columns: list[dict[str, object]] = []
    for column in model.table.columns:
        entry: dict[str, object] = {"name": column.name, "kind": column.kind}
        if column.kind == "dropped":
            entry["reason"] = column.reason
        else:
            entry |= {"fill": column.fill, "n_missing": column.n_missing}
        if column.kind == "categories":
            entry["categories"] = list(column.categories)
        if column.kind == "number":
            entry |= {"mean": means[at], "scale": scales[at]}
        at += len(column.features)
        columns.append(entry)
    targets = model.table.targets  # one by its name, as before there were several
    return {"target": targets[0] if len(targets) == 1 else list(targets), "columns": columns}


def read_table_record(record: object) -> Preprocessing | None:
    """The preprocessing of which `table_record` made a record.

    Raises:
      KeyError, TypeError, ValueError: if the record is not that of a preprocessing.
    """
    if record is None:
        return None
    if not isinstance(record, dict):
        raise TypeError("table must be an object")
    table = cast(dict[str, Any], record)
    columns = [_column(entry) for entry in list_in(table, "columns")]
    names = [column.name for column in columns]
    if len({*names}) < len(names):
        raise ValueError("two columns of the table have one name")
    targets = list_in(table, "target") if type(table["target"]) is list else [table["target"]]
    if not targets or not all(isinstance(target, str) for target in targets):
        raise TypeError(f"target must be the names of columns, got {targets!r}")
    return Preprocessing(tuple(columns), tuple(targets))


def _column(entry: Mapping[str, Any]) -> Column:
    name, kind = of_kind(str, entry, "name"), entry["kind"]
    if kind == "dropped":
        return Column(name, "dropped", reason=of_kind(str, entry, "reason"))
    n_missing = of_kind(int, entry, "n_missing")
    if kind == "categories":
        categories = tuple(str(category) for category in list_in(entry, "categories"))
        fill = of_kind(str, entry, "fill") if categories else None
        return Column(name, "categories", categories, fill=fill, n_missing=n_missing)
    fill = of_kind(float, entry, "fill")
    if not np.isfinite(fill):
        raise ValueError(f"the fill value of column {name!r} is not finite")
    return Column(name, kind, fill=fill, n_missing=n_missing)
