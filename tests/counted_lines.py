"""Counts which lines of jdend run where Python can tell only at a high price: before 3.12.

A process that is traced is slow everywhere there, above all in JAX. So nothing is traced: in the
code of jdend's modules, what notes a line comes before every statement of the source.
"""

import ast
import itertools
import sys
from importlib.machinery import PathFinder, SourceFileLoader

import pytest
from checked_types import PACKAGES
from coverage import Coverage
from jaxtyping._import_hook import JaxtypingTransformer, Typechecker

LINES: dict[str, bytearray] = {}  # of each file: 1 where a line has run
_coverage = None


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session):
    """Takes counting over from `--cov`, unless it shall tell which test ran a line."""
    global _coverage
    contexts = session.config.getoption("cov_context", None)
    if sys.version_info < (3, 12) and not contexts and "jdend" not in sys.modules:
        _coverage = Coverage.current()
    if _coverage is not None:
        _coverage.stop()
        sys.meta_path.insert(0, Finder)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtestloop():
    try:
        return (yield)
    finally:
        if _coverage is not None:
            ran = {path: [n for n, ran in enumerate(of) if ran] for path, of in LINES.items()}
            _coverage.get_data().add_lines(ran)


class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        spec = PathFinder.find_spec(name, path) if name.partition(".")[0] == "jdend" else None
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = Loader(name, spec.origin)
        return spec


class Loader(SourceFileLoader):
    def get_code(self, fullname):
        """The module's code, which notes its lines and, where asked for, checks types."""
        path = self.get_filename(fullname)
        source = self.get_data(path)
        LINES.setdefault(path, bytearray(source.count(b"\n") + 2))
        tree = _Noting().visit(ast.parse(source, path))
        lines = f"import counted_lines; __lines__ = counted_lines.LINES[{path!r}]"
        place = len([*itertools.takewhile(_comes_first, tree.body)])
        tree.body[place:place] = ast.parse(lines).body
        if f"{fullname}.".startswith(tuple(f"{package}." for package in PACKAGES)):
            tree = JaxtypingTransformer(typechecker=Typechecker("checked_types.check")).visit(tree)
        return compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True)


class _Noting(ast.NodeTransformer):
    """Puts `__lines__[line] = 1` before each statement."""

    def visit(self, node):
        node = super().visit(node)
        if isinstance(node, ast.ExceptHandler):
            node.body.insert(0, _note(node))
        if not isinstance(node, ast.stmt) or _comes_first(node):
            return node
        return [*map(_note, (*getattr(node, "decorator_list", ()), node)), node]


def _comes_first(statement):
    """Whether it is a string by itself or of `__future__`: before these nothing may come."""
    docstring = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return docstring or getattr(statement, "module", None) == "__future__"


def _note(node):
    index = ast.Subscript(ast.Name("__lines__", ast.Load()), ast.Constant(node.lineno), ast.Store())
    return ast.copy_location(ast.Assign([index], ast.Constant(1)), node)
