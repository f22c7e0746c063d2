"""How a population is divided among devices: which ones, and what each holds."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh
from small_populations import assert_equal, bucket_of, configured, data, on_host, start

from jdend.training import ACCURACY, DevicesError, _sharding, _train, find_devices, take
from jdend.training._sharding import (
    BY_TRIAL,
    EVERY_DEVICE,
    EVERYWHERE,
    SEEDS,
    columns_of,
    mesh_for,
    parts_of,
    placed,
    width_on,
)


@dataclass(frozen=True)
class FakeDevice:
    number: int
    platform: str = "cpu"


MESH = mesh_for([FakeDevice(n) for n in range(6)], 2, 3)


def of_one_device():
    return Mesh(np.array(jax.local_devices()[:1]).reshape(1, 1), ("seeds", "configurations"))


def test_the_default_device_alone_has_no_mesh():
    assert mesh_for(jax.local_devices()[:1], 3, 10) is None
    assert width_on(None, 5) == 5
    assert columns_of(None, "abc") == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("n_devices", "n_seeds", "n_configurations", "parts"),
    [
        (8, 1, 64, (1, 8)),
        (8, 2, 64, (2, 4)),  # each seed's batches are loaded by four devices, not by eight
        (8, 3, 64, (1, 8)),
        (8, 8, 1, (8, 1)),
        (8, 1, 11, (1, 6)),  # two on each; eight would be no faster
        (8, 5, 1, (5, 1)),
        (3, 4, 2, (2, 1)),
    ],
)
def test_the_largest_part_has_as_few_trials_as_possible(
    n_devices, n_seeds, n_configurations, parts
):
    mesh = mesh_for([f"device {i}" for i in range(n_devices)], n_seeds, n_configurations)
    assert tuple(mesh.shape.values()) == parts
    width = width_on(mesh, n_configurations)
    assert width % parts[1] == 0
    assert 0 <= width - n_configurations < parts[1]


def test_devices_are_a_number_or_positions():
    assert find_devices() == tuple(jax.local_devices())
    assert find_devices(1) == find_devices((0,)) == find_devices()[:1]


@pytest.mark.parametrize("devices", [0, -1, 99, (), (0, 0), (99,), (-1,)])
def test_devices_that_are_not_there_are_refused_in_a_line(devices):
    with pytest.raises(DevicesError, match=r"^devices=.* there are 1 here: give how many") as info:
        find_devices(devices)
    assert "\n" not in str(info.value)


def test_positions_choose_devices_in_their_order(monkeypatch):
    three = [FakeDevice(n) for n in range(3)]
    monkeypatch.setattr(_sharding.jax, "local_devices", lambda: three)
    assert find_devices(2) == tuple(three[:2])
    assert find_devices([2, 0]) == (three[2], three[0])
    with pytest.raises(DevicesError, match=r"of cpu devices there are 3 .*1 to 3.* 0 to 2$"):
        find_devices(4)


def test_a_device_that_is_not_the_default_one_has_a_mesh():
    assert mesh_for([FakeDevice(5)], 3, 10).shape == {"seeds": 1, "configurations": 1}


def test_devices_without_work_are_left_out():
    mesh = mesh_for([FakeDevice(n) for n in range(8)], 1, 11)
    assert [device.number for device in mesh.devices.flat] == [0, 1, 2, 3, 4, 5]


def test_a_mesh_divides_configurations_and_seeds():
    assert (parts_of(MESH), parts_of(MESH, SEEDS)) == (3, 2)
    assert (parts_of(None), parts_of(None, SEEDS)) == (1, 1)


def test_columns_are_filled_with_the_first_again():
    assert columns_of(MESH, "abcd") == ["a", "b", "c", "d", "a", "a"]
    assert columns_of(MESH, "abc") == ["a", "b", "c"]


def test_a_program_on_a_mesh_computes_the_same():
    mesh = of_one_device()
    sharding = _sharding.Sharding(mesh, (BY_TRIAL, EVERYWHERE), BY_TRIAL)
    x, y = jnp.arange(6.0).reshape(2, 3), jnp.float32(2)
    divided = sharding.jit(lambda x, y: x * y, donate=())(x, y)
    np.testing.assert_array_equal(divided, x * y)
    donated = sharding.jit(lambda x, y: x * y, donate=(0,))
    donated(x, y).block_until_ready()
    assert x.is_deleted()
    assert not y.is_deleted()


def test_a_state_from_the_host_is_placed_with_as_many_columns_as_the_mesh_takes(monkeypatch):
    members = [configured(lr=1e-3 * (c + 1)) for c in range(2)]
    state = on_host(start(bucket_of(members[0]), members))
    assert_equal(on_host(placed(state, None)), state)
    mesh = of_one_device()
    assert_equal(on_host(placed(state, mesh)), state)
    monkeypatch.setattr(_sharding, "width_on", lambda mesh, n: 3)
    wider = placed(state, mesh)
    assert isinstance(wider.failed_step, jax.Array)
    assert_equal(on_host(wider), take(state, [0, 1, 0]))


def test_the_memory_of_whole_columns_is_measured(monkeypatch):
    """Of five configurations on three devices: one and two columns on each."""

    class Programs:
        def memory(self, hyperparameters, n_members, data, at_once):
            widths.append(len(hyperparameters.lr))
            return 1000 * len(hyperparameters.lr)

    widths: list[int] = []
    monkeypatch.setattr(_train, "find_devices", lambda devices: [FakeDevice(n) for n in range(3)])
    monkeypatch.setattr(_train, "population_for", lambda *_: Programs())
    monkeypatch.setattr(_train, "on_device", lambda data, mesh, streamed: None)
    monkeypatch.setattr(_train, "usable_bytes", lambda device: 4000.0)
    members = [configured(lr=1e-3 * (c + 1)) for c in range(5)]
    mesh, room = _train._divided(
        bucket_of(members[0]), members, (0,), data(), ACCURACY, EVERY_DEVICE, one_end=False
    )
    assert parts_of(mesh) == 3
    assert {*widths} == {3, 6}
    assert room == 3
