"""An extension of Griffe: docstrings say `Example usage::`, as Flax's do, which Griffe calls
`Examples:`."""

import re

import griffe

BEGINS = re.compile(r"^Example usage::\n\n", re.MULTILINE)


class Examples(griffe.Extension):
    def on_object(self, *, obj, **_):
        if obj.docstring is not None:
            obj.docstring.value = BEGINS.sub("Examples:\n", obj.docstring.value)
