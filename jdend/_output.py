"""What command lines print, and how they end where it cannot be printed.

Nobody may read it (`| head -1`), it may not fit (`> /dev/full`), or an output may be closed
(`2>&-`). Results are printed by `show`, and if they cannot be, the command ends: quietly if its
reader went away, otherwise with a line. Messages, by `complain` and `messages`, are dropped.
"""

import argparse
import os
import re
import shutil
import signal
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from typing import NoReturn, ParamSpec, TextIO, cast

from jdend._messages import one_line, reason

__all__ = [
    "NOT_PRINTED",
    "NO_READER",
    "Parser",
    "Unprinted",
    "command_line",
    "complain",
    "messages",
    "printing",
    "show",
]

# The exit codes: as shells have it of a program that SIGPIPE ended, and as coreutils end.
NO_READER, NOT_PRINTED = 128 + getattr(signal, "SIGPIPE", 13), 1

P = ParamSpec("P")


class Unprinted(OSError):
    """Standard output does not take what is printed."""


def show(text: str) -> None:
    """Prints to standard output, at once.

    Raises:
      Unprinted: if that cannot be; later text is then dropped.
    """
    with printing():
        print(text, flush=True)


@contextmanager
def printing() -> Iterator[None]:
    """While something writes to standard output; raises as `show`."""
    try:
        yield
    except OSError as error:
        _drop(sys.stdout)
        raise Unprinted(*error.args) from error


def complain(line: str) -> None:
    """A line on standard error, if that can be; on a terminal it is broken between words."""
    stream = messages()
    if stream.isatty():
        width = shutil.get_terminal_size().columns
        line = textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False)
    print(line, file=stream, flush=True)


def messages() -> TextIO:
    """Standard error, dropping what it does not take: what is said must not end a search."""
    return cast(TextIO, _Forgiving(sys.stderr))


def command_line(name: str) -> Callable[[Callable[P, int]], Callable[P, int]]:
    """Makes a `main` that returns an exit code of one that knows nothing of outputs that fail.

    Args:
      name: begins the line that says so.
    """

    def decorate(main: Callable[P, int]) -> Callable[P, int]:
        @wraps(main)
        def guarded(*arguments: P.args, **named: P.kwargs) -> int:
            _open_what_is_closed()
            try:
                try:
                    return main(*arguments, **named)
                finally:
                    with printing():
                        sys.stdout.flush()
            except Unprinted as error:
                if isinstance(error.__cause__, BrokenPipeError):
                    return NO_READER
                complain(f"{name}: cannot print: {reason(error)}")
                return NOT_PRINTED
            finally:
                try:
                    sys.stderr.flush()
                except OSError:
                    _drop(sys.stderr)

        return guarded

    return decorate


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, with advice, without the usage that would hide it."""

    def format_help(self) -> str:
        return _as_typed(super().format_help())

    def error(self, message: str) -> NoReturn:
        name = self.prog.removeprefix("python -m ")
        self.exit(2, one_line(f"{name}: {message} (--help shows all options)") + "\n")


def _as_typed(text: str) -> str:
    """Help with `jdend NAME` for `python -m jdend.NAME`, where the former was typed."""
    if not sys.argv or not sys.argv[0].startswith("jdend "):
        return text
    own = re.sub(r"python -m jdend\.(\w+)", r"jdend \1", text)
    return own.replace("jdend exporting", "jdend export").replace(
        "jdend search watch", "jdend watch"
    )


class _Forgiving:
    """A stream of which an error is no error."""

    def __init__(self, stream: TextIO | None):
        self._stream = stream

    def write(self, text: str) -> int:
        if self._stream is not None:
            with suppress(OSError):
                self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        if self._stream is not None:
            with suppress(OSError):
                self._stream.flush()

    def isatty(self) -> bool:
        return self._stream is not None and self._stream.isatty()

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


def _open_what_is_closed() -> None:
    """So that no file that is opened later takes the place of an output."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", closefd=False))


def _drop(stream: TextIO) -> None:
    """Of a stream that failed, what is still to be written, or Python would say so at its end."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
