"""C files, compiled by the strictest of compilers and called."""

import ctypes
import subprocess
import sys

import numpy as np

STRICT = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-Wconversion", "-Wshadow"]


def compiled(path, *options):
    """The library of an exported C file; fails if a compiler says anything."""
    library = path.with_suffix(".so")
    # No libm, no allocator: only what the file itself defines may be linked.
    alone = ["-nostdlib", *(["-Wl,--no-undefined"] if sys.platform == "linux" else [])]
    command = ["cc", *STRICT, *options, "-O2", "-shared", "-fPIC", *alone, path, "-o", library]
    subprocess.run(list(map(str, command)), check=True)
    return ctypes.CDLL(str(library))


def run(library, x, n_classes):
    """Logits `[n, n_classes]` and classes `[n]` of raw examples `[n, F]`."""
    of = {np.dtype(np.uint8): ctypes.c_uint8, np.dtype(np.float32): ctypes.c_float}[x.dtype]
    logits = np.full((len(x), n_classes), np.nan, np.float32)
    classes = [
        library.jdend_predict(
            np.ascontiguousarray(row).ctypes.data_as(ctypes.POINTER(of)),
            out.ctypes.data_as(ctypes.POINTER(ctypes.c_float)),
        )
        for row, out in zip(x, logits, strict=True)
    ]
    return logits, np.array(classes)
