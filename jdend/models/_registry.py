"""The architectures: the module of each, and which fields of a configuration it reads."""

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flax import nnx

from jdend._messages import did_you_mean
from jdend.fields import FIELDS, Field, Kind, names_of
from jdend.models._architectures import (
    ClassSomata,
    DendriticSimple,
    DendriticWithHidden,
    SomaDisabled,
    SparseSomata,
)
from jdend.models._controls import MLP, LinearModel, TwoHiddenMLP
from jdend.models._convolutional import DendriticConvolutional, patches_of
from jdend.models._two_layers import DendriticTwoLayers

if TYPE_CHECKING:
    from jdend.models._configuration import Problem

__all__ = ["Architecture", "architecture", "architectures", "register_architecture"]

# The arguments that a constructor gets beside its fields, if it takes them.
CONTEXT = ("image_shape", "kernel", "sizes")

Values = Mapping[str, Any]
Patches = Callable[[Values, "Problem"], tuple[int, int]]


def _whole_example(values: Values, problem: "Problem") -> tuple[int, int]:
    return 1, problem.in_features


@dataclass(frozen=True)
class Architecture:
    """A kind of network that can be counted, bucketed and searched.

    Attributes:
      name: its name in configurations.
      module: its NNX module, built as `module(in_features, n_classes, **fields, rngs=rngs)`.
      fields: the fields of a configuration that it reads, without those of training.
      defaults: the values of fields that a configuration leaves out.
      ignores: a function from the values of its fields to the names of those that have no effect.
      context: which of `image_shape`, `kernel` and `sizes` its constructor takes.
      exact: the sizes that padding does not enlarge.
      needs_images: whether it is for images alone.
      patches: a function from the values of its fields, and the problem, to how many parts of an
        example its dendrites read, and how many inputs a part has.
    """

    name: str
    module: type[nnx.Module]
    fields: tuple[str, ...]
    defaults: Mapping[str, object]
    ignores: Callable[[Mapping[str, object]], tuple[str, ...]]
    context: frozenset[str]
    exact: tuple[str, ...] = ()
    needs_images: bool = False
    patches: Patches = _whole_example

    @functools.cached_property
    def reads(self) -> Mapping[str, Field]:
        """The fields of a configuration that it and its training read, by name."""
        resampling = names_of("resampling") if "synaptic_resampling" in self.fields else ()
        # A density that falls needs true sizes.
        pruned = () if self.paddable else ("initial_density",)
        names = [*self.fields, *resampling, *names_of("training")]
        return {name: self.field(name) for name in names if name not in pruned}

    def defaults_for(self, problem: "Problem") -> dict[str, object]:
        """Its `defaults`; those that are larger than these data allow are as large as they can
        be."""
        own = dict(self.defaults)
        for name, value in self.defaults.items():
            most = problem.most(name)
            if most is not None and isinstance(value, int):
                own[name] = min(value, most)
        return own

    def field(self, name: str) -> Field:
        """The description of a field. If only the module has it, its kind is that of its default
        value; without a default it is a size."""
        if name in FIELDS:
            return FIELDS[name]
        default = self.defaults.get(name)
        kinds: dict[type, Kind] = {bool: "flag", float: "real", str: "text"}
        return Field(
            name=name, kind=kinds.get(type(default), "whole"), group="network", fixes_shape=True
        )

    @property
    def paddable(self) -> bool:
        """Whether trials of different sizes can share a program: its constructor takes `sizes`."""
        return "sizes" in self.context


_ARCHITECTURES: dict[str, Architecture] = {}


