"""The lines that are counted are those that Python itself traces."""

import sys

from counted_lines import LINES, Loader

SOURCE = '''"""Docstring."""

from __future__ import annotations

import functools


def decorated(function):
    return function


class Sample:
    """Docstring."""

    field = 1

    @decorated
    @functools.cache
    def method(self, number):
        for _ in range(number):
            if number > 4:
                break
            elif number > 3:
                continue
            else:
                number += 1
        else:
            number = 2
        try:
            raise KeyError(number)
        except KeyError:
            with open(__file__):
                pass
        finally:
            number -= 1
        while number:
            number -= 1
        return number


def never():
    return 0


result = Sample().method(3)
"""What it comes to."""
'''
NOT_COUNTED = {1, 3, 13, 46}  # strings by themselves, and `__future__`


def test_lines_are_those_that_python_traces(tmp_path):
    path, traced, tracing = tmp_path / "sample.py", set(), sys.gettrace()
    path.write_text(SOURCE, encoding="utf-8")
    known, names = ({"__name__": "sample", "__file__": str(path)} for _ in range(2))

    def trace(frame, event, _):
        if event == "line" and frame.f_code.co_filename == str(path):
            traced.add(frame.f_lineno)
        return trace

    sys.settrace(trace)
    try:
        exec(compile(SOURCE, path, "exec"), known)
    finally:
        sys.settrace(tracing)
    exec(Loader("sample", str(path)).get_code("sample"), names)
    lines = LINES.pop(str(path))
    assert names["result"] == known["result"]
    assert {number for number, ran in enumerate(lines) if ran} == traced - NOT_COUNTED
