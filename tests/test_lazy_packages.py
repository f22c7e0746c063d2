"""Packages whose names are imported when they are first asked for."""

import importlib
import subprocess
import sys

import pytest

PACKAGES = ["jdend", "jdend.report", "jdend.search"]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_name_can_be_had(package):
    module = importlib.import_module(package)
    assert module.__all__ == sorted(module.__all__)
    for name in module.__all__:
        assert getattr(module, name) is not None


@pytest.mark.parametrize("package", PACKAGES)
def test_a_name_that_is_not_there_is_an_import_error(package):
    with pytest.raises(ImportError, match=f"cannot import name 'Missing' from '{package}'"):
        exec(f"from {package} import Missing")


@pytest.mark.parametrize("package", PACKAGES)
def test_to_import_the_package_alone_loads_nothing_heavy(package):
    program = f"import sys, {package}; print({{'jax', 'numpy', 'optuna'}} & sys.modules.keys())"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert said.stdout == "set()\n"
