"""Trains the members of a bucket: in one call, or as runs that can be trained rung by rung."""

import math
from collections.abc import Callable, Sequence
from numbers import Integral

from jax.sharding import Mesh

from jdend.data import Split
from jdend.models import Configuration
from jdend.training._block_shape import BlockShape, block_shape, filled, have_one_end
from jdend.training._blocks import Narrow
from jdend.training._bucket import Bucket, check_precision
from jdend.training._device_data import on_device
from jdend.training._divided_run import DividedRun
from jdend.training._kept_networks import KeptNetworks
from jdend.training._kept_populations import population_for
from jdend.training._memory import (
    check_memory,
    configurations_that_fit,
    estimate_bytes,
    memory_ran_out,
    state_bytes,
    usable_bytes,
)
from jdend.training._metrics import ACCURACY, Metric
from jdend.training._outcome import Outcome, Progress
from jdend.training._run import Run
from jdend.training._sharding import (
    EVERY_DEVICE,
    SEEDS,
    Placement,
    columns_of,
    find_devices,
    mesh_for,
    parts_of,
    width_on,
)
from jdend.training._streaming import BLOCK_BYTES, bytes_to_train_on, is_streamed
from jdend.training._teachers import check_teacher
from jdend.training._traced_hyperparameters import trace_hyperparameters

__all__ = ["compiled_bytes", "prepare", "runs", "train"]


def train(
    bucket: Bucket,
    configurations: Sequence[Configuration],
    seeds: Sequence[int],
    data: Split,
    *,
    metric: Metric = ACCURACY,
    on_progress: Callable[[Progress], None] | None = None,
    narrow: Narrow | None = None,
    placement: Placement = EVERY_DEVICE,
) -> list[Outcome]:
    """Trains configurations × seeds together, and measures them.

    Args:
      bucket: the bucket that they share; every configuration's structure must fit it.
      configurations: at least one. They may have different numbers of epochs; each is measured as
        it was after its own last epoch.
      seeds: at least one, integers in [0, 2^32).
      data: a split with at least one batch of training examples. Nothing is selected here; test
        figures are measured once, with the trained networks.
      metric: what networks are measured by on the validation and test part, beside their loss and
        accuracy.
      on_progress: called about once a second, in this thread. An exception that it raises ends
        training, and so does Ctrl-C.
      narrow: decides when to go on with fewer columns as trials end; None for never.
      placement: the devices among which each program's trials are divided.

    Returns:
      One outcome for each configuration, in order.

    Raises:
      ValueError: if a batch is larger than the training part, a seed is out of range, a structure
        does not fit the bucket, there is no teacher for what learns of one, the synapses that
        dendrites have at first pass the memory, there are no such devices, or they lack the
        bucket's precision.
    """
    outcomes: list[Outcome] = []
    for run in runs(
        bucket,
        configurations,
        seeds,
        data,
        metric=metric,
        on_progress=on_progress,
        narrow=narrow,
        placement=placement,
    ):
        run.train_to(run.last_epoch)
        outcomes += run.outcomes()
    return outcomes


def runs(
    bucket: Bucket,
    configurations: Sequence[Configuration],
    seeds: Sequence[int],
    data: Split,
    *,
    metric: Metric = ACCURACY,
    on_progress: Callable[[Progress], None] | None = None,
    narrow: Narrow | None = None,
    placement: Placement = EVERY_DEVICE,
    say: Callable[[str], None] | None = None,
    networks: KeptNetworks | None = None,
) -> list[Run]:
    """The runs that train these: one, or several if memory is too small for one. None has begun.

    A run that memory runs out for in spite of that goes on in halves, with the same figures.

    Args, Raises: as `train`; and
      say: called with a line of text for the user when that happens.
      networks: keeps what they have trained; not with folds, nor on several devices.
    """
    batch_size = bucket.structure.batch_size
    if data.n_train < batch_size:
        raise ValueError(
            f"batch_size={batch_size} is more than the {data.n_train} training examples"
        )
    for seed in seeds:
        if isinstance(seed, bool) or not isinstance(seed, Integral) or not 0 <= seed < 2**32:
            raise ValueError(f"seeds must be integers from 0 to 2**32 - 1, got {seed!r}")
    check_teacher(bucket.structure, data)
    check_precision(bucket, find_devices(placement.devices)[0])
    check_memory(bucket, len(seeds) * data.n_folds)
    for configuration in configurations:
        bucket.check_fits(configuration.structure)
    one_end = have_one_end(configurations, narrow)
    mesh, room = _divided(bucket, configurations, seeds, data, metric, placement, one_end=one_end)
    keeps = mesh is None and data.n_folds == 1
    return [
        DividedRun(
            bucket,
            configurations[begin : begin + room],
            seeds,
            data,
            metric=metric,
            on_progress=on_progress,
            narrow=narrow,
            mesh=mesh,
            streamed=_streams(data, placement),
            say=say,
            networks=networks if keeps else None,
        )
        for begin in range(0, len(configurations), room)
    ]