def register_architecture(
    name: str,
    module: type[nnx.Module],
    *,
    fields: tuple[str, ...],
    ignores: Callable[[Mapping[str, object]], tuple[str, ...]] = lambda values: (),
    exact: tuple[str, ...] = (),
    needs_images: bool = False,
    patches: Patches = _whole_example,
) -> Architecture:
    """Registers an NNX module of your own, so that it can be counted, bucketed and searched.

    Example usage::

      >>> from flax import nnx
      >>> from jdend.models import register_architecture

      >>> class Wide(nnx.Module):
      ...   def __init__(self, in_features, n_classes, *, width=16, rngs):
      ...     self.first = nnx.Linear(in_features, width, rngs=rngs)
      ...     self.last = nnx.Linear(width, n_classes, rngs=rngs)
      ...   def __call__(self, x):
      ...     return self.last(nnx.relu(self.first(x)))

      >>> register_architecture("wide", Wide, fields=("width",)).fields
      ('width',)

    Args:
      name: its name in configurations; registering a name again replaces the old architecture.
      module: an NNX module whose constructor takes `(in_features, n_classes, *, …, rngs)` and which
        maps `[B, F]` to logits `[B, n_classes]`. A `DendriticLayer` in it is resampled if `fields`
        has the resampling fields. The constructor gets `image_shape`, `kernel` and `sizes` if it
        takes them. If it takes `sizes`, as those of `jdend.models` do, networks of different sizes
        share a program. If the class itself says `takes_packed = True`, a step may call it with a
        `jdend.kernels.Packed` in place of `x`, which costs less: for a module that hands its `x` on
        to a `DendriticLayer` and does nothing else with it.
      fields: the fields of a configuration that it reads: keywords of its constructor, and those of
        `synaptic_resampling`, `percentage_resample`, `steps_to_resample`, `resampling_rule` and
        `resampling_inputs` that shall have an effect. Whole numbers among its own fields are sizes.
      ignores: a function from the fields' values to the names of those that have no effect.
        Configurations that differ only in these are the same.
      exact: sizes that padding cannot enlarge, such as a stride. Networks that differ in them share
        no program. Of interest only if the constructor takes `sizes`.
      needs_images: refuses data that are not images, in one line.
      patches: a function from the fields' values and the `Problem` to how many parts of an example
        its dendrites read one after another, and how many inputs a part has; memory and time are
        estimated by it. By default one part, which has all features.

    Raises:
      ValueError: if the constructor does not take one of `fields` or `rngs`, or needs other
        arguments.
    """
    parameters = inspect.signature(module.__init__).parameters
    open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    of_constructor = [field for field in fields if field not in names_of("resampling")]
    unknown = [field for field in (*of_constructor, "rngs") if field not in parameters]
    if unknown and not open_ended:
        raise ValueError(
            f"{module.__name__}'s constructor takes no {', '.join(unknown)}; it takes "
            f"{', '.join(p for p in parameters if p not in ('self', 'rngs'))}"
        )
    provided = {"self", "in_features", "n_classes", "rngs", *CONTEXT, *of_constructor}
    missing = [
        p.name
        for p in list(parameters.values())[3:]  # after self, in_features and n_classes
        if p.name not in provided
        and p.default is p.empty
        and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    if missing:
        raise ValueError(f"{module.__name__} needs {', '.join(missing)}: list them in fields")
    defaults = {
        field: parameters[field].default
        for field in of_constructor
        if field in parameters and parameters[field].default is not inspect.Parameter.empty
    }
    made = Architecture(
        name,
        module,
        tuple(fields),
        defaults,
        ignores,
        frozenset(parameters).intersection(CONTEXT),
        tuple(exact),
        needs_images,
        patches,
    )
    _ARCHITECTURES[name] = made
    return made


def architecture(name: str) -> Architecture:
    """The architecture of this name; `ValueError`, with the most similar name, if there is none."""
    if name not in _ARCHITECTURES:
        raise ValueError(f"unknown architecture {name!r}{did_you_mean(name, _ARCHITECTURES)}")
    return _ARCHITECTURES[name]


def architectures() -> tuple[str, ...]:
    """The names of all registered architectures."""
    return tuple(_ARCHITECTURES)


_LAYER = ("n_dendrites", "n_dendrite_inputs", *names_of("wiring", "resampling"))

register_architecture(
    "dendritic_simple",
    DendriticSimple,
    fields=("n_neurons", "soma_enabled", *_LAYER),
    ignores=lambda values: () if values["soma_enabled"] else ("n_neurons",),
)
register_architecture("soma_disabled", SomaDisabled, fields=("n_neurons", *_LAYER))
register_architecture("sparse_somata", SparseSomata, fields=("n_neurons", "n_soma_inputs", *_LAYER))
register_architecture(
    "dendritic_convolutional",
    DendriticConvolutional,
    fields=("n_neurons", "patch_size", "stride", "pooled_size", *_LAYER),
    exact=("patch_size", "stride", "pooled_size"),
    needs_images=True,
    patches=patches_of,
)
register_architecture(
    "dendritic_with_hidden",
    DendriticWithHidden,
    fields=("n_neurons", "hidden_dim", "soma_enabled", *_LAYER),
    ignores=lambda values: () if values["soma_enabled"] else ("n_neurons",),
)
register_architecture("mlp", MLP, fields=("hidden_dim",))
register_architecture("class_somata", ClassSomata, fields=_LAYER)
register_architecture("mlp_two_hidden", TwoHiddenMLP, fields=("hidden_dim", "second_hidden_dim"))
register_architecture("linear", LinearModel, fields=())
register_architecture(
    "dendritic_two_layers",
    DendriticTwoLayers,
    fields=(
        "n_neurons",
        "second_n_neurons",
        "second_n_dendrites",
        "second_n_dendrite_inputs",
        *_LAYER,
    ),
)
