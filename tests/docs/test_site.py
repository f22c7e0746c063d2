"""The documentation as a site."""

import importlib.util
import os
import subprocess
import sys

from code_blocks import ROOT


def test_the_site_is_built_without_a_warning(tmp_path):
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    api = (tmp_path / "api" / "search.html").read_text(encoding="utf-8")
    assert "jdend.search.searcher.HyperparameterSearcher.random_search" in api
    for page in tmp_path.glob("*.html"):  # nothing is fetched from elsewhere
        assert "fonts.googleapis" not in page.read_text(encoding="utf-8")


def drawn_by(name: str) -> dict[str, str]:
    """The pictures of a program in docs/tools."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / "tools" / f"{name}.py")
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    return program.pictures()


def test_the_pictures_are_those_that_are_drawn():
    pictures = (ROOT / "docs" / "pictures").glob("*.svg")
    kept = {picture.name: picture.read_text(encoding="utf-8") for picture in pictures}
    drawn = {**drawn_by("draw"), **drawn_by("draw_house")}
    old = [name for name in drawn if kept.get(name) != drawn[name]]
    assert not old, "python docs/tools/draw.py and draw_house.py draw them anew"
    results = {
        path.with_suffix(".svg").name for path in (ROOT / "experiments/results").glob("*.json")
    }
    assert kept.keys() - results == drawn.keys()  # experiments draw theirs
