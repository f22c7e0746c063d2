# pyright: reportUnknownMemberType=false
"""Networks without dendrites, to compare dendritic ones with.

Arguments as those of `jdend.models._architectures`.
"""

from collections.abc import Mapping
from typing import Any

from flax import nnx
from jaxtyping import Array, Float, Int

from jdend.models._activations import NEGATIVE_SLOPE
from jdend.models._initialization import Linear
from jdend.models._layer import check_size

__all__ = ["MLP", "LinearModel", "TwoHiddenMLP"]

Sizes = Mapping[str, Int[Array, ""]]


class LinearModel(nnx.Module):
    """Linear to the classes: multinomial logistic regression."""

    def __init__(self, in_features: int, n_classes: int, *, rngs: nnx.Rngs):
        self.classifier = Linear(in_features, n_classes, rngs=rngs)

    def __call__(self, x: Float[Array, "B F"]) -> Float[Array, "B classes"]:
        return self.classifier(x)


class MLP(nnx.Module):
    """Linear to `hidden_dim` → leaky → linear to the classes."""

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        *,
        hidden_dim: int = 10,
        sizes: Sizes | None = None,
        rngs: nnx.Rngs,
    ):
        check_size("hidden_dim", hidden_dim)
        true_hidden = _true(sizes, "hidden_dim")
        self.hidden = Linear(in_features, hidden_dim, true_out=true_hidden, rngs=rngs)
        self.classifier = Linear(hidden_dim, n_classes, true_in=true_hidden, rngs=rngs)

    def __call__(self, x: Float[Array, "B F"]) -> Float[Array, "B classes"]:
        return self.classifier(_leaky(self.hidden(x)))


class TwoHiddenMLP(nnx.Module):
    """Linear to `hidden_dim` → leaky → linear to `second_hidden_dim` → leaky → linear to the
    classes."""

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        *,
        hidden_dim: int = 10,
        second_hidden_dim: int | None = None,
        sizes: Sizes | None = None,
        rngs: nnx.Rngs,
    ):
        second = hidden_dim if second_hidden_dim is None else second_hidden_dim
        check_size("hidden_dim", hidden_dim)
        check_size("second_hidden_dim", second)
        first_true, second_true = _true(sizes, "hidden_dim"), _true(sizes, "second_hidden_dim")
        self.hidden = Linear(in_features, hidden_dim, true_out=first_true, rngs=rngs)
        self.second = Linear(
            hidden_dim, second, true_in=first_true, true_out=second_true, rngs=rngs
        )
        self.classifier = Linear(second, n_classes, true_in=second_true, rngs=rngs)

    def __call__(self, x: Float[Array, "B F"]) -> Float[Array, "B classes"]:
        return self.classifier(_leaky(self.second(_leaky(self.hidden(x)))))


def _leaky(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    return nnx.leaky_relu(x, NEGATIVE_SLOPE)


def _true(sizes: Sizes | None, field: str) -> Any:
    return None if sizes is None else sizes[field]
