"""Training examples in the machine's memory: figures are those of examples on the device, with as
many programs however many blocks there are."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from small_populations import bucket_of, configured, data

from jdend.data import from_arrays, split
from jdend.models import Problem, configure
from jdend.training import (
    Placement,
    StreamingError,
    _block_shape,
    compilations,
    find_metric,
    let_go_of_populations,
    on_device,
    runs,
    train,
    train_model,
)
from jdend.training import _streaming as streaming
from jdend.training._compilation import Program
from jdend.training._streaming import is_streamed

STREAM = Placement(stream=True)
SEEDS = (3, 4)
STEPS_OF_BLOCK = 5  # of the 12 of an epoch


@pytest.fixture(autouse=True)
def as_a_whole(monkeypatch):
    """What is not streamed trains as one program, too, as on accelerators: blocks of one seed round
    sums in another order."""
    monkeypatch.setattr(_block_shape, "trains_in_blocks", lambda _: False)


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks of five steps of two seeds; the last one of an epoch has two."""
    monkeypatch.setattr(streaming, "BLOCK_BYTES", STEPS_OF_BLOCK * len(SEEDS) * 16 * (36 + 4 + 40))


def same(one, other):
    """To the last bit, but for figures of the training examples in the end, which another program
    sums up."""
    ends = [[figure.pop("in the end") for figure in each] for each in (one, other)]
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-6)
    return one == other


def figures(outcomes):
    others = ("seconds", "configuration", "history", "measured", "train_loss", "train_accuracy")
    names = [n for n in vars(outcomes[0]) if n not in others]
    return [
        {n: np.asarray(getattr(o, n)).tolist() for n in names}
        | {"in the end": [o.train_loss, o.train_accuracy]}
        | {n: np.asarray(values).tolist() for n, values in {**o.history, **o.measured}.items()}
        for o in outcomes
    ]


MIXES = {
    "plain": {},
    "resampled by gradient": {
        "synaptic_resampling": True, "percentage_resample": 0.4, "resampling_inputs": "gradient",
    },
    "augmented, taught": {"augmentation": "flips_and_shifts", "distillation_weight": 0.5},
}  # fmt: skip


@pytest.mark.parametrize("mix", MIXES)
def test_figures_are_those_of_examples_on_the_device(mix, small_blocks):
    members = [configured(**MIXES[mix], lr=lr) for lr in (3e-3, 1e-2)]
    bucket = bucket_of(members[0])
    resident = train(bucket, members, SEEDS, data())
    copied = on_device(data(), streamed=True)
    assert copied.streamed.steps(len(SEEDS), 16) == STEPS_OF_BLOCK
    streamed = train(bucket, members, SEEDS, data(), placement=STREAM)
    assert same(figures(streamed), figures(resident))


def test_another_metric_and_a_network_alone(small_blocks, monkeypatch):
    member, metric = configured(synaptic_resampling=False), find_metric("f1_macro")
    arguments = bucket_of(member), [member], SEEDS, data()
    streamed = train(*arguments, metric=metric, placement=STREAM)
    assert same(figures(streamed), figures(train(*arguments, metric=metric)))
    alone = train_model(member, 3, data())
    monkeypatch.setattr("jdend.training._single.is_streamed", lambda *_: True)
    assert train_model(member, 3, data()).figures == pytest.approx(alone.figures, rel=1e-6)


def test_blocks_need_no_more_programs_and_no_more_than_two_are_there(small_blocks, monkeypatch):
    member = configured(n_epochs=2, synaptic_resampling=False)
    arguments = bucket_of(member), [member], SEEDS, data()
    let_go_of_populations(0)
    call, seen = Program.__call__, []

    def look(self, *given):
        if self._trains:
            shape = given[1].x.shape
            seen.append((shape, sum(a.shape == shape for a in jax.live_arrays())))
        return call(self, *given)

    monkeypatch.setattr(Program, "__call__", look)
    on_device(data(), streamed=True)
    before = compilations()
    train(*arguments, placement=STREAM)
    made = compilations() - before
    assert made.step_programs == 1
    assert {shape for shape, _ in seen} == {(STEPS_OF_BLOCK * len(SEEDS) * 16, 36)}
    assert max(n for _, n in seen) <= 2
    before = compilations()
    longer = configured(n_epochs=3, synaptic_resampling=False)
    train(bucket_of(member), [longer], SEEDS, data(), placement=STREAM)
    assert compilations() - before == replace(made, step_programs=0, programs=0, seconds=0.0)


def test_what_takes_more_than_half_of_a_device_is_streamed(monkeypatch):
    held = data().train_x.nbytes + data().teacher.nbytes
    assert not is_streamed(data(), False, 2 * held)
    assert is_streamed(data(), False, 2 * held - 1)
    assert is_streamed(data(), True, 100 * held)
    member = configured()
    monkeypatch.setattr("jdend.training._train.usable_bytes", lambda device=None: 2 * held - 1)
    (run,) = runs(bucket_of(member), [member], SEEDS, data())
    assert run._data.streamed is not None


def test_a_file_that_is_mapped_is_read_block_by_block(tmp_path, small_blocks):
    file = tmp_path / "x.npy"
    np.save(file, data().train_x)
    mapped = replace(data(), train_x=np.load(file, mmap_mode="r"))
    assert on_device(mapped, streamed=True).streamed.x is mapped.train_x
    member = configured(synaptic_resampling=False)
    arguments = bucket_of(member), [member], SEEDS
    streamed = train(*arguments, mapped, placement=STREAM)
    assert same(figures(streamed), figures(train(*arguments, data(), placement=STREAM)))


def test_folds_are_refused_in_one_line():
    assert not is_streamed(folded(), False, 1.0)
    parts = folded()
    member = configure({"n_epochs": 1, "batch_size": 16}, Problem(36, 4, (6, 6, 1)))
    with pytest.raises(StreamingError, match="examples with folds are not streamed: leave out"):
        runs(bucket_of(member), [member], SEEDS, parts, placement=STREAM)


def folded():
    parts = data()
    return split(from_arrays(parts.train_x, parts.train_y, parts.test_x, parts.test_y), folds=3)
