"""Where the native library is looked for."""

import pytest

from jdend.kernels._native import library_path


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout that has no library, and an installed jdend that has one."""
    for place in ("checkout", "installed"):
        (tmp_path / place / "jdend/kernels").mkdir(parents=True)
        (tmp_path / place / "jdend/kernels/_native.py").write_text("one")
    (tmp_path / "installed/jdend/kernels/libjdend.so").touch()
    monkeypatch.syspath_prepend(tmp_path / "installed")
    monkeypatch.syspath_prepend(tmp_path / "checkout")
    return tmp_path / "checkout/jdend/kernels"


def test_a_checkout_without_one_has_that_of_the_same_jdend_installed(checkout, tmp_path):
    found = library_path(checkout / "_native.py")
    assert found == tmp_path / "installed/jdend/kernels/libjdend.so"


def test_one_of_its_own_comes_first(checkout):
    (checkout / "libjdend.so").touch()
    assert library_path(checkout / "_native.py") == checkout / "libjdend.so"


def test_that_of_another_version_is_none(checkout):
    (checkout / "_native.py").write_text("another")
    assert library_path(checkout / "_native.py") == checkout / "libjdend.so"
