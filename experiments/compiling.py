"""What a population's programs take to trace and to compile, and how large they are.

    python experiments/compiling.py
    python experiments/compiling.py --against ../older-checkout --repeats 5 --json FILE

For three kinds of network of about 8,000 parameters, padded, 14 columns by 2 seeds, each in a
process of its own and without a cache. Seconds are those of the processor, of all threads, which
other work on the machine changes less than those of the clock. With `--against`, the same programs
of another checkout, in turns.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

PROGRAMS = ("init", "shuffle", "advance", "evaluate")
SIZES = {
    "sparse_somata": {
        "n_dendrites": 300, "n_neurons": 60, "n_soma_inputs": 70, "n_dendrite_inputs": 30
    },
    "soma_disabled": {"n_dendrites": 240, "n_neurons": 40, "n_dendrite_inputs": 30},
    "dendritic_simple": {"n_neurons": 48, "n_dendrites": 7, "n_dendrite_inputs": 19},
}  # fmt: skip
TRAINING = {
    "initialization": "fan_in", "schedule": "cosine", "label_smoothing": 0.05, "n_epochs": 18,
    "connectivity": "local_receptive_fields", "field_std": 2.0, "resampling_weights": "zero",
    "resampling_inputs": "local_free", "resampling_std": 3.0, "resampling_schedule": "cosine",
    "resampling_end": 0.85, "percentage_resample": 0.2, "steps_to_resample": 100,
}  # fmt: skip
COLUMNS, SEEDS = 14, 2
HERE = Path(__file__).resolve().parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--against", type=Path, metavar="CHECKOUT")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--child", choices=SIZES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(_programs(options.child)))
        return
    checkouts = {"here": HERE}
    if options.against:
        checkouts = {"against": options.against.resolve(), **checkouts}
    rows = []
    for _ in range(options.repeats):
        for architecture in SIZES:
            for name, folder in checkouts.items():
                for row in _measure(architecture, folder):
                    rows.append({"architecture": architecture, "checkout": name, **row})
    summary = _summary(rows)
    if options.json:
        load = os.getloadavg()
        content = {"repeats": options.repeats, "load": load, "medians": summary, "rows": rows}
        options.json.write_text(json.dumps(content, indent=1) + "\n")


def _measure(architecture: str, folder: Path) -> list[dict[str, object]]:
    environment = {
        **os.environ, "PYTHONPATH": str(folder), "JAX_ENABLE_COMPILATION_CACHE": "0"
    }  # fmt: skip
    child = subprocess.run(
        [sys.executable, __file__, "--child", architecture],
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
    )
    return json.loads(child.stdout)


def _summary(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """Medians over the repeats; printed as well."""
    groups: dict[tuple[object, ...], list[dict[str, object]]] = {}
    for row in rows:
        groups.setdefault((row["architecture"], row["program"], row["checkout"]), []).append(row)
    medians = []
    for (architecture, program, checkout), group in groups.items():
        middle = {
            name: round(statistics.median(float(str(row[name])) for row in group), 2)
            for name in ("trace_s", "compile_s", "hlo_lines", "loops")
        }
        medians.append(
            {"architecture": architecture, "program": program, "checkout": checkout, **middle}
        )
        print(
            f"{architecture:17} {program:9} {checkout:8} traced {middle['trace_s']:.2f}, compiled "
            f"{middle['compile_s']:.2f} s; {middle['hlo_lines']} lines, {middle['loops']} loops",
            flush=True,
        )
    return medians


def _programs(architecture: str) -> list[dict[str, object]]:
    import jax
    import numpy as np

    from jdend.data import from_arrays, split
    from jdend.models import Problem, configure
    from jdend.training import Bucket, on_device, trace_hyperparameters
    from jdend.training._compilation import _compiler_options
    from jdend.training._kept_populations import population_for
    from jdend.training._order import shuffle

    labels = np.tile(np.arange(10), 7000)
    images = np.zeros((70_000, 28, 28), np.uint8)
    data = on_device(
        split(from_arrays(images[:60_000], labels[:60_000], images[60_000:], labels[60_000:]))
    )
    values = {"architecture": architecture, **SIZES[architecture], **TRAINING}
    configuration = configure(values, Problem(784, 10, (28, 28, 1)))
    bucket = Bucket(configuration.structure, padded=True, kernel="native")
    hyperparameters = trace_hyperparameters([configuration] * COLUMNS, 210, padded=True)
    population = population_for(bucket, hyperparameters)
    shapes, examples = jax.eval_shape(lambda *arrays: arrays, hyperparameters, data.examples)
    seeds = jax.ShapeDtypeStruct((SEEDS,), np.uint32)
    number = jax.ShapeDtypeStruct((), np.int32)
    order = jax.ShapeDtypeStruct((SEEDS, data.n_train), np.int32)
    state = population.init.shape_of_result(shapes, seeds)
    jax.clear_caches()
    calls = {
        "init": (population.init, (shapes, seeds)),
        "shuffle": (shuffle(data.n_train), (seeds, number)),
        "advance": (population.advance, (state, examples, order, number)),
        "evaluate": (population.evaluate, (state, examples, number, number)),
    }
    rows = []
    for name in PROGRAMS:
        program, arguments = calls[name]
        begun = time.process_time()
        lowered = program._jitted.lower(*arguments)
        traced = time.process_time()
        compiled = lowered.compile(_compiler_options(program._quickly))
        ended = time.process_time()
        text = compiled.as_text()
        rows.append(
            {
                "program": name,
                "trace_s": round(traced - begun, 3),
                "compile_s": round(ended - traced, 3),
                "hlo_lines": len(text.splitlines()),
                "loops": text.count(" while("),
            }
        )
    return rows


if __name__ == "__main__":
    main()
