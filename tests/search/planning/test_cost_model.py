"""The cost model: near what was measured once, whatever the kernel."""

import dataclasses
import math

import pytest

from jdend.models import Problem, configure
from jdend.search.planning.cost_model import FORWARD_SHARE, cost_of, narrowing
from jdend.training import Bucket

KERNELS = ("native", "dense", "gather")


@pytest.mark.parametrize("kernel", KERNELS)
def test_all_coefficients_are_times(kernel):
    assert all(0 <= c < math.inf for c in dataclasses.astuple(cost_of(kernel)))


@pytest.mark.parametrize(
    ("kernel", "measured"), [("native", 0.065), ("dense", 0.39), ("gather", 2.32)]
)
def test_a_step_takes_about_as_long_as_was_measured(kernel, measured):
    """12 × 6 dendrites of 96 inputs, a batch of 256; milliseconds."""
    cost = cost_of(kernel)
    assert cost.step(256, 7198, 72) + cost.padded * 7198 == pytest.approx(measured, rel=0.35)


def test_a_forward_pass_is_part_of_a_step():
    assert 0 < FORWARD_SHARE < 1


def test_a_kernel_that_was_not_measured_is_taken_for_a_matrix_product():
    assert cost_of("of my own") == cost_of("dense")


def test_networks_of_many_dendrites_are_narrowed_sooner():
    def fewest_steps(n_inputs):
        structure = configure({"n_dendrite_inputs": n_inputs}, Problem(64, 10)).structure
        narrow = narrowing(Bucket(structure, kernel="native"), 600.0, 1)
        return next(steps for steps in range(1000, 10**6, 10) if narrow(32, 8, steps) == 8)

    assert fewest_steps(1) < fewest_steps(2) < fewest_steps(60)
