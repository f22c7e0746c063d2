"""The kernels, as a fixture: a test that takes it runs once for each registered one."""

import pytest

from jdend.kernels._registry import KERNELS


@pytest.fixture(params=list(KERNELS))
def kernel(request) -> str:
    """A kernel's name; those that cannot be used here are skipped, with the reason."""
    if reason := KERNELS[request.param].missing():
        pytest.skip(reason)
    return request.param
