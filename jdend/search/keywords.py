"""Functions whose keywords are the fields of options."""

import functools
import inspect
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import fields
from typing import Any, Concatenate, ParamSpec, TypeVar

from jdend._messages import did_you_mean
from jdend.search.settings import setting_of

__all__ = ["check_keywords", "keywords_of"]

P = ParamSpec("P")
Owner = TypeVar("Owner")
Options = TypeVar("Options")


def check_keywords(name: str, keywords: Iterable[str], allowed: Iterable[str]) -> None:
    """Raises `TypeError`, in one line, if a keyword is not allowed; `name` is what was called."""
    allowed = tuple(allowed)
    for keyword in keywords:
        if keyword not in allowed:
            raise TypeError(f"{name} has no argument {keyword!r}{did_you_mean(keyword, allowed)}")


def keywords_of(
    options: Callable[P, Options],
) -> Callable[[Callable[[Owner, Options], None]], Callable[Concatenate[Owner, P], None]]:
    """Decorates an initializer whose argument is an object of the type `options`, so that it takes
    the fields of that type as arguments.

    Its signature and docstring list them. An unknown keyword raises a `TypeError` of one line.

    Args:
      options: a dataclass whose fields have the metadata of `about`.
    """
    signature = inspect.signature(options)

    def decorated(initialize: Callable[[Owner, Options], None]):
        @functools.wraps(initialize)
        def with_keywords(self: Owner, *args: P.args, **kwargs: P.kwargs) -> None:
            check_keywords(type(self).__name__, kwargs, signature.parameters)
            initialize(self, options(*args, **kwargs))

        itself = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        parameters = [itself, *signature.parameters.values()]
        with_keywords.__dict__["__signature__"] = signature.replace(parameters=parameters)
        lead = inspect.cleandoc(initialize.__doc__ or "All arguments have defaults.")
        with_keywords.__doc__ = f"{lead}\n\nArgs:\n{_described(options, signature)}"
        return with_keywords

    return decorated


def _described(options: Any, signature: inspect.Signature) -> str:
    """The fields of options as lines of a docstring."""
    lines: list[str] = []
    by_name = {option.name: option for option in fields(options)}
    for option in (by_name[name] for name in signature.parameters):
        setting = setting_of(option)
        lead = "whether to " if isinstance(option.default, bool) else ""
        none = f" None: {setting.none}." if setting.none else ""
        text = f"{option.name}: {lead}{setting.help}{setting.python}.{none}"
        lines += textwrap.wrap(text, 96, initial_indent="  ", subsequent_indent="    ")
    return "\n".join(lines)
