"""What the pages for contributors name is there."""

import ast
import re

import pytest
from code_blocks import ROOT

PAGES = (
    "docs/architecture.md",
    "CONTRIBUTING.md",
    *(f"docs/decisions/{page.name}" for page in (ROOT / "docs" / "decisions").glob("*.md")),
)
# `jdend/training/_run.py`, `jdend/training/_run.py::Run.train_to`, `tests/models`
NAMED = re.compile(r"`((?:jdend|tests|experiments|docs)/[\w/.-]*\w)/?(?:::([\w.]+))?`")
QUESTIONS = (
    "a rung stops a trial",
    "a proposal is made to fit",
    "a synapse is replaced",
    "a result is written",
    "`--time` ends a search",
    "the learning rate is applied",
)


def named() -> list[tuple[str, str]]:
    """Places in the repository and, after `::`, names in them."""
    texts = [(ROOT / page).read_text(encoding="utf-8") for page in PAGES]
    return sorted({match.groups(default="") for text in texts for match in NAMED.finditer(text)})


def defines(tree: ast.AST, name: str) -> bool:
    """Whether a module defines a function, class, method or variable, nested ones included."""
    first, _, rest = name.partition(".")
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == first:
            if not rest or defines(node, rest):
                return True
        elif isinstance(node, ast.Assign | ast.AnnAssign) and not rest:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(target, ast.Name) and target.id == first for target in targets):
                return True
    return False


@pytest.mark.parametrize(
    ("place", "name"), [pytest.param(*pair, id="::".join(filter(None, pair))) for pair in named()]
)
def test_what_is_named_is_there(place, name):
    assert (ROOT / place).exists(), place
    if name:
        there = defines(ast.parse((ROOT / place).read_text(encoding="utf-8")), name)
        assert there, f"{place} defines no {name}"


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_question_has_a_file_and_a_function(question):
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    (row,) = (line for line in page.splitlines() if line.startswith(f"| {question} |"))
    assert NAMED.search(row).group(2)
