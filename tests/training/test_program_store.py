"""Programs are kept by what they follow from, and load without being traced."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental.compilation_cache import compilation_cache

from jdend.models import Problem, architecture, configure, register_architecture
from jdend.models._architectures import DendriticSimple
from jdend.training import Bucket, enable_program_cache, find_metric
from jdend.training import _program_store as store
from jdend.training._compilation import Program
from jdend.training._metrics import ACCURACY, Metric
from jdend.training._population import make_population
from jdend.training._program_identity import identity_of

OPTIONS = (
    "jax_compilation_cache_dir",
    "jax_persistent_cache_min_compile_time_secs",
    "jax_persistent_cache_min_entry_size_bytes",
    "jax_compilation_cache_max_size",
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """jdend's own cache of programs, where no source file is too young."""
    before = {name: getattr(jax.config, name) for name in OPTIONS}
    jax.config.update("jax_compilation_cache_dir", None)
    compilation_cache.reset_cache()
    monkeypatch.setattr(store, "_imported", float("inf"))
    source = store._source
    source.cache_clear()
    enable_program_cache(tmp_path)
    yield tmp_path
    for name, value in before.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()
    source.cache_clear()


class Traced:
    """A function that counts how often it is traced."""

    def __init__(self, factor=2.0):
        self.times, self._factor = 0, factor

    def program(self, identity="doubling", **options):
        def doubled(x):
            self.times += 1
            return {"y": self._factor * x}

        jax.clear_caches()
        return Program(doubled, identity=identity, **options)


def kept(folder):
    return sorted(folder.glob("jdend-*-program"))


def test_one_that_is_kept_is_not_traced(folder):
    Traced().program().compile(jnp.ones(3))
    again = Traced()
    np.testing.assert_array_equal(again.program()(jnp.ones(3))["y"], [2, 2, 2])
    assert again.times == 0


def test_one_that_is_kept_knows_the_shapes_of_its_result(folder):
    Traced().program().compile(jnp.ones(3))
    again = Traced()
    assert again.program().shape_of_result(jnp.ones(3)) == {
        "y": jax.ShapeDtypeStruct((3,), np.float32)
    }
    assert again.times == 0


@pytest.mark.parametrize(
    ("identity", "x", "options"),
    [
        ("other", np.ones(3, np.float32), {}),
        ("doubling", np.ones(4, np.float32), {}),
        ("doubling", np.ones(3, np.int32), {}),
        ("doubling", np.ones(3, np.float32), {"quickly": True}),
        (None, np.ones(3, np.float32), {}),
    ],
)
def test_another_is_traced(folder, identity, x, options):
    Traced().program().compile(jnp.ones(3))
    other = Traced()
    other.program(identity, **options).compile(jnp.asarray(x))
    assert other.times > 0


def test_another_setting_of_jax_makes_another(folder):
    Traced().program().compile(jnp.ones(3))
    other = Traced()
    jax.config.update("jax_default_matmul_precision", "bfloat16")
    try:
        other.program().compile(jnp.ones(3))
    finally:
        jax.config.update("jax_default_matmul_precision", None)
    assert other.times > 0


def test_another_source_makes_another(folder, monkeypatch):
    Traced().program().compile(jnp.ones(3))
    monkeypatch.setattr(store, "_source", lambda: "another")
    other = Traced()
    other.program().compile(jnp.ones(3))
    assert other.times > 0
    assert len(kept(folder)) == 2


def test_nothing_is_kept_while_a_source_file_is_young(folder, monkeypatch):
    monkeypatch.setattr(store, "_imported", 0.0)
    store._source.cache_clear()
    Traced().program().compile(jnp.ones(3))
    assert not kept(folder)


def test_what_jaxs_cache_had_is_not_kept(folder):
    Traced().program().compile(jnp.ones(3))
    kept(folder)[0].unlink()
    Traced().program().compile(jnp.ones(3))
    assert not kept(folder)


def test_a_damaged_one_is_compiled_anew(folder):
    Traced().program().compile(jnp.ones(3))
    kept(folder)[0].write_bytes(b"damaged")
    np.testing.assert_array_equal(Traced().program()(jnp.ones(3))["y"], [2, 2, 2])


def test_a_users_cache_is_not_added_to(tmp_path):
    Traced().program().compile(jnp.ones(3))
    assert not kept(tmp_path)
    assert store._path("doubling", (jnp.ones(3),)) is None


def bucket(architecture="dendritic_simple"):
    params = {"architecture": architecture, "n_neurons": 3, "n_dendrites": 2}
    configuration = configure({**params, "n_dendrite_inputs": 2}, Problem(8, 3))
    return Bucket(configuration.structure)


def test_what_is_jdends_has_an_identity():
    assert identity_of(bucket(), ACCURACY) is not None


def test_a_users_metric_has_none():
    own = Metric("own", lambda logits, y, counted: logits.mean())
    assert identity_of(bucket(), own) is None


def test_a_users_architecture_has_none():
    class Own(DendriticSimple):
        pass

    fields = architecture("dendritic_simple").fields
    register_architecture("own_of_the_store", Own, fields=fields)
    assert identity_of(bucket("own_of_the_store"), ACCURACY) is None


def test_populations_that_resample_share_what_does_not(folder):
    resampling, other = (
        make_population(bucket(), resamples, frozenset(), ACCURACY, None)
        for resamples in (True, False)
    )
    shared = [
        name
        for name in ("init", "advance", "evaluate", "add")
        if getattr(resampling, name)._identity == getattr(other, name)._identity
    ]
    assert shared == ["init", "evaluate", "add"]


def test_populations_with_another_metric_share_all_but_what_measures(folder):
    accuracy, auc = (
        make_population(bucket(), True, frozenset(), find_metric(name), None)
        for name in ("accuracy", "auc")
    )
    for name in ("init", "advance", "evaluate", "add"):
        assert getattr(accuracy, name)._identity == getattr(auc, name)._identity
