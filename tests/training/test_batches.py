"""Batches in the native kernel's layout: figures are those of plain arrays, to the last bit where
bytes become floats as they are packed."""

import functools
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from small_populations import SMALL, TRAINING, assert_equal, on_host

from jdend.kernels import Packed, _native, resolve
from jdend.models import (
    DendriticLayer,
    Problem,
    Stack,
    _registry,
    architecture,
    architectures,
    configure,
    register_architecture,
)
from jdend.models._architectures import DendriticSimple
from jdend.training import Bucket, Examples, _batches, epoch_order, trace_hyperparameters
from jdend.training._batches import batches, packs
from jdend.training._bucket import network
from jdend.training._kept_populations import RESAMPLING_CHOICES
from jdend.training._metrics import ACCURACY
from jdend.training._population import make_population
from jdend.training._resampling import resamples
from jdend.training._traced_hyperparameters import common_choices

N, FEATURES, CLASSES = 150, 36, 4
SEEDS = jnp.array([0, 5], jnp.uint32)
DENDRITIC = [name for name in architectures() if "takes_packed" in vars(architecture(name).module)]
LIBRARY = _native.load()
needs_native = pytest.mark.skipif(resolve() != "native", reason="the native kernel is not here")


def examples(dtype=np.uint8):
    """Bytes with one offset and scale, or floats with those of each feature."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (N, FEATURES)).astype(dtype)
    shape = () if dtype == np.uint8 else (FEATURES,)
    offset, scale = rng.normal(100, 20, shape), rng.uniform(0.005, 0.02, shape)
    y = rng.integers(0, CLASSES, N)
    return Examples(*map(jnp.asarray, (x, y.astype("i4"), offset.astype("f4"), scale.astype("f4"))))


def configured(**params):
    problem = Problem(FEATURES, CLASSES, (6, 6, 1))
    return configure({**SMALL, **TRAINING, **params}, problem)


@functools.cache
def begun(*configurations, **of_bucket):
    """Their bucket, and the state before the first step."""
    bucket = Bucket(configurations[0].structure, **of_bucket)
    per_epoch = N // bucket.structure.batch_size
    traced = trace_hyperparameters(configurations, per_epoch, padded=bucket.padded)
    return bucket, on_host(programs_for(configurations, **of_bucket).init(traced, SEEDS))


@functools.cache
def programs_of(bucket, resampling, choices, packed):
    return make_population(bucket, resampling, choices, ACCURACY, None)


def programs_for(configurations, *, packed=True, **of_bucket):
    """Of their own for plain batches, which are chosen as programs are traced."""
    bucket = Bucket(configurations[0].structure, **of_bucket)
    traced = trace_hyperparameters(configurations, 1, padded=bucket.padded)
    choices = common_choices(traced, RESAMPLING_CHOICES)
    return programs_of(bucket, resamples(traced), choices, packed)


def trained(configurations, data, *, n_steps=7, packed=True, **of_bucket):
    """The state after some steps, and the figures of 100 rows."""
    bucket, state = begun(*configurations, **of_bucket)
    per_epoch = N // bucket.structure.batch_size
    programs = programs_for(configurations, packed=packed, **of_bucket)
    with mock.patch.object(_batches, "packs", _batches.packs if packed else lambda *_: False):
        for step in range(0, n_steps, per_epoch):
            order = epoch_order(SEEDS, step // per_epoch, N)
            stop = jnp.int32(min(step + per_epoch, n_steps))
            state = programs.advance(state, data, order, stop)
        return on_host((state, programs.evaluate(state, data, jnp.int32(30), jnp.int32(130))))


def assert_packed_equals_plain(*arguments, **options):
    plain = trained(*arguments, packed=False, **options)
    assert_equal(trained(*arguments, **options), plain)


@pytest.fixture
def bytes_become_floats():
    """An instruction set for which batches of bytes hold floats."""
    before = LIBRARY.instruction_set
    LIBRARY.use_instruction_set(LIBRARY.instruction_sets[-1])
    yield
    LIBRARY.use_instruction_set(before)


@pytest.fixture(autouse=True)
def own_registry(monkeypatch):
    monkeypatch.setattr(_registry, "_ARCHITECTURES", dict(_registry._ARCHITECTURES))


def is_packed(*configurations, data=None, **of_bucket):
    """Whether a step's batch is packed."""
    bucket, state = begun(*configurations, **of_bucket)
    data = examples() if data is None else data
    order = jax.ShapeDtypeStruct((len(SEEDS), N), jnp.int32)
    next_batch = batches(bucket, network(bucket))
    return isinstance(jax.eval_shape(next_batch, state, data, order).x, Packed)


