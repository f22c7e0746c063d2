# pyright: reportUnknownMemberType=false
"""The C++ kernel in ``native/``, called through XLA's foreign function interface on CPUs.

On other platforms the same operation lowers to the dense kernel. The choice is made inside each
pass, when a program is lowered, so a program exported from here for another platform is right.
The dense kernel also computes float64, and programs that the compiler divides among devices, since
it cannot divide a call of a library. Inside ``shard_map(…, check_vma=False)`` each device makes
calls of its own.
"""

import ctypes
import os
import re
import sys
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from jdend.kernels._dense import BY_PLATFORM, dense_passes
from jdend.kernels._differentiable import Passes, varies
from jdend.kernels._operands import TILE, Gradients, Operands, Settings, Tiles
from jdend.kernels._primitives import Choice, chosen

T = TypeVar("T")

LIBRARY_VARIABLE = "JDEND_KERNEL_LIBRARY"
"""Environment variable with the path of a library to load instead of the installed one."""

INSTRUCTION_SET_VARIABLE = "JDEND_INSTRUCTION_SET"
"""Environment variable with the name of an instruction set to use in place of the widest one."""

CALLS = (
    *("pack", "pack_rows", "forward", "weight_gradient", "input_gradient"),
    *("matmul", "top_k", "adamw", "cross_entropy", "threefry"),
)


class Library:
    """The loaded shared library, with the functions that XLA does not call."""

    def __init__(self, path: Path):
        self._library = ctypes.CDLL(os.fspath(path))
        for function in ("jdend_instruction_set", "jdend_usable_instruction_set"):
            getattr(self._library, function).restype = ctypes.c_char_p
        self._check_interface()
        for each in CALLS:
            name = f"jdend_{each}"
            capsule = jax.ffi.pycapsule(getattr(self._library, name))
            jax.ffi.register_ffi_target(name, capsule, platform="cpu")

    def _check_interface(self) -> None:
        """Raises RuntimeError where XLA is older than the headers that the library was built with.

        XLA itself would say so only when it starts, and then compile no program at all.
        """
        built_for = self._library.jdend_ffi_major(), self._library.jdend_ffi_minor()
        header = (Path(jax.ffi.include_dir()) / "xla" / "ffi" / "api" / "c_api.h").read_text()
        found = re.findall(r"^#define XLA_FFI_API_M(?:AJ|IN)OR (\d+)", header, re.MULTILINE)
        here = tuple(int(number) for number in found)
        if built_for[0] != here[0] or built_for > here:
            raise RuntimeError(
                "it was built for version {}.{} of XLA's interface, and this jaxlib has {}.{}: "
                "install jdend again".format(*built_for, *here)
            )

    @property
    def instruction_set(self) -> str:
        """Name of the instruction set in use."""
        return self._library.jdend_instruction_set().decode()

    @property
    def instruction_sets(self) -> tuple[str, ...]:
        """Names of the instruction sets that this processor runs, widest vectors first."""
        names: list[str] = []
        while name := self._library.jdend_usable_instruction_set(len(names)):
            names.append(name.decode())
        return tuple(names)

    def use_instruction_set(self, name: str) -> None:
        """Sets it for the whole process, compiled programs included; for tests and timings."""
        if self._library.jdend_use_instruction_set(name.encode()):
            allowed = ", ".join(self.instruction_sets)
            raise ValueError(f"this processor does not run {name!r}; it runs {allowed}")


@cache
def load() -> Library | str:
    """The library, loaded and registered with XLA; or, as a text, why it cannot be used."""
    path = Path(os.environ.get(LIBRARY_VARIABLE, library_path(Path(__file__))))
    if not path.exists():
        return f"{path.name} is not there: no C++17 compiler was found when jdend was installed"
    try:
        library = Library(path)
    except Exception as error:
        return f"{path.name} does not load: {error}"
    try:
        if name := os.environ.get(INSTRUCTION_SET_VARIABLE):
            library.use_instruction_set(name)
    except ValueError as error:
        return f"{INSTRUCTION_SET_VARIABLE}: {error}"
    return library


def library_path(own: Path) -> Path:
    """The library beside this module. In a checkout that has none, that of the same module where
    jdend is installed: in a checkout's folder, Python imports the checkout.

    Args:
      own: the file of this module.
    """
    default = own.with_name("libjdend.so")
    if default.exists():
        return default
    for folder in (Path(entry) / "jdend" / "kernels" for entry in sys.path):
        installed, module = folder / default.name, folder / own.name
        if installed.exists() and module.read_bytes() == own.read_bytes():
            return installed
    return default


