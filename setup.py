"""Builds the native kernel's shared library; everything else is in pyproject.toml.

The library has no Python ABI (it is loaded with ctypes), so one wheel a platform serves every
Python. Without a C++17 compiler the installation succeeds and jdend falls back to pure JAX.

Environment variables: ``CXX`` names the compiler, ``JDEND_CXXFLAGS`` adds flags for compiling and
linking, ``JDEND_REQUIRE_KERNEL=1`` makes a failed build an error.
"""

import os
import platform
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from setuptools import Distribution, Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

SOURCES = Path("jdend/kernels/native")
LIBRARY = Path("jdend/kernels/libjdend.so")
X86_FLAGS = {
    "avx512_vnni": ["-mavx512f", "-mavx512bw", "-mavx512vnni", "-mfma"],
    "avx512": ["-mavx512f", "-mfma"],
    "avx2": ["-mavx2", "-mfma"],
}


def ffi_include_dir() -> str:
    """Where XLA's headers are; asks jaxlib alone, which is all that an isolated build has."""
    import jaxlib

    return str(Path(jaxlib.__file__).parent / "include")


def compiler() -> list[str] | None:
    """The compiler's command, or None."""
    if command := os.environ.get("CXX"):
        return shlex.split(command)
    for name in ("c++", "g++", "clang++"):
        if shutil.which(name):
            return [name]
    return None


def build_library(target: Path, objects: Path) -> None:
    """Compiles each source with its own instruction set's flags, and links them to ``target``."""
    command = compiler()
    if command is None:
        raise RuntimeError("no C++ compiler found")
    extra = shlex.split(os.environ.get("JDEND_CXXFLAGS", ""))
    flags = ["-O3", "-std=c++17", "-fPIC", "-fvisibility=hidden", "-pthread", *extra]
    x86 = platform.machine().lower() in ("x86_64", "amd64")

    def compile_source(source: Path) -> str:
        own = X86_FLAGS.get(source.stem, []) if x86 else []
        result = str(objects / f"{source.stem}.o")
        include = ["-isystem", ffi_include_dir()]
        subprocess.run(
            [*command, *flags, *own, *include, "-c", str(source), "-o", result], check=True
        )
        return result

    objects.mkdir(parents=True, exist_ok=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(compile_source, sorted(SOURCES.glob("*.cc"))))
    subprocess.run(
        [*command, "-shared", "-pthread", *extra, *results, "-o", str(target)], check=True
    )


class BuildKernel(build_ext):
    """Runs wherever extension modules are built: wheels, editable and in-place builds."""

    def run(self) -> None:
        target = LIBRARY if self.inplace else Path(self.build_lib) / LIBRARY
        try:
            build_library(target, Path(self.build_temp) / "jdend_kernel")
        except (ImportError, OSError, RuntimeError, subprocess.CalledProcessError) as error:
            if os.environ.get("JDEND_REQUIRE_KERNEL") == "1":
                raise
            print(f"jdend: building without the native kernel: {error}", file=sys.stderr)

    def get_outputs(self) -> list[str]:
        target = Path(self.build_lib) / LIBRARY
        return [str(target)] if target.exists() else []

    def get_output_mapping(self) -> dict[str, str]:
        return {}

    def get_source_files(self) -> list[str]:
        return sorted(str(path) for path in SOURCES.iterdir())


class PlatformWheel(bdist_wheel):
    """Tags the wheel with a platform but with no Python version."""

    def get_tag(self) -> tuple[str, str, str]:
        return "py3", "none", super().get_tag()[2]


class NativeDistribution(Distribution):
    """Says that there is native code, though no extension module in the usual sense."""

    def has_ext_modules(self) -> bool:
        return True


setup(
    distclass=NativeDistribution,
    ext_modules=[Extension("jdend.kernels.libjdend", sources=[])],
    cmdclass={"build_ext": BuildKernel, "bdist_wheel": PlatformWheel},
)
