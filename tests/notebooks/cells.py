"""A notebook's cells as one program, run in a process and a folder of its own."""

import json
import subprocess
import sys
from pathlib import Path

from programs import kept_as_for_users

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

# Runs each cell, and shows its last expression as a notebook does.
PROGRAM = """\
import ast, json, sys

names = {"__name__": "__main__"}
for number, source in enumerate(json.load(open("cells.json"))):
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    try:
        exec(compile(tree, f"<cell {number}>", "exec"), names)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), f"<cell {number}>", "eval"), names)
            print(value._repr_html_()[:200] if hasattr(value, "_repr_html_") else value)
    except BaseException:
        print(f"in this cell:\\n{source}", file=sys.stderr)
        raise
"""


def code(notebook: Path) -> list[tuple[str, list[str]]]:
    """Its code cells: text and tags."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return [
        ("".join(cell["source"]), cell["metadata"].get("tags", []))
        for cell in cells
        if cell["cell_type"] == "code"
    ]


def run(notebook: Path, folder: Path, **parameters: object) -> str:
    """What it prints. `parameters` are set after the cell that is tagged so."""
    sources = []
    for source, tags in code(notebook):
        sources.append(source)
        if "parameters" in tags:
            sources += [f"{name} = {value!r}" for name, value in parameters.items()]
    (folder / "cells.json").write_text(json.dumps(sources), encoding="utf-8")
    (folder / "program.py").write_text(PROGRAM, encoding="utf-8")
    environment = {**kept_as_for_users(), "PYTHONPATH": str(ROOT), "MPLBACKEND": "agg"}
    done = subprocess.run(
        [sys.executable, "program.py"], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{notebook.name}: {done.stderr[-3000:]}"
    return done.stdout
