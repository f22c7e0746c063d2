# pyright: reportUnknownMemberType=false
"""Teachers: the logits of trained networks, or from a file, for the training examples.

Shape letters: `n` training examples, `F` features, `K` classes.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from jdend._files import user_path
from jdend._messages import OneLineError, reason
from jdend.data import DataError, Split, open_arrays
from jdend.models import ModelError, Structure, TrainedModel, load

__all__ = ["Teacher", "TeacherError", "check_teacher", "taught"]

Teacher = str | Path | TrainedModel
LOGITS, MIRRORED, FINGERPRINT = "logits", "mirrored", "fingerprint"


class TeacherError(OneLineError):
    """A teacher cannot be used; the message says why."""


def taught(data: Split, teachers: Sequence[Teacher] | Teacher) -> Split:
    """The data with a teacher's logits for the training examples, and for no others.

    The logits of several teachers are those of the mean of their probabilities.

    Args:
      data: the data that networks are trained with.
      teachers: one or several teachers. Each is a network; the folder of a saved one; or an `.npz`
        file with the array `logits`, `[n, K]`, for the training examples in the order of
        `data.train_x`, and, to train with mirrored images, the array `mirrored` for their mirror
        images. If the file has a text `fingerprint`, it must be that of the data.

    Raises:
      TeacherError: if there is none; if one cannot be read, has other shapes, or values that are
        not finite; or if a network was trained with other examples, since those that are held out
        here may be among them.
    """
    if isinstance(teachers, str | Path | TrainedModel):
        teachers = [teachers]
    if not teachers:
        raise TeacherError("no teacher is given")
    each = [_logits(teacher, data) for teacher in teachers]
    n_views = min(logits.shape[1] for logits in each)
    return replace(data, teacher=_together([logits[:, :n_views] for logits in each]))


def check_teacher(structure: Structure, data: Split) -> None:
    """Raises `TeacherError` if a network learns from a teacher that is missing, or trains with
    mirrored images for which the teacher has no logits."""
    if structure.extra("distillation_weight") is None:
        return
    if data.teacher is None:
        raise TeacherError(
            "distillation_weight above 0 needs a teacher: give one, or set distillation_weight=0"
        )
    if "flips" in str(structure.extra("augmentation")) and data.teacher.shape[1] < 2:
        raise TeacherError(
            f"the teacher does not know mirrored images: add the array {MIRRORED!r} to its file, "
            "or train without flips"
        )


def _logits(teacher: Teacher, data: Split) -> Float[np.ndarray, "n V K"]:
    if isinstance(teacher, TrainedModel):
        return _of_network(teacher, data, "the teacher")
    path = user_path(teacher, TeacherError)
    try:
        if path.is_dir():
            return _of_network(load(path), data, f"the teacher {path}")
        return _of_file(path, data)
    except (DataError, ModelError) as error:
        raise TeacherError(f"the teacher cannot be read: {error}") from None


def _of_network(model: TrainedModel, data: Split, name: str) -> Float[np.ndarray, "n V K"]:
    trained_on = model.origin.get(FINGERPRINT)
    if trained_on is not None and trained_on != data.fingerprint:
        raise TeacherError(
            f"{name} was trained on other examples than those here, and may have seen some that "
            "are held out: train it with the same data, subset_size, validation_fraction and "
            "split_seed"
        )
    try:
        views = [model.logits(x) for x in _views(data)]
    except ValueError as error:
        raise TeacherError(f"{name} does not read these data: {reason(error)}") from None
    return _checked(views, data, name)


def _of_file(path: Path, data: Split) -> Float[np.ndarray, "n V K"]:
    name = f"the teacher {path}"
    file = open_arrays(path)
    if LOGITS not in file.names:
        there = ", ".join(file.names) or "none"
        raise TeacherError(f"{name} has no array {LOGITS!r}; it has {there}")
    if FINGERPRINT in file.names:
        (fingerprint,) = file.read([FINGERPRINT])
        if str(fingerprint) != data.fingerprint:
            raise TeacherError(f"{name} speaks of other training examples than those here")
    names = [LOGITS, *([MIRRORED] if MIRRORED in file.names else [])]
    return _checked(file.read(names), data, name)


def _checked(views: Sequence[np.ndarray], data: Split, name: str) -> Float[np.ndarray, "n V K"]:
    wanted = (len(data.train_y), data.n_classes)
    for view in views:
        if view.shape != wanted or view.dtype.kind != "f":
            raise TeacherError(
                f"{name} has logits {view.dtype}{list(view.shape)}, and floats {list(wanted)} are "
                "needed: one row a training example, in order, and one column a class"
            )
        if not np.isfinite(view).all():
            raise TeacherError(f"{name} has logits that are not finite")
    return np.stack(views, axis=1).astype(np.float32)


def _views(data: Split) -> list[np.ndarray]:
    """The training examples and, of images, their mirror images."""
    if data.image_shape is None:
        return [data.train_x]
    images = data.train_x.reshape(-1, *data.image_shape)
    return [data.train_x, images[:, :, ::-1].reshape(data.train_x.shape)]


def _together(each: Sequence[Float[np.ndarray, "n V K"]]) -> Float[np.ndarray, "n V K"]:
    """The logits of one teacher; of several the logarithms of their mean probabilities."""
    if len(each) == 1:
        return np.ascontiguousarray(each[0])
    logits = np.stack(each).astype(np.float64)
    log_probabilities = logits - _log_sum(logits, axis=-1)
    mean = _log_sum(log_probabilities, axis=0)[0] - np.log(len(each))
    return mean.astype(np.float32)


def _log_sum(x: Float[np.ndarray, "..."], axis: int) -> Float[np.ndarray, "..."]:
    largest = x.max(axis=axis, keepdims=True)
    return largest + np.log(np.exp(x - largest).sum(axis=axis, keepdims=True))
