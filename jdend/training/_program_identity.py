"""What says all that a population's programs compute, where that can be said."""

from collections.abc import Callable

from jdend.models import architecture
from jdend.training._bucket import Bucket
from jdend.training._loss import loss_of
from jdend.training._metrics import Metric

__all__ = ["identity_of"]


def identity_of(bucket: Bucket, metric: Metric) -> object:
    """What programs of a bucket's populations follow from that are measured so, in values whose
    `repr` says all of them; None if a part of them is a user's: its source is not known."""
    kind = architecture(bucket.structure.architecture)
    parts = kind.module, kind.patches, loss_of(bucket.structure.problem).function, metric.function
    names = [_name(part) for part in parts]
    if not all(name.startswith("jdend.") for name in names):
        return None
    return bucket, names


def _name(part: type | Callable[..., object]) -> str:
    return f"{getattr(part, '__module__', '')}.{getattr(part, '__qualname__', '')}"
