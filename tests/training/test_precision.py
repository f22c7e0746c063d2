"""Training steps with products of rounded numbers; networks are measured in float32."""

import jax
import numpy as np
import pytest
from small_populations import advance, assert_equal, bucket_of, configured, data, on_host, start

from jdend.training import PrecisionError, on_device, population, runs, train, train_model
from jdend.training._order import whole


def trained(configuration, precision, stop=6, **options):
    bucket = bucket_of(configuration, precision=precision, **options)
    return bucket, advance(bucket, start(bucket, [configuration]), stop)


@pytest.mark.parametrize("architecture", ["sparse_somata", "dendritic_convolutional", "mlp"])
def test_networks_train_in_bfloat16(architecture):
    configuration = configured(architecture=architecture, synaptic_resampling=False)
    exact, rounded = (trained(configuration, p)[1] for p in ("float32", "bfloat16"))
    pairs = zip(jax.tree.leaves(exact.params), jax.tree.leaves(rounded.params), strict=True)
    distances = [float(np.abs(one - other).max()) for one, other in pairs]
    assert 1e-6 < max(distances) < 0.1
    assert all(leaf.dtype == np.float32 for leaf in jax.tree.leaves(rounded.params))
    assert np.isfinite(rounded.loss_sum).all()


def test_what_is_asked_of_the_kernel_is_that_of_bfloat16():
    """With a head of its own, since a linear one would be rounded by the setting alone."""
    configuration = configured(architecture="class_somata", synaptic_resampling=False)
    _, rounded = trained(configuration, "bfloat16")
    _, by_kernel = trained(configuration, "float32", kernel="dense_bf16")
    assert_equal(on_host(rounded.params), on_host(by_kernel.params))


def test_measuring_is_that_of_float32():
    configuration = configured(synaptic_resampling=False)
    bucket, state = trained(configuration, "bfloat16")
    at_rest = bucket_of(configuration, kernel=bucket.kernel)
    begin, end = on_device(data()).rows["test"]
    arguments = state, on_device(data()).examples, whole(begin), whole(end)
    measured = population(bucket).evaluate(*arguments)
    assert_equal(on_host(measured), on_host(population(at_rest).evaluate(*arguments)))


def test_resampling_by_gradient_goes_with_it():
    configuration = configured(
        synaptic_resampling=True, percentage_resample=0.4, resampling_inputs="gradient"
    )
    _, state = trained(configuration, "bfloat16", 12)
    assert np.isfinite(state.loss_sum).all()


def test_a_network_alone_is_that_of_its_population():
    configuration = configured(synaptic_resampling=False)
    bucket = bucket_of(configuration, precision="bfloat16")
    (outcome,) = train(bucket, [configuration], [5], data())
    model = train_model(configuration, 5, data(), precision="bfloat16")
    assert model.figures["test_loss"] == pytest.approx(outcome.test_loss[0], abs=1e-5)
    exact = train_model(configuration, 5, data())
    assert abs(exact.figures["test_loss"] - model.figures["test_loss"]) > 1e-5
    assert {type(part).__name__: part.kernel for part in [model.module.dendritic]} == {
        "DendriticLayer": "auto"
    }


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"precision": "tf32"}, r"'tf32' is not to be had on this device, .*: give float32, or"),
        ({"precision": "bfloat16", "kernel": "gather"}, "'gather' computes in float32 alone"),
        ({"precision": "half"}, "unknown precision 'half'; allowed are float32, bfloat16, tf32"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(options, said, monkeypatch):
    monkeypatch.setattr("jdend.kernels._precision._has", lambda precision, device: False)
    configuration = configured()
    with pytest.raises(PrecisionError, match=said):
        runs(bucket_of(configuration, **options), [configuration], [0], data())
    with pytest.raises(PrecisionError, match=said):
        train_model(configuration, 0, data(), **options)
