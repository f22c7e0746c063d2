"""Writes docs/hyperparameters.md from `jdend.fields`: `python docs/tools/hyperparameters.py`."""

from pathlib import Path

from jdend.fields import FIELDS, GROUPS, Derived, Field

PAGE = Path(__file__).parents[1] / "hyperparameters.md"

TOP = """\
# Hyperparameters

Every field that a configuration or a search space may have. [Architectures](architectures.md) and
[Resampling](resampling.md) say more of what they do.

This page is written from `jdend/fields.py` by `python docs/tools/hyperparameters.py`.
"""
TITLES = {
    "search": "Which network",
    "network": "Sizes: read by the architectures that have them",
    "wiring": "Connectivity and initialisation: read by dendritic architectures",
    "resampling": "Resampling: read by dendritic architectures",
    "training": "Training: read for every architecture",
}
HEAD = "| parameter | values | default | meaning |\n|---|---|---|---|\n"


def page() -> str:
    """The whole page."""
    parts = [TOP]
    for group in GROUPS:
        rows = "".join(_row(field) for field in FIELDS.values() if field.group == group)
        parts.append(f"## {TITLES[group]}\n\n{HEAD}{rows}")
    return "\n".join(parts)


def _row(field: Field) -> str:
    names = f"`{field.name}`" + "".join(f", also `{alias}`" for alias in field.aliases)
    meaning = field.doc
    if field.only_if:
        meaning += f" Plays a part only if {' or '.join(map(str, field.only_if))}."
    return f"| {names} | {_values(field)} | {_default(field)} | {meaning} |\n"


def _values(field: Field) -> str:
    if field.kind == "choice":
        return ", ".join(f"`{name}`" for name in field.allowed())
    if field.kind in ("flag", "text"):
        return {"flag": "`True`, `False`", "text": "a registered name"}[field.kind]
    bounds = [
        *([] if field.above is None else [f"above {field.above:g}"]),
        *([] if field.at_least is None else [f"at least {field.at_least:g}"]),
        *([] if field.at_most is None else [f"at most {field.at_most:g}"]),
    ]
    kind = {"whole": "a whole number", "real": "a number"}[field.kind]
    unit = f" of {field.unit}" if field.unit else ""
    return ", ".join([kind + unit, *bounds])


def _default(field: Field) -> str:
    if field.default is None:
        return "0" if field.name == "seed" else "its architecture's"
    text = field.default.text if isinstance(field.default, Derived) else f"{field.default}"
    return f"`{text}`"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
