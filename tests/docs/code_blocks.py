"""The code blocks of a Markdown page as one program, run in a process and a folder of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

from programs import kept_as_for_users

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r'^```(python|bash)(?: title="([\w.]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)


def program(page: Path) -> str:
    """Its blocks in order; those of Python share their names, those of Bash are commands, and those
    with a title are files of that name."""
    parts = []
    for match in BLOCK.finditer(page.read_text(encoding="utf-8")):
        language, title, code = match.groups()
        line = page.read_text(encoding="utf-8")[: match.start()].count("\n") + 1
        if title is not None:
            code = f"pathlib.Path({title!r}).write_text({code!r}, encoding='utf-8')\n"
        elif language == "bash":
            code = f"subprocess.run(['bash', '-euc', {code!r}], check=True)\n"
        parts.append(f"# {page.name}:{line}\n{code}")
    return "import pathlib\nimport subprocess\n" + "\n".join(parts)


def run(page: Path, folder: Path) -> None:
    """Fails if one of the page's blocks does."""
    script = folder / f"{page.stem}_blocks.py"
    script.write_text(program(page), encoding="utf-8")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**kept_as_for_users(), "PATH": path, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, script.name], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{page.name}: {done.stderr[-3000:]}"
