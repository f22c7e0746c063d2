"""Compiled programs: made once for each shape of arguments, and counted."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax

__all__ = ["Compilations", "Program", "compilations"]


@dataclass(frozen=True)
class Compilations:
    """What has been compiled, or loaded from a cache, since the process started.

    Attributes:
      step_programs: distinct training-step programs.
      programs: distinct programs of any kind.
      seconds: time spent on all of them.
    """

    step_programs: int = 0
    programs: int = 0
    seconds: float = 0.0

    def __sub__(self, earlier: "Compilations") -> "Compilations":
        return Compilations(
            self.step_programs - earlier.step_programs,
            self.programs - earlier.programs,
            self.seconds - earlier.seconds,
        )


_count = Compilations()
_lock = threading.Lock()


def compilations() -> Compilations:
    """The count so far; subtract an earlier one to know what happened in between."""
    return _count


class Program:
    """A function, compiled ahead of its first call for each shape of its arguments.

    Unlike a bare `jax.jit` it knows what compiling took, and how often it was needed.

    Args:
      function: of pytrees of arrays.
      trains: whether it is a training-step program.
      donate: positions of arguments whose buffers the result may take over.
    """

    def __init__(self, function: Callable, *, trains: bool = False, donate: tuple[int, ...] = ()):
        self._jitted = jax.jit(function, donate_argnums=donate)
        self._trains = trains
        self._compiled: dict[object, Callable] = {}

    def __call__(self, *arguments):
        return self.compile(*arguments)(*arguments)

    def compile(self, *arguments) -> Callable:
        """The executable for such arguments, which may be `jax.ShapeDtypeStruct`s."""
        leaves, tree = jax.tree.flatten(arguments)
        shapes = (tree, *((leaf.shape, leaf.dtype) for leaf in leaves))
        if shapes not in self._compiled:
            begun = time.perf_counter()
            self._compiled[shapes] = self._jitted.lower(*arguments).compile(_compiler_options())
            self._record(time.perf_counter() - begun)
        return self._compiled[shapes]

    def _record(self, seconds: float) -> None:
        global _count
        with _lock:
            _count = Compilations(
                _count.step_programs + self._trains, _count.programs + 1, _count.seconds + seconds
            )


def _compiler_options() -> Any:
    """On CPUs LLVM at its first level: compiling takes less than half the time, and the programs
    are no slower, since the arithmetic that counts is in kernels (docs/performance.md)."""
    return {"xla_backend_optimization_level": 1} if jax.default_backend() == "cpu" else None
