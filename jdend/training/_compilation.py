# pyright: reportUnknownMemberType=false
"""Compiles programs ahead of need, once for each shape of their arguments, and counts them."""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, TypeVarTuple, cast

import jax
import numpy as np

from jdend.training._program_store import is_kept, keep, load, named_by_source
from jdend.training._sharding import UNDIVIDED, Sharding

__all__ = ["Compilations", "Program", "bytes_of", "compilations", "in_background", "shapes_of"]


Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")
Tree = TypeVar("Tree")


@dataclass(frozen=True)
class Compilations:
    """How much was compiled, or loaded from a cache, since the process started.

    Attributes:
      step_programs: the number of distinct training-step programs.
      programs: the number of distinct programs of any kind.
      seconds: the sum of the times that they took, also of those that were compiled side by side.
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
_background = ThreadPoolExecutor(max_workers=2, thread_name_prefix="jdend-compile")


def compilations() -> Compilations:
    """The count so far; the difference of two counts says what was compiled in between."""
    return _count


def in_background(work: Callable[[], object]) -> Future[object]:
    """Runs work that compiles in another thread; LLVM does not hold Python's lock meanwhile."""
    return _background.submit(work)


class Program(Generic[Result, *Arguments]):
    """A function, compiled ahead of its first call for each shape of its arguments.

    Unlike a plain `jax.jit`, it counts how often and how long it compiles, and can be compiled from
    shapes alone, in another thread than the one that will call it.

    Args:
      function: a function of pytrees of arrays.
      trains: whether it is a training-step program.
      donate: the positions of arguments whose buffers the result may use.
      quickly: whether to compile in a third less time (with JAX 0.10; it changes nothing with newer
        ones) a program that may be a sixth slower, and whose last bits may differ: not one of
        training steps.
      sharding: how it is divided among devices; None for a program of one device.
      identity: what the function computes, all of which its `repr` says, so that the program can be
        loaded without being traced; None if nothing says that, as of a user's function.
    """

    def __init__(
        self,
        function: Callable[[*Arguments], Result],
        *,
        trains: bool = False,
        donate: tuple[int, ...] = (),
        quickly: bool = False,
        sharding: Sharding | None = None,
        identity: object = None,
    ):
        self._function = function
        self._trains, self._quickly = trains, quickly
        self._identity = None
        if identity is not None and (sharding is None or sharding.mesh is None):
            self._identity, function = (identity, donate, quickly), named_by_source(function)
        self._jitted = (sharding or UNDIVIDED).jit(function, donate)
        self._compiled: dict[object, Future[tuple[Any, Any]]] = {}

    def __call__(self, *arguments: *Arguments) -> Result:
        return self.compile(*arguments)(*arguments)

    def compile(self, *arguments: Any) -> Any:
        """The executable for arguments of these shapes; they may be `jax.ShapeDtypeStruct`s."""
        return self._with_outline(arguments)[0]

    def shape_of_result(self, *arguments: Any) -> Result:
        """The shapes of the result of a call, without compiling."""
        if self._identity is not None and is_kept(self._identity, arguments):
            return self._with_outline(arguments)[1]
        return jax.eval_shape(self._jitted, *arguments)

    def _with_outline(self, arguments: tuple[Any, ...]) -> tuple[Any, Any]:
        """The executable, and the shapes of its result."""
        leaves: list[Any] = jax.tree.leaves(arguments)
        tree = cast(object, jax.tree.structure(arguments))
        shapes = (tree, *((leaf.shape, leaf.dtype) for leaf in leaves))
        with _lock:
            mine = shapes not in self._compiled
            future = self._compiled.setdefault(shapes, Future())
        if mine:
            try:
                future.set_result(self._build(arguments))
            except BaseException as error:
                del self._compiled[shapes]
                future.set_exception(error)
        return future.result()

    def _build(self, arguments: tuple[Any, ...]) -> tuple[Any, Any]:
        global _count
        begun = time.perf_counter()
        built = None if self._identity is None else load(self._identity, arguments)
        if built is None:
            program = self._jitted.lower(*arguments).compile(_compiler_options(self._quickly))
            built = program, jax.eval_shape(self._jitted, *arguments)
            if self._identity is not None:
                keep(self._identity, arguments, *built)
        with _lock:
            _count = Compilations(
                _count.step_programs + self._trains,
                _count.programs + 1,
                _count.seconds + time.perf_counter() - begun,
            )
        return built


def bytes_of(program: Any) -> int:
    """The bytes that a compiled program takes on a device: arguments, results, what is between."""
    said = program.memory_analysis()
    held = said.argument_size_in_bytes + said.output_size_in_bytes - said.alias_size_in_bytes
    return int(held + said.temp_size_in_bytes)


def shapes_of(tree: Tree) -> Tree:
    """The pytree with `jax.ShapeDtypeStruct`s in place of arrays."""

    def shape_of(x: jax.Array | np.ndarray) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(x.shape, x.dtype)

    return jax.tree.map(shape_of, tree)


def _compiler_options(quickly: bool) -> Any:
    """On CPUs, LLVM's second optimization level. Compiling then takes about two thirds of the time,
    and programs are not slower, since most arithmetic is in kernels (docs/performance.md). At the
    first level, LLVM ends the process when it compiles resampling of padded neurons with two
    dendrites. A level that `XLA_FLAGS` gives stands."""
    flags = os.environ.get("XLA_FLAGS", "")
    if jax.default_backend() != "cpu" or "xla_backend_optimization_level" in flags:
        return None
    options: dict[str, bool | int] = {"xla_backend_optimization_level": 2}
    if quickly and jax.__version_info__ < (0, 11):  # newer ones have no other way with fusions
        # Fusions are written as LLVM's own instructions, without MLIR in between.
        options["xla_cpu_use_fusion_emitters"] = False
    return options
