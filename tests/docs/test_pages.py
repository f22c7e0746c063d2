"""Every page of the documentation does what it says."""

import re

import pytest
from code_blocks import BLOCK, ROOT, run

PAGES = sorted((*(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "decisions").glob("*.md")))
PAGES += [ROOT / name for name in ("CONTRIBUTING.md", "README.md", "SECURITY.md")]
WITH_CODE = [page for page in PAGES if BLOCK.search(page.read_text(encoding="utf-8"))]
FENCE = re.compile(r"^(?:<!-- not run: \S.* -->\n)?```(\S*)\n.*?^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: page.name)
def test_every_code_block_runs(page, tmp_path):
    run(page, tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_does_not_run_says_why(page):
    for block in FENCE.finditer(page.read_text(encoding="utf-8")):
        if block.group(1) not in ("python", "bash", "yaml", ""):
            assert block.group(0).startswith("<!-- not run: "), block.group(0)