def test_all_that_begin_with_a_dendritic_layer_take_packed_batches():
    assert set(DENDRITIC) == {
        "dendritic_simple", "soma_disabled", "sparse_somata", "dendritic_with_hidden",
        "class_somata", "dendritic_two_layers",
    }  # fmt: skip


# What a network gets is the same whatever the data's type, and whether it is padded.
@needs_native
@pytest.mark.parametrize("name", ["dendritic_simple", "dendritic_two_layers"])
def test_packed_equals_plain(bytes_become_floats, name):
    shared = {"architecture": name, "batch_size": 48, "steps_to_resample": None}
    members = [configured(**shared, lr=lr) for lr in (1e-3, 1e-2, 3e-2)]
    assert is_packed(*members, data=examples(np.float32))
    assert_packed_equals_plain(members, examples(np.float32))


def of_two_sizes(**params):
    sizes = ({"n_dendrites": 3, "n_dendrite_inputs": 7}, {"n_dendrites": 2, "n_dendrite_inputs": 3})
    return [configured(batch_size=16, lr=1e-3, **of_one, **params) for of_one in sizes]


@needs_native
@pytest.mark.parametrize("name", DENDRITIC)
def test_packed_equals_plain_where_padded_networks_resample(bytes_become_floats, name):
    members = of_two_sizes(architecture=name)
    assert is_packed(*members, padded=True)
    assert_packed_equals_plain(members, examples(), padded=True)


@needs_native
@pytest.mark.parametrize("name", DENDRITIC)
def test_bytes_that_stay_bytes_train_alike(name):
    members = of_two_sizes(architecture=name)
    packed, figures = trained(members, examples(), n_steps=3, padded=True)
    plain, expected = trained(members, examples(), n_steps=3, packed=False, padded=True)
    np.testing.assert_allclose(packed.loss_sum, plain.loss_sum, rtol=1e-5)
    np.testing.assert_allclose(figures[0], expected[0], rtol=1e-4)


@needs_native
@pytest.mark.parametrize(
    "params",
    [
        {"resampling_inputs": "local_gradient", "synapse_dropout": 0.2},
        {"initial_density": 2, "soma_enabled": False},
    ],
    ids=str,
)
def test_packed_equals_plain_beside_what_else_happens_in_a_step(bytes_become_floats, params):
    assert is_packed(configured(**params))
    assert_packed_equals_plain([configured(**params)], examples(), n_steps=12)


@pytest.mark.parametrize(
    "params", [{"input_noise": 0.1}, {"augmentation": "shifts"}, {"architecture": "mlp"}], ids=str
)
def test_inputs_that_are_changed_or_not_for_dendrites_are_plain(params):
    assert not is_packed(configured(**params))


@pytest.mark.parametrize("of_bucket", [{"kernel": "dense"}, {"precision": "bfloat16"}], ids=str)
def test_other_kernels_get_plain_batches(of_bucket):
    assert not is_packed(configured(), **of_bucket)


def test_members_with_folds_get_plain_batches():
    bucket = Bucket(configured().structure)
    folds = Examples(*(jnp.zeros(shape) for shape in ((N, FEATURES), (N,), (2, 1), (2, 1))))
    assert not packs(bucket, network(bucket), folds)


class Doubled(DendriticSimple):
    """Says nothing of packed inputs, and does something else with them."""

    def __call__(self, x):
        return super().__call__(2.0 * x)


class Layered(nnx.Module):
    """Says that it takes them."""

    takes_packed = True

    def __init__(self, in_features, n_classes, *, rngs):
        self.layer = DendriticLayer(in_features, n_classes, 2, 3, rngs=rngs)

    def __call__(self, x):
        return self.layer(x)


@needs_native
@pytest.mark.parametrize(("module", "takes"), [(Doubled, False), (Layered, True)])
def test_an_architecture_of_ones_own_gets_what_it_says_it_takes(module, takes):
    fields = () if module is Layered else ("n_neurons", "n_dendrites", "n_dendrite_inputs")
    register_architecture("own_batches", module, fields=fields)
    assert is_packed(configured(architecture="own_batches")) == takes
    (state, _) = trained([configured(architecture="own_batches")], examples())
    assert np.isfinite(state.loss_sum).all()


@pytest.mark.parametrize(("first", "takes"), [((3, 2, 4), True), (5, False)])
def test_a_stack_takes_packed_inputs_if_its_first_layer_is_dendritic(first, takes):
    model = Stack(FEATURES, CLASSES, layers=[first, 6, (2, 3)], rngs=nnx.Rngs(0))
    assert model.takes_packed == takes
    if takes:
        x = jnp.ones((40, FEATURES))
        np.testing.assert_array_equal(model(Packed(x, None)), model(x))
