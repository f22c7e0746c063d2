"""Calls are held to what functions say of types, shapes and dtypes (jaxtyping, with beartype)."""

from beartype import BeartypeConf, beartype

PACKAGES = (
    "jdend.connectivity",
    "jdend.kernels",
    "jdend.plasticity",
    "jdend.pruning",
    "jdend.training",
)
# JAX builds pytrees anew with whatever stands for arrays: shapes, axes, nothing. And tests put
# faults among a population's functions.
FREE = (
    "Packed.__init__",
    "State.__init__",
    "Examples.__init__",
    "TracedHyperparameters.__init__",
    "Population.__init__",
)
_checked = beartype(conf=BeartypeConf(is_pep484_tower=True))  # an int will do for a float


def check(function):
    """The function, which raises `jaxtyping.TypeCheckError` when it is called with other types."""
    return function if function.__qualname__ in FREE else _checked(function)