def missing() -> str | None:
    """Why the native kernel cannot be used here; None where it can."""
    library = load()
    return library if isinstance(library, str) else None


def call(
    name: str,
    results: Any,
    *arrays: Array,
    input_output_aliases: Any = None,
    **attributes: Any,
) -> Any:
    """A call of the library, in a program for one CPU."""
    ffi_call = cast(Callable[..., Callable[..., Any]], jax.ffi.ffi_call)
    made = ffi_call(
        f"jdend_{name}",
        results,
        vmap_method="expand_dims",
        input_output_aliases=input_output_aliases,
    )
    return made(*arrays, **attributes)


def _float32(*shape: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, jnp.float32)


def _tile_shape(x: Array) -> tuple[int, int, int]:
    return -(-x.shape[0] // TILE), x.shape[1], TILE


def _shapes_of_tiles(x: Array) -> tuple[jax.ShapeDtypeStruct, ...]:
    return _float32(*_tile_shape(x)), _float32(3)


def _pack(x: Float[Array, "B F"], settings: Settings) -> Tiles:
    return Tiles(*call("pack", _shapes_of_tiles(x), x))


def _pack_elsewhere(x: Float[Array, "B F"], settings: Settings) -> Tiles:
    """The same in JAX; nothing reads it, so the compiler drops it."""
    tiles, features, _ = _tile_shape(x)
    padded = jnp.pad(x, ((0, -x.shape[0] % TILE), (0, 0)))
    return Tiles(
        padded.reshape(tiles, TILE, features).transpose(0, 2, 1), jnp.zeros(3, jnp.float32)
    )


def _pack_rows(
    x: Array, examples: Array, rows: Array, offset: Array, scale: Array, settings: Settings
) -> Tiles:
    numbers = [array.astype(jnp.float32).reshape(-1) for array in (offset, scale)]
    return Tiles(*call("pack_rows", _shapes_of_tiles(x), examples, rows, *numbers))


def _pack_rows_elsewhere(x: Array, *of_rows: Any) -> Tiles:
    return _pack_elsewhere(x, of_rows[-1])


def pack_rows(x: Array, examples: Array, rows: Array, offset: Array, scale: Array) -> Tiles | None:
    """The tiles of ``x = (examples[rows] - offset) * scale``, without reading ``x`` if possible.

    None where no kernel would read them: without the library, and where types say how arrays are
    divided among devices.
    """
    arrays = x, examples, rows, offset, scale
    if not is_plain(*arrays):
        return None
    if examples.dtype not in (jnp.uint8, jnp.float32):
        return _PACK(x, NO_SETTINGS)
    return _PACK_ROWS(*arrays, NO_SETTINGS)


def is_plain(*arrays: Array) -> bool:
    """Whether the library is there, and no array's type says how it is divided among devices."""
    return missing() is None and not any(varies(x) or _is_sharded(x) for x in arrays)


def _is_sharded(array: Array) -> bool:
    return any(jax.typeof(array).sharding.spec)


def top_k(values: Array, k: Any) -> tuple[Array, Array]:
    """As ``jax.lax.top_k``, of float32; on CPUs in less time. Sizes may be symbols of
    ``jax.export``."""
    is_symbolic = not all(isinstance(size, int) for size in (*values.shape, k))
    if is_symbolic or not is_plain(values):
        return _top_k_elsewhere(values, k)
    return _TOP_K(values, k)


def _top_k(values: Array, k: int) -> tuple[Array, Array]:
    shape = (*values.shape[:-1], k)
    return tuple(call("top_k", (_float32(*shape), jax.ShapeDtypeStruct(shape, jnp.int32)), values))


def _top_k_elsewhere(values: Array, k: Any) -> tuple[Array, Array]:
    highest, positions = lax.top_k(values, k)
    return highest, positions


def _layer_arrays(operands: Operands, tiles: Tiles) -> tuple[Array, ...]:
    """The operands that all but those that pack begin with; absent somas are arrays of length 0."""
    n, d, k = operands.weight.shape
    soma_weight, soma_bias, sizes = operands.soma_weight, operands.soma_bias, operands.sizes
    if soma_weight is None or soma_bias is None:
        soma_weight, soma_bias = jnp.zeros((n, 0), jnp.float32), jnp.zeros((0,), jnp.float32)
    if sizes is None:
        sizes = jnp.array([n, d, k], jnp.int32)
    return *tiles, operands.weight, operands.bias, operands.indices, soma_weight, soma_bias, sizes


def _slopes(settings: Settings) -> dict[str, np.float32]:
    return {
        "dendrite_slope": np.float32(settings.dendrite_slope),
        "soma_slope": np.float32(settings.soma_slope),
    }


def _rows(operands: Operands) -> int:
    n, d, _ = operands.weight.shape
    return n * d if operands.soma_weight is None else n


def _forward(operands: Operands, tiles: Tiles, settings: Settings) -> tuple[Array, Array]:
    n, d, _ = operands.weight.shape
    batch, rows = operands.x.shape[0], _rows(operands)
    words = n * d + (0 if operands.soma_weight is None else n)
    results = (_float32(batch, rows), jax.ShapeDtypeStruct((-(-batch // TILE), words), jnp.uint32))
    arrays = _layer_arrays(operands, tiles)
    out, signs = call("forward", results, *arrays, **_slopes(settings))
    return (out.reshape(-1, n, d) if operands.soma_weight is None else out), signs


def _parameter_gradients(
    operands: Operands, tiles: Tiles, signs: Array, g: Array, settings: Settings
) -> Gradients:
    arrays = _layer_arrays(operands, tiles)
    weight, bias, soma_weight, soma_bias = call(
        "weight_gradient",
        tuple(_float32(*arrays[i].shape) for i in (2, 3, 5, 6)),
        *arrays,
        signs,
        g.reshape(g.shape[0], _rows(operands)),
        **_slopes(settings),
    )
    if operands.soma_weight is None:
        soma_weight = soma_bias = None
    return Gradients(weight, bias, soma_weight, soma_bias)


def _input_gradient(
    operands: Operands, tiles: Tiles, signs: Array, g: Array, settings: Settings
) -> Float[Array, "B F"]:
    return call(
        "input_gradient",
        _float32(*operands.x.shape),
        *_layer_arrays(operands, tiles),
        signs,
        g.reshape(g.shape[0], _rows(operands)),
        **_slopes(settings),
    )


def native_passes() -> Passes:
    """The native kernel's passes where they can be taken, the dense kernel's everywhere else."""
    dense = dense_passes(BY_PLATFORM)

    def without_tiles(elsewhere: Callable[..., T]) -> Callable[..., T]:
        def computed(operands: Operands, _: Tiles, *arguments: Any) -> T:
            return elsewhere(operands, operands.x, *arguments)

        return computed

    return Passes(
        lambda x: _PACK(x, NO_SETTINGS),  # pyright: ignore[reportUnknownLambdaType]
        where_possible(_forward, without_tiles(dense.forward)),
        where_possible(_parameter_gradients, without_tiles(dense.parameter_gradients)),
        where_possible(_input_gradient, without_tiles(dense.input_gradient)),
    )


def where_possible(
    native: Callable[..., T], elsewhere: Callable[..., T], dtype: Any = jnp.float32
) -> Callable[..., T]:
    """One of two functions of arrays, the first of this dtype, and of hashable settings."""

    @cache
    def flat(settings: Any, tree: Any) -> tuple[Choice, list[Any]]:
        """A choice between functions of flat arrays, and where they put their results' tree."""
        found: list[Any] = []

        def flattened(function: Callable[..., T], *leaves: Array) -> list[Array]:
            result = function(*jax.tree.unflatten(tree, leaves), settings)
            results, found[:] = jax.tree.leaves(result), [jax.tree.structure(result)]
            return results

        return Choice(partial(flattened, native), partial(flattened, elsewhere)), found

    def computed(*arguments: Any) -> T:
        *arrays, settings = arguments
        leaves, tree = cast(tuple[list[Array], Any], jax.tree.flatten(arrays))
        if leaves[0].dtype != dtype:
            return elsewhere(*arrays, settings)
        choice, found = flat(settings, tree)
        results = chosen(choice, *leaves)
        return cast(T, jax.tree.unflatten(found[0], results))

    return computed


NO_SETTINGS = Settings(0.0, 0.0)
_TOP_K = where_possible(_top_k, _top_k_elsewhere)
_PACK = where_possible(_pack, _pack_elsewhere)
_PACK_ROWS = where_possible(_pack_rows, _pack_rows_elsewhere)
