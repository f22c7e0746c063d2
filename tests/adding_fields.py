"""A program that adds two hyperparameters to the table's source, and prints where they are found.

The source is edited as a person would, before anything else of jdend is imported.
"""

import json
import sys
import types
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "jdend" / "_hyperparameters.py"
BEHIND = "    def wiring(self)"  # the table's last entry
ENTRIES = """
    momentum: Real = real(
        group="training",
        doc="A share of the step before.",
        default=0.5,
        neutral=0.0,
        at_least=0.0,
        at_most=1.0,
        heading="mom.",
        label="momentum kept",
    )
    new_weights: Name = choice(
        group="resampling",
        doc="What a new synapse weighs.",
        default="drawn",
        neutral="drawn",
        choices=("drawn", "zero"),
        only_if=(_RESAMPLED,),
        label="weights of new synapses",
    )

"""
NEW_ROWS = ("| `momentum`", "| `new_weights`")
SMALL = {"n_neurons": 3, "n_dendrites": 2, "n_dendrite_inputs": 5}


def add_entries() -> None:
    """Puts the table with both entries in its place."""
    source = TABLE.read_text(encoding="utf-8")
    assert source.count(BEHIND) == 1
    module = types.ModuleType("jdend._hyperparameters")
    sys.modules["jdend._hyperparameters"] = module
    exec(source.replace(BEHIND, ENTRIES + BEHIND), module.__dict__)


def said(function, *arguments) -> str:
    try:
        return str(function(*arguments))
    except ValueError as error:
        return str(error)


def main() -> None:
    add_entries()
    from jdend.models import Hyperparameters, Problem, configure
    from jdend.report._format import called
    from jdend.search.cli.main import EPILOG
    from jdend.search.space.budget import Budget
    from jdend.search.space.dimensions import parse_space
    from jdend.search.space.encoding import Encoding
    from jdend.search.space.problem import SearchProblem
    from jdend.search.space.validation import check_space
    from jdend.study import SearchResult
    from jdend.study._table import results_table
    from jdend.training import trace_hyperparameters

    problem = Problem(36, 4)

    def configured(**params):
        return configure({**SMALL, **params}, problem)

    def added_to(configuration):
        hyperparameters = configuration.hyperparameters
        return [hyperparameters.momentum, hyperparameters.new_weights]

    def checked(**space):
        return check_space(parse_space({**SMALL, **space}), problem, {})

    one = configured(momentum=0.25, new_weights="zero")
    traced = trace_hyperparameters([one, configured()], 10)
    space = parse_space({**SMALL, "momentum": (0, 1), "new_weights": ["drawn", "zero"]})
    results = [
        SearchResult({"momentum": m, "new_weights": w}, 0.5, 0.5, 100, 1.0, 0.1)
        for m, w in ((0.1, "drawn"), (0.2, "zero"))
    ]
    spec = spec_from_file_location("page", ROOT / "docs" / "tools" / "hyperparameters.py")
    docs = module_from_spec(spec)
    spec.loader.exec_module(docs)
    before = {"n_epochs": 1, "lr": 0.1, "weight_decay": 0.0, "schedule": "cosine"}
    off = {"synaptic_resampling": False}
    found = {
        "parsed": added_to(one),
        "defaults": added_to(configured()),
        "refused": said(lambda: configured(momentum=2)),
        "refused name": said(lambda: configured(new_weights="zer")),
        "neutral": configured(**off, new_weights="zero") == configured(**off),
        "unread": configured(architecture="mlp", new_weights="zero")
        == configured(architecture="mlp"),
        "range": str(space.dimensions["momentum"]),
        "refused range": said(lambda: checked(momentum=(0, 2))),
        "refused list": said(lambda: checked(new_weights=["zero", "one"])),
        "dimensions": list(Encoding(SearchProblem(space, problem, Budget(70, 0.1), {})).dimensions),
        "traced": [
            [traced.momentum.tolist(), str(traced.momentum.dtype)],
            [traced.new_weights.tolist(), str(traced.new_weights.dtype)],
        ],
        "table": results_table(results).splitlines()[0].split(),
        "report": [called("momentum"), called("new_weights")],
        "help": [name in EPILOG for name in ("momentum", "new_weights")],
        "docs": [row for row in docs.page().splitlines() if row.startswith(NEW_ROWS)],
        "saved before": Hyperparameters(**before).momentum,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
