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


def test_the_pictures_are_those_that_are_drawn():
    place = ROOT / "docs" / "tools" / "draw.py"
    spec = importlib.util.spec_from_file_location("draw", place)
    draw = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(draw)
    drawn = draw.pictures()
    kept = {p.name: p.read_text(encoding="utf-8") for p in draw.PICTURES.glob("*.svg")}
    assert kept == drawn
