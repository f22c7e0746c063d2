"""A close look at the best network: what it confuses, and what its dendrites read over time.

A search hands on the network as it was trained, with the best of its seeds. Otherwise it is trained
again, from the data and settings that the study records.

Shape letters: `B` examples, `C` classes, `N` neurons, `D` dendrites, `K` synapses, `E` epochs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from flax import nnx
from jaxtyping import Float, Int

from jdend._files import user_path
from jdend.data import DataError, Dataset, Split, is_file_name, load, split
from jdend.fields import SELF, TAUGHT_WEIGHT
from jdend.models import (
    CLASSIFICATION,
    REGRESSION,
    Configuration,
    DendriticLayer,
    Problem,
    TrainedModel,
    configure,
)
from jdend.report._record import SearchRecord, ranked
from jdend.study import SearchResult, StudyError, teachers_in
from jdend.training import taught, train_model, weighted

__all__ = ["Dendrites", "Observed", "Portrait", "portrait_of", "portray"]

MAX_CONFUSED, MAX_FIELDS = 24, 12
OTHER_NETWORK = (
    "the report: its best network is another than the one that was saved, and is trained again for "
    "it (--no-report leaves it out)"
)
DEFAULT_FIELDS = ("n_epochs", "lr", "weight_decay", "batch_size")


@dataclass(frozen=True, eq=False)
class Dendrites:
    """The arrays of a dendritic layer after one epoch, or before training.

    Attributes:
      weight: `[N, D, K]`.
      bias: `[N, D]`.
      indices: `[N, D, K]`, which input each synapse reads.
      soma_weight: `[N, D]`, ones without somata.
      activation: what the dendrites do to their sums; nothing by default.
    """

    weight: Float[np.ndarray, "N D K"]
    bias: Float[np.ndarray, "N D"]
    indices: Int[np.ndarray, "N D K"]
    soma_weight: Float[np.ndarray, "N D"]
    activation: Callable[..., Any] = np.asarray

    @classmethod
    def of(cls, module: nnx.Module, n_features: int) -> "Dendrites | None":
        """The arrays of a network's first dendritic layer; None if it has none that reads all of
        the data's features, and so has no place among them."""
        for _, layer in nnx.iter_modules(module):
            if isinstance(layer, DendriticLayer) and layer.in_features == n_features:
                weight = np.asarray(layer.weight[...])
                soma = layer.soma_weight
                return cls(
                    weight,
                    np.asarray(layer.biases()[0]),
                    np.asarray(layer.indices[...]),
                    np.ones(weight.shape[:2]) if soma is None else np.asarray(soma[...]),
                    partial(layer.dendrite_activation.applied, of_leaky=layer.dendrite_slope),
                )
        return None

    def activations(
        self, x: Float[np.ndarray, "B F"], chosen: Sequence[tuple[int, int]]
    ) -> Float[np.ndarray, "B n"]:
        """The activations of the chosen dendrites on examples."""
        columns = [
            x[:, self.indices[place]] @ self.weight[place] + self.bias[place] for place in chosen
        ]
        return np.asarray(self.activation(np.stack(columns, axis=1)))


class Observed:
    """The training of a network, such as the best one's before it was saved.

    Args:
      n_features: how many features the data have.
      trained_again: whether the search had trained it once before.

    Attributes:
      model: the network; None before it is trained.
      history: its dendrites before training and after each epoch; empty if it has none.
      trained_again: as given.
    """

    def __init__(self, n_features: int, *, trained_again: bool = True):
        self._n_features, self.trained_again = n_features, trained_again
        self.model: TrainedModel | None = None
        self.history: list[Dendrites] = []

    def note(self, epoch: int, module: nnx.Module) -> None:
        """Called before training and after each epoch, as `on_epoch` of `train_model`."""
        dendrites = Dendrites.of(module, self._n_features)
        if dendrites is not None:
            self.history.append(dendrites)

    def is_of(self, configuration: Configuration, seed: int) -> bool:
        """Whether it is the training of this configuration with this seed."""
        model = self.model
        if model is None or model.configuration != configuration:
            return False
        return model.origin.get("seed") == seed


