"""The kernels and the instruction sets, as fixtures: a test that takes one runs once for each."""

import pytest

from jdend.kernels import _native
from jdend.kernels._registry import KERNELS

LIBRARY = _native.load()


@pytest.fixture(params=list(KERNELS))
def kernel(request) -> str:
    """A kernel's name; those that cannot be used here are skipped, with the reason."""
    if reason := KERNELS[request.param].missing():
        pytest.skip(reason)
    return request.param


@pytest.fixture(params=[] if isinstance(LIBRARY, str) else LIBRARY.instruction_sets)
def instruction_set(request):
    """The name of an instruction set, which the native kernel uses meanwhile."""
    before = LIBRARY.instruction_set
    LIBRARY.use_instruction_set(request.param)
    yield request.param
    LIBRARY.use_instruction_set(before)
