"""Installing where there is no C++ compiler."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("setuptools.command.bdist_wheel", reason="setup.py needs setuptools 70.1")
ROOT = Path(__file__).parents[2]


def build(folder: Path, **environment: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "setup.py", "-q", "build_ext"]
    return subprocess.run(
        [*command, "--build-lib", str(folder), "--build-temp", str(folder / "objects")],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_succeeds_without_a_compiler_and_says_what_is_missing(tmp_path):
    result = build(tmp_path, CXX="/missing/compiler")
    assert result.returncode == 0, result.stderr
    assert "without the native kernel" in result.stderr


def test_leaves_no_library_behind_where_the_compiler_fails(tmp_path):
    build(tmp_path, CXX="false")
    assert not list(tmp_path.rglob("*.so"))


def test_fails_without_a_compiler_where_the_kernel_is_required(tmp_path):
    result = build(tmp_path, CXX="/missing/compiler", JDEND_REQUIRE_KERNEL="1")
    assert result.returncode != 0
