"""A setting stands once in `jdend.search.options`, and is found wherever settings are taken."""

import dataclasses
import inspect

import pytest

from jdend import HyperparameterSearcher
from jdend.models import TASKS
from jdend.search import SearchError
from jdend.search.cli.main import command_parser
from jdend.search.keywords import keywords_of
from jdend.search.options import (
    SCENARIO_NAMES,
    SearcherOptions,
    StorageOptions,
)
from jdend.search.pruners import pruners
from jdend.search.samplers.registry import strategies
from jdend.search.scenarios import SCENARIOS
from jdend.search.settings import about, setting_of
from jdend.training import losses, metrics

FIELDS = dataclasses.fields(SearcherOptions)
NAMES = [option.name for option in FIELDS]
# Those that the command line makes of other options: --budget, --quiet, --dry-run and --compile.
IN_PYTHON_ALONE = {"executor", "max_params", "n_classes", "verbose", "study", "dry_run"}


def options_of_the_command_line():
    parser = command_parser()
    return {action.dest: action for action in parser._actions}


def test_the_first_arguments_stand_where_the_older_toolkit_has_them():
    parameters = inspect.signature(HyperparameterSearcher).parameters
    positional = [p.name for p in parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert positional == [
        "dataset", "subset_size", "max_params", "min_param_ratio", "n_epochs", "lr",
        "weight_decay", "batch_size", "n_classes", "verbose",
    ]  # fmt: skip


@pytest.mark.parametrize("option", FIELDS, ids=NAMES)
def test_a_setting_is_a_keyword_of_the_searcher_with_its_default_and_help(option):
    parameter = inspect.signature(HyperparameterSearcher).parameters[option.name]
    assert parameter.default == option.default
    said = " ".join(str(HyperparameterSearcher.__init__.__doc__).split())
    assert f"{option.name}: " in said
    assert setting_of(option).help in said


@pytest.mark.parametrize("option", FIELDS, ids=NAMES)
def test_a_setting_is_an_option_of_the_command_line_with_its_help(option):
    options = options_of_the_command_line()
    if setting_of(option).flag is None:
        assert option.name in IN_PYTHON_ALONE
    else:
        assert setting_of(option).help in options[option.name].help


def test_a_setting_that_is_added_is_a_keyword_with_help():
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class More(SearcherOptions):
        shuffle: bool = dataclasses.field(default=True, metadata=about("shuffle every epoch"))

    class Searcher:
        @keywords_of(More)
        def __init__(self, options):
            self.options = options

    assert Searcher("digits", shuffle=False).options.shuffle is False
    assert inspect.signature(Searcher).parameters["shuffle"].default is True
    assert "shuffle: whether to shuffle every epoch." in str(Searcher.__init__.__doc__)


def test_an_unknown_keyword_is_one_line_with_the_nearest_known():
    with pytest.raises(TypeError, match=r"^HyperparameterSearcher has no argument 'n_epoch'; did "):
        HyperparameterSearcher(n_epoch=3)  # pyright: ignore[reportCallIssue]


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_takes_no_unknown_keyword(name, tmp_path):
    with pytest.raises(
        TypeError, match=f"{name} has no argument 'n_trial'; did you mean 'n_trials"
    ):
        SCENARIOS[name](n_trial=3, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("instant_training")
@pytest.mark.parametrize("option", FIELDS, ids=NAMES)
def test_a_setting_is_a_keyword_of_a_scenario(option, small_images):
    own = {"dataset": small_images, "n_epochs": 1, "n_trials": 1, "max_params": 1000}
    own |= {"batch_size": 50, "verbose": False}
    SCENARIOS["optimize_for_budget"](**{option.name: option.default, **own})


def test_an_unknown_log_format_is_refused():
    with pytest.raises(SearchError, match="unknown log_format 'yaml'; allowed are text, json"):
        SearcherOptions(log_format="yaml")


@pytest.mark.parametrize("option", dataclasses.fields(StorageOptions), ids=lambda o: o.name)
def test_a_study_does_not_go_with_what_makes_one(option):
    with pytest.raises(SearchError, match="not both"):
        SearcherOptions(study=object(), **{option.name: "x"})  # pyright: ignore


def test_the_names_in_the_help_are_those_that_are_taken():
    """The help has those of the scenarios by heart, for it imports nothing that knows them."""
    options = options_of_the_command_line()
    assert tuple(SCENARIOS) == SCENARIO_NAMES
    assert ", ".join(strategies()) in options["strategy"].help
    assert ", ".join(pruners()) in options["pruner"].help
    for task in TASKS:
        assert ", ".join(metrics(task)) in options["metric"].help
        assert " or ".join(losses(task)) in options["loss"].help
        assert task in options["task"].help


def test_devices_are_a_number_or_positions_with_commas():
    parse = setting_of(next(o for o in FIELDS if o.name == "devices")).parse
    assert [parse("2"), parse("0,3"), parse("3,")] == [2, (0, 3), (3,)]
