"""HTML from the package's templates. Every value is escaped, unless it is `Markup`."""

from functools import cache
from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["Markup", "render", "source"]


def render(name: str, **values: object) -> Markup:
    """The template `name`.html, filled in; it is an error if the template uses a missing value."""
    return Markup(_environment().get_template(f"{name}.html").render(values).strip())


def source(name: str) -> Markup:
    """A file beside the templates, unchanged, to be included in a page."""
    environment = _environment()
    assert environment.loader is not None
    return Markup(environment.loader.get_source(environment, name)[0])


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("jdend.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
