"""Files that are read in one sitting, and rooms whose files are seen at one glance."""

from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "jdend"
WINGS = sorted(
    place for place in (PACKAGE / "search").iterdir() if (place / "__init__.py").exists()
)
MOST_LINES, MOST_FILES = 400, 9


def test_no_file_is_long():
    lines = {
        path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8").count("\n")
        for path in PACKAGE.rglob("*.py")
    }
    assert not [name for name, n in lines.items() if n > MOST_LINES]


@pytest.mark.parametrize("wing", WINGS, ids=lambda wing: wing.name)
def test_a_wing_of_the_search_has_few_files(wing):
    assert len([path for path in wing.glob("*.py") if path.name != "__init__.py"]) <= MOST_FILES
