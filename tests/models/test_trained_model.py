"""What trained networks share when they predict."""

import numpy as np
import pytest
from flax import nnx

from jdend.models import Problem, TrainedModel, configure

PROBLEM = Problem(6, 3)
EXAMPLES = np.arange(12, dtype=np.uint8).reshape(2, 6)


@pytest.fixture
def traced():
    """A line for each time that a program of `network` is traced."""
    return []


@pytest.fixture
def network(traced):
    class Counted(nnx.Module):
        def __init__(self, seed, option):
            self.classifier = nnx.Linear(6, 3, rngs=nnx.Rngs(seed))
            self.option = option

        def __call__(self, x):
            traced.append(self.option)
            return self.classifier(x)

    def make(seed, option=None, **changes):
        given = {"offset": np.float32(5), "scale": np.float32(0.2), "class_names": tuple("abc")}
        configuration = configure({"architecture": "linear"}, PROBLEM)
        return TrainedModel(Counted(seed, option), configuration, **{**given, **changes})

    return make


def expected(model):
    layer = model.module.classifier
    features = (EXAMPLES - model.offset) * model.scale
    return features @ np.asarray(layer.kernel[...]) + np.asarray(layer.bias[...])


def test_networks_of_one_make_share_a_program(network, traced):
    offset = np.arange(6, dtype=np.float32)
    for model in (network(0), network(1, offset=offset), network(2, inputs="float32")):
        np.testing.assert_allclose(model.logits(EXAMPLES), expected(model), rtol=1e-5, atol=1e-5)
    assert len(traced) == 1


def test_networks_of_other_fields_have_programs_of_their_own(network, traced):
    for option in ("a", "b"):
        network(0, option).logits(EXAMPLES)
    assert traced == ["a", "b"]


class Unhashable:
    def __eq__(self, other):
        return self is other


def test_a_network_of_which_a_part_cannot_be_hashed_predicts(network):
    model = network(0, Unhashable())
    np.testing.assert_allclose(model.logits(EXAMPLES), expected(model), rtol=1e-5, atol=1e-5)