@dataclass(frozen=True, eq=False)
class Portrait:
    """The network of one seed of the best trial.

    Attributes:
      result: the trial.
      model: its network.
      seed: the seed that it was trained with.
      images: the examples that are shown, as bytes, by their row in the test part.
      confusion: `[C, C]`, test examples by true and by predicted class; empty for other
        tasks.
      confused: the most confident wrong predictions on the test part: row, true class, predicted
        class, and the probability of the predicted class.
      history: its dendrites before training and after each epoch; empty if it has none.
      fields: the strongest dendrites, as positions of neuron and dendrite.
      favourites: for each of them, the row of the test example that excites it most.
      predictions: `[n, 2]`, of regression the true and the predicted target of each test example;
        `[n, K, 2]`, of multilabel which labels it has and the probability of each; None for
        classes.
      trained_again: whether it was trained again; False if it was kept as the search trained it.
    """

    result: SearchResult
    model: TrainedModel
    seed: int
    confusion: Int[np.ndarray, "C C"]
    confused: tuple[tuple[int, int, int, float], ...]
    images: Mapping[int, np.ndarray] = field(default_factory=dict)
    history: tuple[Dendrites, ...] = ()
    fields: tuple[tuple[int, int], ...] = ()
    favourites: tuple[int, ...] = ()
    predictions: Float[np.ndarray, "n *K 2"] | None = None
    trained_again: bool = True

    @property
    def image_shape(self) -> tuple[int, int, int] | None:
        """`(H, W, C)`, or None for data that are not images."""
        return self.model.configuration.structure.problem.image_shape

    @property
    def moved(self) -> bool:
        """Whether any synapse reads another input after training than before."""
        if not self.history:
            return False
        return bool((self.history[-1].indices != self.history[0].indices).any())

    @property
    def measured_before(self) -> Mapping[str, float]:
        """The accuracies that the search reports for this seed; none if that had folds, since this
        network is trained with all examples."""
        if self.result.n_networks > len(self.result.seeds):
            return {}
        position = self.result.seeds.index(self.seed)
        accuracies = {}
        for name in ("validation_accuracy", "test_accuracy"):
            values = self.result.seed_figures.get(name, ())
            if position < len(values) and values[position] is not None:
                accuracies[name] = values[position]
        return accuracies


