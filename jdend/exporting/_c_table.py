"""What a C file says of the columns of a table, and rows by which it checks itself."""

import numpy as np

from jdend.data import Preprocessing
from jdend.models import TrainedModel

__all__ = ["check_rows", "feature_lines"]

MOST_ROWS = 17


def feature_lines(table: Preprocessing) -> list[str]:
    """What each feature is, a line each, in their order."""
    lines: list[str] = []
    for column in table.columns:
        fill = f"{column.fill:.9g}" if isinstance(column.fill, float) else column.fill
        for i, feature in enumerate(column.features):
            said = {"number": "a number", "yes/no": "1 for yes, 0 for no"}.get(column.kind)
            if column.kind == "categories":
                said = f"1 if {column.name} is {column.categories[i]}, else 0"
                fill = "1" if column.categories[i] == column.fill else "0"
            lines.append(f"{len(lines):3d} {feature}: {said}; if it is missing {fill}")
    return lines


def check_rows(model: TrainedModel, table: Preprocessing) -> tuple[np.ndarray, np.ndarray]:
    """Features `[rows, F]` and the network's logits of them: of a row where all is missing, and of
    others that go through the categories, with numbers around the mean."""
    columns = table.read_columns
    most = max(3, *(len(column.categories) for column in columns))
    values = np.full((min(1 + most, MOST_ROWS), len(columns)), np.nan, np.float32)
    means, scales = (np.broadcast_to(v, len(table.features)) for v in (model.offset, model.scale))
    at = 0
    for i, column in enumerate(columns):
        rows = np.arange(1, len(values))
        if column.kind == "number":
            values[1:, i] = means[at] + (rows % 4 - 1.5) / scales[at]
        else:
            values[1:, i] = rows % (len(column.categories) or 2)
        at += len(column.features)
    features = table.encode(values)
    if model.inputs == "uint8":
        features = np.clip(np.rint(features), 0, 255).astype(np.uint8)
    return features, model.logits(features)
