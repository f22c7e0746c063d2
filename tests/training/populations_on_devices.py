"""The same populations on one and on eight devices; prints how far their figures are apart, and
what the programs of eight hold."""

import json
import os
import re
import sys

os.environ["XLA_FLAGS"] = (
    f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=8"
)

import jax
import numpy as np
import small_populations as small

from jdend import HyperparameterSearcher
from jdend.training import Bucket, Placement, find_metric, on_device
from jdend.training._blocks import joined
from jdend.training._train import runs

COLLECTIVES = r" (all-reduce|all-gather|all-to-all|collective-\w+|reduce-scatter)(?:-start)?\("
# The call of dendrites, by which a kernel is told; those of other operations are of all kernels.
FORWARD = 'custom_call_target="jdend_forward'
SPACE = {
    "n_neurons": [4, 6, 8],
    "n_dendrites": [2, 3],
    "n_dendrite_inputs": [16],
    "synaptic_resampling": [False],
}


def members(kernel):
    """Eleven configurations, which end after different epochs."""
    every = None if kernel == "dense" else 5
    made = [
        small.configured(lr=1e-3 * (1 + i), n_epochs=2 + i % 2, steps_to_resample=every)
        for i in range(11)
    ]
    return Bucket(made[0].structure, kernel=kernel), made


def half(width, live, steps):
    return live if 2 * live < width else width


def begun(kernel, seeds, devices):
    """Populations of the dense kernel become narrower as members end."""
    (run,) = runs(
        *members(kernel),
        seeds,
        small.data(),
        metric=find_metric("log_loss"),
        narrow=half if kernel == "dense" else None,
        placement=Placement(devices),
    )
    return run


def trained(run):
    """Its outcomes; a rung stops two of its trials."""
    run.train_to(1)
    run.stop([3, 8])
    run.train_to(run.last_epoch)
    return run.outcomes()


def first_step(run):
    """Parameters and losses after one step."""
    run._steps_per_epoch = 1  # so an epoch has one
    run.train_to(1)
    n, state = len(run.configurations), joined(run._states)
    return jax.tree.map(lambda x: x[:, :n], (state.params, state.loss_sum))


def apart(*trees):
    """The largest difference between the leaves of trees."""
    leaves = zip(*map(jax.tree.leaves, trees), strict=True)
    return max(float(np.ptp(np.stack(of_trees).astype(float), axis=0).max()) for of_trees in leaves)


def accuracies(outcomes):
    return [[o.test_accuracy, o.validation_accuracy, o.train_accuracy] for o in outcomes]


def programs_of(run):
    """For each of its programs, its collectives, and its calls of the native kernel."""
    population = run._population
    texts = {
        name: [
            future.result()[0].as_text() for future in getattr(population, name)._compiled.values()
        ]
        for name in ("init", "advance", "evaluate", "measure")
    }
    return {
        name: {
            "collectives": [found for text in of_name for found in re.findall(COLLECTIVES, text)],
            "native": min(text.count(FORWARD) for text in of_name),
        }
        for name, of_name in texts.items()
    }


def populations(kernel, seeds):
    one, eight = begun(kernel, seeds, 1), begun(kernel, seeds, 8)
    figures = accuracies(trained(one))
    return {
        "devices": len(on_device(small.data(), eight._mesh).examples.x.sharding.device_set),
        "parts of one": one._mesh,
        "accuracy": apart(figures, accuracies(trained(eight))),
        "first step": apart(*(first_step(begun(kernel, seeds, n)) for n in (1, 8))),
        "programs": programs_of(eight),
    }


def moved(kernel, seeds):
    """How far apart figures are of runs that go on on other devices, one of them on fewer."""
    outcomes = []
    for first, then in ((8, 1), (1, 8)):
        run, other = begun(kernel, seeds, first), begun(kernel, seeds, then)
        run.train_to(1)
        run.stop([3, 8])
        other.restore(run.snapshot().to_bytes())
        other.train_to(other.last_epoch)
        outcomes.append(accuracies(other.outcomes()))
    return apart(*outcomes, accuracies(trained(begun(kernel, seeds, 8))))


def searches():
    """Tables of a search with halving, which trains in a padded bucket."""
    settings = {
        "n_epochs": 3,
        "batch_size": 128,
        "subset_size": 900,
        "seeds": 2,
        "defaults": "best",
    }
    tables = []
    for devices in (1, 8):
        searcher = HyperparameterSearcher(
            "digits",
            max_params=2000,
            min_param_ratio=0.1,
            devices=devices,
            verbose=False,
            compile_cache=False,
            **settings,
        )
        results = searcher.optimize(SPACE, 6, "random", pruner="halving")
        tables.append([[r.validation_accuracy, r.test_accuracy] for r in results])
        ended = [r.stopped_epoch for r in results]
    return {"accuracy": apart(*tables), "trials": len(tables[0]), "stopped": sum(map(bool, ended))}


print(
    json.dumps(
        {
            "search": searches(),
            "moved": moved("dense", (0, 1, 2, 3)),
            "one seed": populations(sys.argv[1], (0,)),
            "four seeds": populations("dense", (0, 1, 2, 3)),
        }
    )
)
