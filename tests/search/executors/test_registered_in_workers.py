"""What users registered works in workers, which have no copy of their files."""

import threading

import jax.numpy as jnp
import pytest
from clusters import ended, figures, start
from flax import nnx

from jdend import HyperparameterSearcher
from jdend.models import Problem, configure, register_architecture
from jdend.search import SearchError
from jdend.search.executors.definitions import definitions
from jdend.search.executors.ray import RayExecutor
from jdend.training import Metric

PLUGIN = """
import jax
import jax.numpy as jnp
from flax import nnx
from jdend.models import register_architecture
from jdend.training import Loss, Metric, register_loss, register_metric

class Wide(nnx.Module):
    def __init__(self, in_features, n_classes, *, width=8, rngs):
        self.first = nnx.Linear(in_features, width, rngs=rngs)
        self.last = nnx.Linear(width, n_classes, rngs=rngs)

    def __call__(self, x):
        return self.last(activation(self.first(x)))

def activation(x):
    return jnp.sin(x)

def zeros(logits, y, counted):
    zero = counted & (y == 0)
    return (zero & (jnp.argmax(logits, -1) == 0)).sum() / zero.sum()

register_architecture("wide", Wide, fields=("width",))
def doubled(logits, y):
    is_label = jnp.arange(logits.shape[-1]) == y[:, None]
    of_label = jnp.sum(jnp.where(is_label, logits, 0.0), -1)
    return 2 * (jax.nn.logsumexp(logits, -1) - of_label)

register_metric(Metric("zeros", zeros))
register_loss(Loss("doubled", doubled))
"""
SPACE = 'architecture = "wide"\nwidth = [6, 8]\nlr = [0.001, 0.01]\n'
WORDS = ("--dataset", "digits", "--budget", "900", "--min-ratio", "0.1", "--strategy", "grid")
WORDS += (
    "--epochs",
    "3",
    "--seeds",
    "1",
    "--metric",
    "zeros",
    "--loss",
    "doubled",
    "--quiet",
    "--no-report",
)


class Narrow(nnx.Module):
    def __init__(self, in_features, n_classes, *, width=8, rngs):
        self.first = nnx.Linear(in_features, width, rngs=rngs)
        self.last = nnx.Linear(width, n_classes, rngs=rngs)

    def __call__(self, x):
        return self.last(jnp.tanh(self.first(x)))


def ones(logits, y, counted):
    one = counted & (y == 1)
    return (one & (jnp.argmax(logits, -1) == 1)).sum() / one.sum()


def test_of_a_plugin(two_nodes, tmp_path):
    (tmp_path / "own.py").write_text(PLUGIN)
    (tmp_path / "space.toml").write_text(SPACE)
    own = ("--plugin", tmp_path / "own.py", "--space", tmp_path / "space.toml")
    alone, _ = ended(start(*WORDS, *own, "--out", tmp_path / "alone"))
    place = ("--out", tmp_path / "cluster", "--cluster", two_nodes.address)
    assert ended(start(*WORDS, *own, *place)) == (alone, "")
    assert figures(tmp_path / "cluster") == figures(tmp_path / "alone")


def test_of_a_program_and_an_executor_of_its_own(two_nodes):
    register_architecture("narrow", Narrow, fields=("width",))

    def found(executor):
        searcher = HyperparameterSearcher(
            "digits", max_params=900, min_param_ratio=0.1, metric=Metric("ones", ones),
            executor=executor, n_epochs=8, batch_size=256, buckets="exact", verbose=False,
        )  # fmt: skip
        space = {"architecture": "narrow", "width": [6, 8], "lr": [0.001, 0.01]}
        results = searcher.optimize(space, None, "grid", pruner="halving")
        records = [result.to_dict() for result in results]
        return [{k: v for k, v in record.items() if k != "train_time"} for record in records]

    on_cluster = found(RayExecutor(two_nodes.address, cores_per_worker=1))
    assert len(on_cluster) == 4
    assert on_cluster == found(None)


def test_what_cannot_travel_is_one_line():
    lock = threading.Lock()
    metric = Metric("locked", lambda logits, y, counted: (lock, ones(logits, y, counted))[1])
    structure = configure({}, Problem(64, 10, (8, 8, 1))).structure
    said = r"^'cross_entropy', 'locked' cannot be sent to workers: TypeError: "
    with pytest.raises(SearchError, match=said):
        definitions([structure], metric)
