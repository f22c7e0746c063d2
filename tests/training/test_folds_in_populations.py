"""A population's members for each fold train and are measured as if each were alone."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from jdend.data import from_arrays, split
from jdend.models import Problem, configure
from jdend.training import Bucket, find_metric, train, train_model

SEEDS = (0, 3)
N_FOLDS = 3


@pytest.fixture(scope="module")
def folded():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [40, 31, 23])
    x = rng.normal(size=(len(y), 6)) + np.eye(3, 6)[y]
    return split(from_arrays(x, y), folds=N_FOLDS)


def alone(parts, fold):
    """The split of one fold, as one without folds."""
    folds = parts.folds
    held_out = folds.validation_rows[fold][folds.validation_rows[fold] >= 0]
    return replace(
        parts,
        train_x=parts.train_x[folds.train_rows[fold]],
        train_y=parts.train_y[folds.train_rows[fold]],
        validation_x=parts.train_x[held_out],
        validation_y=parts.train_y[held_out],
        offset=folds.offset[fold],
        scale=folds.scale[fold],
        folds=None,
    )


def configuration(**params):
    own = {"n_neurons": 4, "n_dendrites": 2, "n_dendrite_inputs": 3, "batch_size": 8}
    own |= {"n_epochs": 3, "lr": 0.01, **params}
    return configure(own, Problem(6, 3))


@pytest.fixture(scope="module")
def outcomes(folded):
    """Of a population with folds, and of each fold alone."""
    configurations = [configuration(), configuration(lr=0.03, n_epochs=2)]
    bucket, metric = Bucket(configurations[0].structure), find_metric("f1_macro")
    together = train(bucket, configurations, SEEDS, folded, metric=metric)
    singly = [
        train(bucket, configurations, SEEDS, alone(folded, fold), metric=metric)
        for fold in range(N_FOLDS)
    ]
    return together, singly


@pytest.mark.parametrize("figure", ["train_loss", "validation_accuracy", "test_loss"])
def test_figures_are_those_of_each_fold_alone(outcomes, figure):
    together, singly = outcomes
    for c, outcome in enumerate(together):
        figures = getattr(outcome, figure)
        assert figures.shape == (len(SEEDS) * N_FOLDS,)
        for fold in range(N_FOLDS):
            own = getattr(singly[fold][c], figure)
            np.testing.assert_allclose(figures[fold::N_FOLDS], own, rtol=2e-5)


@pytest.mark.parametrize("part", ["validation", "test"])
def test_another_metric_is_that_of_each_fold_alone(outcomes, part):
    together, singly = outcomes
    for fold in range(N_FOLDS):
        figures = together[0].measured[f"{part}_f1_macro"][fold::N_FOLDS]
        np.testing.assert_allclose(figures, singly[fold][0].measured[f"{part}_f1_macro"], rtol=1e-5)


def test_histories_are_those_of_each_fold_alone(outcomes):
    together, singly = outcomes
    for name, history in together[1].history.items():
        for fold in range(N_FOLDS):
            np.testing.assert_allclose(
                history[fold::N_FOLDS], singly[fold][1].history[name], rtol=2e-5
            )


def test_folds_of_a_seed_differ(outcomes):
    losses = outcomes[0][0].validation_loss[:N_FOLDS]
    assert len(set(losses.tolist())) == N_FOLDS


def test_missing_values_are_filled_by_each_fold_s_own(folded):
    rng = np.random.default_rng(2)
    missing = rng.random((len(folded.train_y) + len(folded.test_y), 6)) < 0.2
    fill = rng.normal(size=(N_FOLDS, 6)).astype(np.float32)
    holes = replace(folded, folds=replace(folded.folds, fill=fill, missing=missing))
    config = configuration(n_epochs=1, synaptic_resampling=False)
    bucket = Bucket(config.structure)
    [together] = train(bucket, [config], [0], holes)
    for fold in range(N_FOLDS):
        n = len(folded.train_y)
        filled = replace(
            folded,
            train_x=np.where(missing[:n], fill[fold], folded.train_x),
            test_x=np.where(missing[n:], fill[fold], folded.test_x),
        )
        [own] = train(bucket, [config], [0], alone(filled, fold))
        for figure in ("train_loss", "validation_loss", "test_loss"):
            value = getattr(together, figure)[fold]
            assert value == pytest.approx(getattr(own, figure)[0], rel=2e-5)


def test_what_is_kept_is_trained_with_all_examples(folded):
    config = configuration(n_epochs=1, synaptic_resampling=False)
    model, whole = (train_model(config, 0, parts) for parts in (folded, folded.without_folds))
    assert model.figures == whole.figures
    assert "validation_accuracy" not in model.figures
    same = jax.tree.map(
        lambda a, b: bool((a == b).all()), *(dict_of(m.module) for m in (model, whole))
    )
    assert all(jax.tree.leaves(same))


def dict_of(module):
    from flax import nnx

    return nnx.to_pure_dict(nnx.state(module))


def test_a_batch_larger_than_what_a_fold_trains_on_is_refused(folded):
    config = configuration(batch_size=folded.n_train + 1)
    with pytest.raises(ValueError, match=f"the {folded.n_train} training examples"):
        train(Bucket(config.structure), [config], [0], folded)