def portrait_of(
    record: SearchRecord,
    data: Dataset | None = None,
    observed: Observed | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Portrait:
    """Trains the best network again, unless that was observed, and examines it.

    Args:
      record: the results and settings of the search.
      data: the data set, if it cannot be loaded by the name in the settings.
      observed: the training of a network, which is not trained again if it is the best one.
      say: called with a line of text if another one was observed.

    Raises:
      StudyError: if it cannot be trained again; the message gives the reason.
    """
    order, unranked = ranked(record.results)
    if unranked:
        raise StudyError("no examples were held out to choose it by")
    result = order[0]
    if result.failed is not None:
        raise StudyError("no network was trained to the end")
    config = _config_of(record, result)
    if config is None:
        raise StudyError("the study does not say which data and settings it was made with")
    try:
        parts = _split(config, data, record.folder)
        configuration = _configuration(result, config, parts)
        if observed is not None and not observed.is_of(configuration, result.best_seed):
            say(OTHER_NETWORK)
        precision = config.get("precision") or "float32"
        return portray(result, configuration, parts, precision=precision, observed=observed)
    except (DataError, ValueError) as error:
        raise StudyError(str(error)) from None


def portray(
    result: SearchResult,
    configuration: Configuration,
    data: Split,
    *,
    kernel: str = "auto",
    precision: str = "float32",
    observed: Observed | None = None,
) -> Portrait:
    """Trains a trial's network again with the best of its seeds, unless that was observed, and
    examines it.

    Raises:
      ValueError: if training diverges, or the data are too few.
    """
    seed = result.best_seed
    if observed is None or not observed.is_of(configuration, seed):
        observed = Observed(data.test_x.shape[1])
        observed.model = train_model(
            configuration, seed, data, kernel=kernel, precision=precision, on_epoch=observed.note
        )
    model, history = observed.model, observed.history
    assert model is not None
    confusion, confused, predictions = np.zeros((0, 0), np.int64), (), None
    if model.task == CLASSIFICATION:
        probabilities = model.probabilities(data.test_x)
        predicted = probabilities.argmax(axis=1)
        confused = _confused(probabilities, predicted, data.test_y)
        confusion = _counts(data.test_y, predicted, data.n_classes)
    else:
        said = model.predict if model.task == REGRESSION else model.probabilities
        predictions = np.stack([data.test_y, said(data.test_x)], axis=-1)
    features = (data.test_x.astype(np.float32) - data.offset) * data.scale
    fields = _strongest(model.module, history[-1]) if history else ()
    favourites = ()
    if fields:
        favourites = tuple(
            int(row) for row in history[-1].activations(features, fields).argmax(axis=0)
        )
    shown = {*(row for row, *_ in confused), *favourites}
    return Portrait(
        result,
        model,
        seed,
        confusion,
        confused,
        _visible(data.test_x, sorted(shown)),
        tuple(history),
        fields,
        favourites,
        predictions,
        observed.trained_again,
    )


def _visible(x: np.ndarray, rows: Sequence[int]) -> dict[int, np.ndarray]:
    """Examples as bytes; another range than 0 to 255 is scaled to it, by one factor for all."""
    low, high = (0, int(x.max())) if x.dtype == np.uint8 else (float(x.min()), float(x.max()))
    if x.dtype == np.uint8 and high > 127:
        return {row: np.array(x[row]) for row in rows}
    scale = 255 / (high - low if high > low else 1)
    return {row: ((x[row] - low) * scale).astype(np.uint8) for row in rows}


def _counts(true: np.ndarray, predicted: np.ndarray, n_classes: int) -> np.ndarray:
    flat = np.bincount(true * n_classes + predicted, minlength=n_classes**2)
    return flat.reshape(n_classes, n_classes)


def _confused(
    probabilities: np.ndarray, predicted: np.ndarray, true: np.ndarray
) -> tuple[tuple[int, int, int, float], ...]:
    wrong = np.flatnonzero(predicted != true)
    order = wrong[np.argsort(-probabilities[wrong, predicted[wrong]], kind="stable")]
    return tuple(
        (int(row), int(true[row]), int(predicted[row]), float(probabilities[row, predicted[row]]))
        for row in order[:MAX_CONFUSED]
    )


def _strongest(module: nnx.Module, dendrites: Dendrites) -> tuple[tuple[int, int], ...]:
    """The strongest dendrites: first the strongest of each neuron, then the others.

    The strength is the norm of the synapses' weights, times the weight in the soma, times the norm
    of the weights by which the next layer reads the neuron.
    """
    strength = np.linalg.norm(dendrites.weight, axis=2) * np.abs(dendrites.soma_weight)
    strength *= _read_by(module, dendrites)[:, None] if len(strength) > 1 else 1.0
    n_neurons, n_dendrites = strength.shape
    best_of_neuron = [(n, int(strength[n].argmax())) for n in range(n_neurons)]
    best_of_neuron.sort(key=lambda place: -strength[place])
    places = {(n, d) for n in range(n_neurons) for d in range(n_dendrites)}
    weaker = sorted(places - set(best_of_neuron), key=lambda place: -strength[place])
    return tuple([*best_of_neuron, *weaker][:MAX_FIELDS])


def _read_by(module: nnx.Module, dendrites: Dendrites) -> Float[np.ndarray, " N"]:
    """The norm of the next layer's weights for each neuron; ones if the layer is not recognised."""
    n_neurons = len(dendrites.weight)
    second = getattr(module, "second", None)
    if isinstance(second, DendriticLayer):
        squares = np.square(np.asarray(second.weight[...])).ravel()
        return np.sqrt(np.bincount(np.ravel(second.indices[...]), squares, n_neurons))
    for name in ("hidden", "classifier"):
        kernel: Any = getattr(getattr(module, name, None), "kernel", None)
        if kernel is not None and kernel[...].shape[0] == n_neurons:
            return np.linalg.norm(np.asarray(kernel[...]), axis=1)
    return np.ones(n_neurons)


def _config_of(record: SearchRecord, result: SearchResult) -> Mapping[str, Any] | None:
    """The settings of the search that a result is from: the smallest budget that it fits."""
    configs = [config for config in record.configs if "dataset" in config]

    def room(config: Mapping[str, Any]) -> tuple[bool, int]:
        budget = config.get("max_params", 0)
        return (budget < result.total_params, budget)

    return min(configs, key=room, default=None)


def _split(config: Mapping[str, Any], data: Dataset | None, folder: Path | None) -> Split:
    """The parts of the data that the search used."""
    if data is None:
        name = config["dataset"]
        if is_file_name(name) and not user_path(name, DataError).is_file():
            raise DataError(f"its data, {name}, are not here")
        data = load(
            name,
            target=config.get("target"),
            drop=config.get("drop") or (),
            categorical=config.get("categorical") or (),
            numeric=config.get("numeric") or (),
            task=config.get("task", "classification"),
        )
    parts = split(
        data,
        subset_size=config.get("subset_size"),
        validation_fraction=config.get("validation_fraction", 0.1),
        seed=config.get("split_seed", 0),
        folds=config.get("folds"),
        fold_repeats=config.get("fold_repeats", 1),
    )
    fingerprint = config.get("fingerprint") or str(config.get("data", "")).rpartition(" ")[2]
    if fingerprint and not parts.fingerprint.startswith(fingerprint):
        raise DataError(f"{config['dataset']} is no longer what the search was made with")
    teachers = config.get("teacher")
    if teachers == SELF:
        teachers = [] if folder is None else teachers_in(folder)
        if not teachers:
            raise DataError("its teachers, which lie in the folder of the search, are not here")
    parts = taught(parts, teachers) if teachers is not None else parts
    return weighted(parts, config.get("class_weights"))


def _configuration(result: SearchResult, config: Mapping[str, Any], parts: Split) -> Configuration:
    problem = Problem(
        parts.train_x.shape[1],
        parts.n_classes,
        parts.image_shape,
        config.get("task", "classification"),
        config.get("loss"),
    )
    params = {name: value for name, value in result.params.items() if name != "seed"}
    defaults = {name: config[name] for name in DEFAULT_FIELDS if config.get(name) is not None}
    if config.get("teacher"):
        defaults["distillation_weight"] = TAUGHT_WEIGHT
    return configure(params, problem, defaults)
