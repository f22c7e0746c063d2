"""Programs are compiled once a shape, and counted."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_populations import advance, bucket_of, configured, on_host, start

from jdend.training import let_go_of_populations
from jdend.training._compilation import (
    Compilations,
    Program,
    _compiler_options,
    bytes_of,
    compilations,
    shapes_of,
)


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


on_cpus = pytest.mark.skipif(jax.default_backend() != "cpu", reason="the level is that of CPUs")
LEVEL = "xla_backend_optimization_level"


@on_cpus
@pytest.mark.parametrize("quickly", [False, True])
def test_programs_for_cpus_have_the_second_level(monkeypatch, quickly):
    monkeypatch.delenv("XLA_FLAGS")
    assert _compiler_options(quickly)[LEVEL] == 2


@on_cpus
def test_a_level_of_the_environment_stands(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", f"--{LEVEL}=1")
    assert _compiler_options(quickly=False) is None


@on_cpus
def test_figures_at_the_level_of_the_tests_are_those_of_users_but_for_rounding(monkeypatch):
    configuration = configured(resampling_inputs="local")
    bucket = bucket_of(configuration, padded=True)
    for_tests = on_host(advance(bucket, start(bucket, [configuration]), 10).loss_sum)
    let_go_of_populations(0)
    monkeypatch.delenv("XLA_FLAGS")
    for_users = on_host(advance(bucket, start(bucket, [configuration]), 10).loss_sum)
    np.testing.assert_allclose(for_tests, for_users, rtol=1e-5)
