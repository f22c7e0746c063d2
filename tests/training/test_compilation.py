"""Programs are compiled once a shape, and counted."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jdend.training._compilation import Compilations, Program, bytes_of, compilations, shapes_of


def double(x):
    return 2 * x


def test_each_shape_is_one_program():
    program, before = Program(double), compilations()
    for n in (1, 2, 2):
        assert program(jnp.ones(n)).shape == (n,)
    since = compilations() - before
    assert (since.step_programs, since.programs) == (0, 2)
    assert 0 < since.seconds < 60


def test_programs_of_training_steps_count_as_such():
    before = compilations()
    Program(double, trains=True)(jnp.ones(3))
    since = compilations() - before
    assert (since.step_programs, since.programs) == (1, 1)


def test_a_difference_of_counts():
    later, earlier = Compilations(5, 9, 3.5), Compilations(2, 3, 1.0)
    assert later - earlier == Compilations(3, 6, 2.5)


def test_one_that_cannot_be_compiled_is_tried_anew():
    def fail_at_first(x):
        if not tries:
            tries.append(x)
            raise ValueError("not now")
        return x

    tries, program = [], Program(fail_at_first)
    with pytest.raises(ValueError, match="not now"):
        program(jnp.ones(2))
    np.testing.assert_array_equal(program(jnp.ones(2)), np.ones(2))


def test_shapes_alone_say_the_shape_of_the_result():
    program, before = Program(double), compilations()
    shapes = shapes_of({"x": np.ones((2, 3), np.float32)})
    assert shapes == {"x": jax.ShapeDtypeStruct((2, 3), np.float32)}
    assert program.shape_of_result(shapes["x"]).shape == (2, 3)
    assert compilations() == before


def test_bytes_are_those_of_arguments_and_results():
    program = Program(lambda x, y: (x + y, x - y))
    ones = jnp.ones(1000)
    assert bytes_of(program.compile(ones, ones)) >= 4 * 4000


def test_a_result_in_an_arguments_place_is_counted_once():
    ones = jnp.ones(1000)
    apart = bytes_of(Program(double).compile(ones))
    within = bytes_of(Program(double, donate=(0,)).compile(ones))
    assert apart - within == 4000
