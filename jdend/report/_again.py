"""The best network of a study, trained again from what the study says of its data and settings."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jdend.data import DataError, Dataset, Split, load, split
from jdend.models import Configuration, Problem, configure
from jdend.report._portrait import Portrait, portray
from jdend.report._record import Findings, ranked
from jdend.study import SearchResult, StudyError

__all__ = ["portrait_of"]

DEFAULTS = ("n_epochs", "lr", "weight_decay", "batch_size")


def portrait_of(findings: Findings, data: Dataset | None = None) -> Portrait:
    """Trains the best network again and looks at it.

    Args:
      findings: with the search's settings.
      data: where they cannot be loaded by the name that the settings have.

    Raises:
      StudyError: with the reason, if it cannot be trained again.
    """
    order, unranked = ranked(findings.results)
    if unranked:
        raise StudyError("no examples were held out to choose it by")
    result = order[0]
    if result.failed is not None:
        raise StudyError("no network was trained to the end")
    config = _config_of(findings, result)
    if config is None:
        raise StudyError("the study does not say which data and settings it was made with")
    try:
        parts = _split(config, data)
        return portray(result, _configuration(result, config, parts), parts)
    except (DataError, ValueError) as error:
        raise StudyError(str(error)) from None


def _config_of(findings: Findings, result: SearchResult) -> Mapping[str, Any] | None:
    """The settings of the search that a result is from: of several, the tightest it can be from."""
    known = [config for config in findings.configs if "dataset" in config]

    def room(config: Mapping[str, Any]) -> tuple[bool, int]:
        budget = config.get("max_params", 0)
        return (budget < result.total_params, budget)

    return min(known, key=room, default=None)


def _split(config: Mapping[str, Any], data: Dataset | None) -> Split:
    """The parts that the search was made with."""
    if data is None:
        name = config["dataset"]
        is_file = Path(name).suffix.lower() in (".npz", ".csv")
        if is_file and not Path(name).expanduser().is_file():
            raise DataError(f"its data, {name}, are not here")
        data = load(name, target=config.get("target"))
    parts = split(
        data,
        subset_size=config.get("subset_size"),
        validation_fraction=config.get("validation_fraction", 0.1),
        seed=config.get("split_seed", 0),
    )
    known = config.get("fingerprint") or str(config.get("data", "")).rpartition(" ")[2]
    if known and not parts.fingerprint.startswith(known):
        raise DataError(f"{config['dataset']} is no longer what the search was made with")
    return parts


def _configuration(result: SearchResult, config: Mapping[str, Any], parts: Split) -> Configuration:
    problem = Problem(parts.train_x.shape[1], parts.n_classes, parts.image_shape)
    params = {name: value for name, value in result.params.items() if name != "seed"}
    defaults = {name: config[name] for name in DEFAULTS if config.get(name) is not None}
    return configure(params, problem, defaults)
