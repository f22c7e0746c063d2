# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportMissingTypeStubs=false
"""Keeps compiled programs by what they follow from, so that they load without being traced.

JAX's cache knows a program by its HLO, for which it is traced and lowered first: two seconds of
Python for a population, and nothing trains meanwhile. What its HLO follows from is known before:
jdend's source, the versions of what that calls, JAX's settings, the bucket, and the shapes.
Programs are kept on CPUs, beside those of JAX's cache, where jdend has turned that on.
"""

import functools
import hashlib
import os
import pickle
import threading
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

import jax
from jax import monitoring
from jax.experimental import serialize_executable

import jdend
from jdend import kernels
from jdend._files import write_bytes
from jdend.training._compilation_cache import own_cache_folder

__all__ = ["is_kept", "keep", "load", "named_by_source"]

# Of jdend, what training imports nothing of.
ABOVE = ("estimator", "exporting", "report", "search", "study", "testing")
PACKAGES = ("jax", "jaxlib", "flax", "optax", "numpy")
VARIABLES = ("JAX_", "XLA_", "JDEND_KERNEL")
# A file that has changed so shortly before it was imported may have changed after it.
SECONDS_TO_IMPORT = 2.0
# Type checkers do not see all of their types.
_tree_of: Any = jax.tree.structure
_loading: Any = serialize_executable.deserialize_and_load
_imported = time.time()
_compiling = threading.local()


def _note(event: str, **_: object) -> None:
    if event == "/jax/compilation_cache/cache_misses":
        _compiling.missed = True


monitoring.register_event_listener(_note)


def named_by_source(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function under a name that changes with jdend's source, where its program will be kept.

    Otherwise JAX's cache would have programs of another version of jdend with the same HLO. XLA
    loads these, but what it then serialises again lacks some of their parts.
    """
    if own_cache_folder() is None or (source := _source()) is None:
        return function

    @functools.wraps(function)
    def named(*arguments: Any) -> Any:
        return function(*arguments)

    named.__name__ = f"{getattr(function, '__name__', 'program')}_{_digest(source)[:8]}"
    return named


def is_kept(identity: object, arguments: tuple[Any, ...]) -> bool:
    """Whether a program is kept.

    Args:
      identity: what it computes, all of which its `repr` says.
      arguments: its arguments, or their shapes.
    """
    path = _path(identity, arguments)
    return path is not None and path.exists()


def load(identity: object, arguments: tuple[Any, ...]) -> tuple[Any, Any] | None:
    """A program that is kept, and the shapes of its result; None if there is none."""
    _compiling.missed = False  # until JAX says so, of what is compiled next
    path = _path(identity, arguments)
    if path is None or not path.exists():
        return None
    with suppress(Exception):  # a damaged file may bring about any; the program is compiled anew
        program, outline = pickle.loads(zlib.decompress(path.read_bytes()))
        os.utime(path)
        trees = _tree_of((arguments, {})), _tree_of(outline)
        return _loading(program, *trees, execution_devices=jax.devices()[:1]), outline
    return None


def keep(identity: object, arguments: tuple[Any, ...], program: Any, outline: Any) -> None:
    """Keeps a program that this thread has just compiled, whose result has these shapes."""
    path = _path(identity, arguments)
    if path is None or not _compiling.missed:
        return
    with suppress(Exception):  # of the folder, or what cannot be serialised
        serialised = serialize_executable.serialize(program)[0]
        write_bytes(path, zlib.compress(pickle.dumps((serialised, outline)), 1))


def _path(identity: object, arguments: tuple[Any, ...]) -> Path | None:
    folder = own_cache_folder()
    if folder is None or jax.default_backend() != "cpu" or (source := _source()) is None:
        return None
    leaves: list[Any] = jax.tree.leaves(arguments)
    shapes = [(x.shape, str(x.dtype), bool(getattr(x, "weak_type", False))) for x in leaves]
    config: Any = jax.config  # type checkers do not see its options
    settings = sorted((name, str(value)) for name, value in config.values.items())
    variables = sorted(one for one in os.environ.items() if one[0].startswith(VARIABLES))
    # Whether the native library is usable; it is loaded for that, before a program that calls it.
    fastest = kernels.resolve()
    tree = str(_tree_of(arguments))
    name = _digest(repr((source, identity, fastest, tree, shapes, settings, variables)))
    return folder / f"jdend-{name}-program"


@functools.cache
def _source() -> str | None:
    """What stands for jdend's source, its native library and the versions of what they call; None
    if a file may not be as this process has imported it."""
    home = Path(jdend.__file__).parent
    files = sorted(
        path
        for path in home.rglob("*")
        if path.suffix in (".py", ".so", ".dylib")
        and path.relative_to(home).parts[0].removesuffix(".py") not in ABOVE
    )
    if max(path.stat().st_mtime for path in files) > _imported - SECONDS_TO_IMPORT:
        return None
    contents = [(str(path.relative_to(home)), _digest(path.read_bytes())) for path in files]
    return _digest(repr((contents, [(name, metadata.version(name)) for name in PACKAGES])))


def _digest(content: str | bytes) -> str:
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()