def prepare(
    bucket: Bucket,
    configurations: Sequence[Configuration],
    seeds: Sequence[int],
    data: Split,
    *,
    metric: Metric = ACCURACY,
    narrow: Narrow | None = None,
    placement: Placement = EVERY_DEVICE,
) -> None:
    """Compiles the programs of `train` with the same arguments; it may do so in another thread."""
    one_end = have_one_end(configurations, narrow)
    mesh, room = _divided(bucket, configurations, seeds, data, metric, placement, one_end=one_end)
    streamed = _streams(data, placement)
    on = on_device(data, mesh, streamed=streamed)
    steps_per_epoch = data.n_train // bucket.structure.batch_size
    first = configurations[:room]
    hyperparameters = trace_hyperparameters(first, steps_per_epoch, padded=bucket.padded)
    programs = population_for(bucket, hyperparameters, metric, mesh)
    block = block_shape(
        bucket, len(first), len(seeds), data, mesh, streamed=streamed, one_end=one_end
    )
    n_epochs = [c.hyperparameters.n_epochs for c in first]
    for narrower in _widths(block.columns, n_epochs, steps_per_epoch, narrow):
        on_mesh = filled(first, block.columns)[: width_on(mesh, narrower)]
        traced = trace_hyperparameters(on_mesh, steps_per_epoch, padded=bucket.padded)
        try:
            programs.compile(traced, block.seeds, on)
        except (MemoryError, RuntimeError) as error:
            if not memory_ran_out(error):
                raise  # otherwise the run that needs them meets the same, and is divided


def compiled_bytes(
    bucket: Bucket,
    configurations: Sequence[Configuration],
    seeds: Sequence[int],
    data: Split,
    *,
    placement: Placement = EVERY_DEVICE,
) -> int:
    """The memory that training these takes on a device by the compiler, in bytes."""
    mesh, room = _divided(bucket, configurations, seeds, data, ACCURACY, placement, one_end=False)
    columns = columns_of(mesh, configurations[:room])
    streamed = _streams(data, placement)
    return _compiled(bucket, columns, seeds, data, mesh, ACCURACY, streamed=streamed, one_end=False)


def _compiled(
    bucket: Bucket,
    columns: Sequence[Configuration],
    seeds: Sequence[int],
    data: Split,
    mesh: Mesh | None,
    metric: Metric,
    *,
    streamed: bool,
    one_end: bool,
) -> int:
    """The bytes on a device, by the compiler, of a population with these columns."""
    block = block_shape(
        bucket, len(columns), len(seeds), data, mesh, streamed=streamed, one_end=one_end
    )
    steps_per_epoch = max(1, data.n_train // bucket.structure.batch_size)
    hyperparameters = trace_hyperparameters(columns, steps_per_epoch, padded=bucket.padded)
    programs = population_for(bucket, hyperparameters, metric, mesh)
    of_a_block = trace_hyperparameters(
        filled(columns, block.columns)[: block.columns], steps_per_epoch, padded=bucket.padded
    )
    n_members, on_it = len(seeds) * data.n_folds, on_device(data, mesh, streamed=streamed)
    at_once = block.at_once(n_members, len(columns))
    training = programs.memory(of_a_block, block.seeds, on_it, at_once)
    n_trials = n_members * len(filled(columns, block.columns))
    waiting = n_trials - at_once * block.seeds * block.columns
    return training + waiting * state_bytes(bucket)


def _streams(data: Split, placement: Placement) -> bool:
    usable = usable_bytes(find_devices(placement.devices)[0])
    return is_streamed(data, placement.stream, usable)


def _divided(
    bucket: Bucket,
    configurations: Sequence[Configuration],
    seeds: Sequence[int],
    data: Split,
    metric: Metric,
    placement: Placement,
    *,
    one_end: bool,
) -> tuple[Mesh | None, int]:
    """The devices of each program, and how many configurations it trains."""
    parts = math.ceil(len(configurations) / (placement.population or len(configurations)))
    at_most = math.ceil(len(configurations) / parts)
    devices = find_devices(placement.devices)
    mesh = mesh_for(devices, len(seeds), at_most)
    n_parts = parts_of(mesh)
    n_members = len(seeds) // parts_of(mesh, SEEDS) * data.n_folds
    streams = _streams(data, placement)

    def block(n: int) -> BlockShape | None:
        if mesh is not None:
            return None
        return block_shape(bucket, n, len(seeds), data, streamed=streams, one_end=one_end)

    def estimated(n: int) -> int:
        all_of_it = estimate_bytes(bucket, n, n_members, data, metric, block(n))
        return all_of_it - bytes_to_train_on(data) + 2 * BLOCK_BYTES if streams else all_of_it

    def compiled(n: int) -> int:
        columns = columns_of(mesh, configurations[: n * n_parts])
        return _compiled(
            bucket, columns, seeds, data, mesh, metric, streamed=streams, one_end=one_end
        )

    of_device = width_on(mesh, at_most) // n_parts
    room = configurations_that_fit(of_device, usable_bytes(devices[0]), estimated, compiled)
    return mesh, min(at_most, room * n_parts)


def _widths(
    width: int, n_epochs: Sequence[int], steps_per_epoch: int, narrow: Narrow | None
) -> list[int]:
    """The widths of the blocks of a population whose trials all train to their own end."""
    widths = [width]
    for epoch in sorted(set(n_epochs))[:-1]:
        live = sum(n > epoch for n in n_epochs)
        if narrow is not None and live < widths[-1]:
            widths.append(narrow(widths[-1], live, (max(n_epochs) - epoch) * steps_per_epoch))
    return list(dict.fromkeys(widths))
