"""Networks that learn of teachers: of their logits for the training examples, and of no others."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_populations import configured
from small_populations import data as with_a_teacher

from jdend.models import save
from jdend.training import TeacherError, check_teacher, on_device, taught, train_model
from jdend.training._device_data import teacher_of
from jdend.training._loss import distillation


def data(**settings):
    return replace(with_a_teacher(**settings), teacher=None)


N = len(data().train_y)


@pytest.fixture(scope="module")
def network():
    return train_model(configured(lr=1e-2), 0, data(), n_epochs=2)


def softmax(logits):
    shares = np.exp(logits - logits.max(-1, keepdims=True))
    return shares / shares.sum(-1, keepdims=True)


def write(path, **arrays):
    np.savez(path, **arrays)
    return path


def logits(seed=0, n=N, classes=4):
    return np.random.default_rng(seed).normal(size=(n, classes)).astype(np.float32)


def test_a_network_teaches_its_logits_of_examples_and_of_their_mirror_images(network):
    teacher = taught(data(), network).teacher
    images = data().train_x.reshape(-1, 6, 6)
    np.testing.assert_array_equal(teacher[:, 0], network.logits(images))
    np.testing.assert_array_equal(teacher[:, 1], network.logits(images[:, :, ::-1]))


def test_a_saved_network_teaches_as_it_does(network, tmp_path):
    folder = save(network, tmp_path / "model")
    np.testing.assert_array_equal(taught(data(), folder).teacher, taught(data(), network).teacher)


def test_several_teach_the_mean_of_their_probabilities(tmp_path):
    files = [write(tmp_path / f"{seed}.npz", logits=50 * logits(seed)) for seed in (1, 2, 3)]
    teacher = taught(data(), files).teacher
    expected = np.mean([softmax(50 * logits(seed).astype(float)) for seed in (1, 2, 3)], axis=0)
    np.testing.assert_allclose(softmax(teacher[:, 0]), expected, atol=1e-6)


def test_of_a_file_and_a_network_mirror_images_are_left_out(network, tmp_path):
    file = write(tmp_path / "logits.npz", logits=logits())
    assert taught(data(), [file, network]).teacher.shape == (N, 1, 4)


REFUSED = {
    "other examples": ({"logits": logits(n=N + 50)}, r"logits float32\[250, 4\], and floats \["),
    "other classes": ({"logits": logits(classes=3)}, "one column a class"),
    "labels": ({"logits": np.zeros(N, np.int32)}, "floats .* are needed"),
    "infinite": ({"logits": np.full((N, 4), np.inf)}, "not finite"),
    "no logits": ({"outputs": logits()}, "has no array 'logits'; it has outputs"),
    "mirrored": ({"logits": logits(), "mirrored": logits(n=3)}, r"logits float32\[3, 4\]"),
    "fingerprint": ({"logits": logits(), "fingerprint": "0"}, "speaks of other training examples"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_of_anything_else_is_refused(name, tmp_path):
    arrays, message = REFUSED[name]
    with pytest.raises(TeacherError, match=message):
        taught(data(), write(tmp_path / "logits.npz", **arrays))


def test_a_file_that_is_none_is_refused(tmp_path):
    (tmp_path / "logits.npz").write_bytes(b"none")
    with pytest.raises(TeacherError, match="cannot be read"):
        taught(data(), tmp_path / "logits.npz")


def test_a_network_that_may_have_seen_what_is_held_out_is_refused(network):
    other = data(validation_fraction=0.4)
    with pytest.raises(TeacherError, match="may have seen some that are held out"):
        taught(other, network)


def test_without_a_teacher_nothing_learns_of_one():
    with pytest.raises(TeacherError, match="needs a teacher"):
        train_model(configured(distillation_weight=0.5), 0, data())


def test_with_flips_a_teacher_must_know_mirror_images(tmp_path):
    structure = configured(distillation_weight=0.5, augmentation="flips").structure
    one = taught(data(), write(tmp_path / "one.npz", logits=logits()))
    both = taught(data(), write(tmp_path / "both.npz", logits=logits(), mirrored=logits(1)))
    check_teacher(structure, both)
    with pytest.raises(TeacherError, match="does not know mirrored images"):
        check_teacher(structure, one)


def test_what_is_mirrored_is_taught_as_such(network):
    parts = taught(data(), network)
    rows, mirrored = jnp.array([[3, 5], [7, 9]]), jnp.array([[True, False], [False, True]])
    found = teacher_of(on_device(parts).examples, rows, mirrored)
    expected = parts.teacher[np.asarray(rows), np.asarray(mirrored).astype(int)]
    np.testing.assert_array_equal(found, expected)


def test_the_loss_is_the_divergence_from_the_teacher_and_its_entropy():
    student, teacher = logits(1, 5), logits(2, 5)
    p, q = softmax(teacher / 2.5), softmax(student / 2.5)
    expected = -(2.5**2) * (p * np.log(q)).sum(-1)
    found = distillation(jnp.asarray(student), jnp.asarray(teacher), 2.5)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_at_high_temperature_it_is_the_match_of_logits():
    """Hinton et al. 2015, section 2.1: the gradient tends to that of half the squared distance,
    over the number of classes, of logits with mean zero."""
    student, teacher = (
        jnp.asarray(x - x.mean(-1, keepdims=True)) for x in (logits(1, 5), logits(2, 5))
    )
    gradient = jax.grad(lambda z: distillation(z, teacher, 1e3).sum())(student)
    np.testing.assert_allclose(gradient, (student - teacher) / 4, atol=5e-3)


def test_taught_alone_a_network_becomes_like_its_teacher(tmp_path):
    """A teacher of wrong labels: the network learns these, and not its own."""
    wrong = np.eye(4, dtype=np.float32)[(data().train_y + 1) % 4] * 10
    parts = taught(data(), write(tmp_path / "wrong.npz", logits=wrong))
    member = configured(distillation_weight=1.0, lr=2e-2, n_epochs=8, n_neurons=8)
    model = train_model(member, 0, parts)
    agreed = np.mean(model.predict(parts.train_x) == (parts.train_y + 1) % 4)
    assert agreed > 0.6
    assert model.figures["train_accuracy"] < 0.2


def test_the_weight_is_traced():
    some = {configured(distillation_weight=w).structure for w in (0.1, 0.5, 1.0)}
    assert len(some) == 1
    assert some != {configured().structure}


def test_what_is_not_taught_is_the_same_beside_a_teacher(network):
    alone = train_model(configured(), 0, data(), n_epochs=1)
    beside = train_model(configured(), 0, taught(data(), network), n_epochs=1)
    assert alone.figures == beside.figures
