"""An architecture as a user would register it, for tests that cover every architecture."""

from flax import nnx

from jdend.models import DendriticLayer


class TwoBranches(nnx.Module):
    """Most units are not dendritic; sizes are computed from one another."""

    def __init__(self, in_features, n_classes, *, width=6, n_dendrite_inputs=4, gain=1.0, rngs):
        self.gain = gain
        self.plain = nnx.Linear(in_features, 2 * width + 1, rngs=rngs)
        self.dendritic = DendriticLayer(
            in_features, width, 2, n_dendrite_inputs, soma=False, rngs=rngs
        )
        self.last = nnx.Linear(2 * width + 1, n_classes, rngs=rngs)
        self.also = nnx.Linear(2, n_classes, use_bias=False, rngs=rngs)

    def __call__(self, x):
        return self.last(nnx.relu(self.plain(x))) + self.gain * self.also(self.dendritic(x))


NAME = "two_branches"
FIELDS = ("width", "n_dendrite_inputs", "gain")
