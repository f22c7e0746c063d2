"""An extension of Griffe: the searcher's keywords, which stand in `jdend.search.options`.

Griffe reads sources; there the searcher's initializer has one argument, and a decorator makes its
signature and its docstring.
"""

import inspect

import griffe

from jdend.search.searcher import HyperparameterSearcher

KINDS = {kind.value: kind for kind in griffe.ParameterKind}


class Settings(griffe.Extension):
    def on_class_members(self, *, cls, **_):
        if cls.path == f"{HyperparameterSearcher.__module__}.{HyperparameterSearcher.__name__}":
            made = HyperparameterSearcher.__init__
            initializer = cls.members["__init__"]
            parameters = inspect.signature(made).parameters.values()
            initializer.parameters = griffe.Parameters(*map(_parameter, parameters))
            initializer.docstring = griffe.Docstring(
                inspect.getdoc(made),
                parent=initializer,
                parser=cls.docstring.parser,
                parser_options=cls.docstring.parser_options,
            )


def _parameter(parameter):
    empty = inspect.Parameter.empty
    return griffe.Parameter(
        parameter.name,
        annotation=(
            None
            if parameter.annotation is empty
            else inspect.formatannotation(parameter.annotation).strip("'")
        ),
        kind=KINDS[parameter.kind.description],
        default=None if parameter.default is empty else repr(parameter.default),
    )
