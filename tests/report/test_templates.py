"""The templates that a page is made of."""

from pathlib import Path

import jinja2
import pytest

from jdend.report import _templates
from jdend.report._templates import Markup, render, source

NAMES = sorted(path.stem for path in Path(_templates.__file__).parent.glob("templates/*.html"))


def test_what_is_put_in_is_escaped_unless_it_is_html():
    assert render("no_network", why="<b> & 'x'") == (
        "<p>Not shown: &lt;b&gt; &amp; &#39;x&#39;.</p>"
    )
    assert render("no_network", why=Markup("<b>x</b>")) == "<p>Not shown: <b>x</b>.</p>"


def test_a_value_that_is_missing_is_an_error():
    with pytest.raises(jinja2.UndefinedError, match="'why' is undefined"):
        render("no_network")


@pytest.mark.parametrize("name", [name for name in NAMES if name != "macros"])
def test_every_template_is_used(name):
    rooms = Path(_templates.__file__).parent.glob("_*.py")
    assert any(f'"{name}"' in path.read_text() for path in rooms)


def test_style_and_script_stand_in_the_page_as_they_are():
    assert "{ box-sizing: border-box; }" in source("page.css")
