"""Who imports from a package of jdend takes what it offers, and nothing from its inside."""

import ast
import importlib
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = sorted((ROOT / "jdend").rglob("*.py"))
EXPERIMENTS = sorted((ROOT / "experiments").rglob("*.py"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
# These measure a part by itself, which users of the whole never hold in their hands.
MEASURES_A_PART = {
    "block_width.py": "how many columns a population's programs have",
    "compiling.py": "the programs of one population",
    "few_trials.py": "the programs; it divides the time of each",
    "guide.py": "the scenarios, from the module that docs/toolkit.md names",
    "lost_node.py": "a cluster's nodes, and what jdend tells Ray about them",
    "many_shapes.py": "the command line; it counts programs as they are compiled",
    "pareto.py": "with the space of the scenario",
    "planner.py": "what the planner foresees",
    "scaling.py": "executors, of which it notes when they are ready",
    "scaling_simulation.py": "the planner, without anything that trains",
    "second_search.py": "the planner, without anything that trains",
}


def code(path: Path) -> str:
    """A file's Python; of a notebook that of its cells, without the shell's lines."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return text
    cells = ["".join(c["source"]) for c in json.loads(text)["cells"] if c["cell_type"] == "code"]
    lines = "\n".join(cells).splitlines()
    return "\n".join("pass" if line.startswith(("!", "%")) else line for line in lines)


def imported(path: Path) -> list[tuple[str, str]]:
    """Modules of jdend and the names taken from them; an empty name for a module itself."""
    names = []
    for node in ast.walk(ast.parse(code(path))):
        if isinstance(node, ast.Import):
            names += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names += [(node.module, alias.name) for alias in node.names]
    return [(module, name) for module, name in names if module.split(".")[0] == "jdend"]


def public(module: str, name: str) -> bool:
    """Whether a package offers a name, `jdend.training` and `train`, say."""
    if module.count(".") > 1:
        return False
    return name in ("", *importlib.import_module(module).__all__)


@pytest.mark.parametrize("path", [*EXPERIMENTS, *NOTEBOOKS], ids=lambda path: path.name)
def test_experiments_and_notebooks_use_what_users_use(path):
    inside = [names for names in imported(path) if not public(*names)]
    assert bool(inside) == (path.name in MEASURES_A_PART), inside


MEANT_FOR_ALL = ("__version__", "__main__")


def private(names: list[str], importer: tuple[str, ...]) -> bool:
    """Whether a name belongs to a package that the importing file is not in."""
    begins = (
        i for i, name in enumerate(names) if name.startswith("_") and name not in MEANT_FOR_ALL
    )
    return any(tuple(names[:i]) != importer[:i] for i in begins)


def test_packages_take_from_one_another_what_is_public():
    inside = set()
    for path in PACKAGES:
        place = path.relative_to(ROOT).with_suffix("")
        for module, name in imported(path):
            if private([*module.split("."), name], place.parts):
                inside.add((f"{place.as_posix()}.py", module))
    assert not inside
