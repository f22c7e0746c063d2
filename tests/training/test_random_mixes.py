"""Trials of any shapes train in a padded bucket as each does alone in an exact one."""

import jax
import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from programs import let_go
from small_populations import advance, bucket_of, configured, on_host, start

from jdend.models import architecture, architectures
from jdend.models._initialization import INITIALIZATIONS
from jdend.plasticity import GRADIENTS, NEW_MOMENTS, NEW_WEIGHTS, PROPOSALS, RULES, SHARES
from jdend.training import take

# LLVM has ended the process over resampling in padded buckets, at one level of its optimisations.
PADDABLE = [name for name in architectures() if architecture(name).paddable]
LARGEST = {
    "n_neurons": 6, "n_dendrites": 4, "n_dendrite_inputs": 9, "n_soma_inputs": 5, "hidden_dim": 6,
    "second_hidden_dim": 5, "second_n_neurons": 4, "second_n_dendrites": 3,
    "second_n_dendrite_inputs": 7
}  # fmt: skip
CHOICES = {
    "initialization": INITIALIZATIONS,
    "resampling_rule": RULES,
    "resampling_inputs": [name for name in PROPOSALS if name not in GRADIENTS],
    # With the others inputs are never replaced.
    "connectivity": ("random", "local_receptive_fields", "global_receptive_fields"),
    "schedule": ("constant", "cosine"),
    "resampling_weights": NEW_WEIGHTS,
    "resampling_moments": NEW_MOMENTS,
    "resampling_schedule": SHARES,
}


@pytest.fixture(autouse=True)
def programs_of_an_architecture_let_go():
    """No two have one in common, and those of all would take a gigabyte."""
    yield
    let_go()


def drawn(rng):
    """A trial of any shape that resamples."""
    return {
        **{size: int(rng.integers(1, largest + 1)) for size, largest in LARGEST.items()},
        **{name: values[rng.integers(len(values))] for name, values in CHOICES.items()},
        "percentage_resample": float(rng.uniform(0.2, 1.0)),
        "steps_to_resample": int(rng.integers(2, 10)),
        "resampling_std": float(rng.uniform(0.5, 3.0)),
        "resampling_end": float(rng.uniform(0.2, 1.0)),
        "initial_density": float(rng.uniform(1.01, 2.0)),
        "steps_to_prune": int(rng.integers(1, 20)),
        "pruning_end": float(rng.uniform(0.2, 1.0)),
        "resampling_slowdown": float(rng.choice([0.0, 0.3])),
        "resampling_locality": float(rng.choice([0.5, 1.0])),
        "max_resamplings": int(rng.integers(0, 5)),
        "label_smoothing": float(rng.uniform(0.0, 0.3)),
        "warmup_steps": int(rng.integers(0, 20)),
        "lr": float(np.exp(rng.uniform(np.log(1e-3), np.log(3e-2)))),
    }


def after_1_and_50_steps(bucket, members):
    first = advance(bucket, start(bucket, members), 1)
    begun = on_host(first)
    return begun, on_host(advance(bucket, first, 50))


# Each example compiles an exact bucket for each of its trials.
@pytest.mark.parametrize("name", PADDABLE)
@settings(max_examples=1, deadline=None, derandomize=True, phases=[Phase.generate])
@given(seed=st.integers(0, 2**32 - 1))
def test_a_padded_trial_ends_as_it_does_alone(name, seed):
    rng = np.random.default_rng(seed)
    mix = [drawn(rng) for _ in range(4)]
    capacity = {size: max(trial[size] for trial in mix) for size in LARGEST}
    members = [configured(**trial, architecture=name) for trial in mix]
    extras = {"initial_density": 2.0, "label_smoothing": 0.1}  # what the program has a part for
    padded = bucket_of(configured(architecture=name, **capacity, **extras), padded=True)
    first, last = after_1_and_50_steps(padded, members)
    for c, member in enumerate(members):
        one, end = after_1_and_50_steps(bucket_of(member), [member])
        np.testing.assert_allclose(first.loss_sum[0, c], one.loss_sum[0, 0], rtol=1e-5)

        def check(alone, together):
            inside = tuple(slice(size) for size in alone.shape)
            np.testing.assert_allclose(together[inside], alone, rtol=1e-4, atol=1e-4)

        jax.tree.map(check, end.params, on_host(take(last, [c])).params)
