"""The repository's address, from `pyproject.toml`, in every file that has to have it.

`python docs/tools/address.py` writes it there; with `--check` it says which files have another.
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Files that need the whole address, or its owner and name, in places that can compute nothing.
FILES = (
    "README.md",
    "CITATION.cff",
    "docs/index.md",
    "mkdocs.yml",
    "notebooks/colab_tpu.ipynb",
    "notebooks/research.ipynb",
)
ADDRESS = re.compile(r"(?P<lead>https://github\.com/|research\.google\.com/github/)[\w.-]+/[\w-]+")


def repository() -> str:
    """The address, such as `https://github.com/owner/name`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project["urls"]["Repository"]


def with_address(text: str, address: str) -> str:
    """A file's text with that repository's address wherever it has one."""
    name = "/".join(address.split("/")[-2:])
    return ADDRESS.sub(lambda found: found["lead"] + name, text)


def others(address: str, *, write: bool) -> list[str]:
    """The files that have another address; if `write`, they get this one."""
    found: list[str] = []
    for path in (ROOT / name for name in FILES):
        text = path.read_text(encoding="utf-8")
        if with_address(text, address) != text:
            found.append(str(path.relative_to(ROOT)))
            if write:
                path.write_text(with_address(text, address), encoding="utf-8")
    return found


if __name__ == "__main__":
    different = others(repository(), write="--check" not in sys.argv)
    print("\n".join(different))
    sys.exit(bool(different) and "--check" in sys.argv)
