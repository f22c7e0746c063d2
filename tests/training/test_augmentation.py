"""Images that are mirrored and moved at every step, in populations of their own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_populations import configured

from jdend.models import Problem, configure
from jdend.training import AUGMENTATIONS
from jdend.training._augmentation import augmenter

CHANGING = [name for name in AUGMENTATIONS if name != "none"]


def changed(kind, images, seed=0, **params):
    """Images `[B, H, W, C]` after one step's augmentation, and which of them are mirrored."""
    shape = images.shape[1:]
    problem = Problem(int(np.prod(shape)), 4, shape)
    configuration = configure({"augmentation": kind, "n_dendrite_inputs": 2, **params}, problem)
    augment = augmenter(configuration.structure)
    x, mirrored = augment(jax.random.key(seed), jnp.asarray(images.reshape(len(images), -1)))
    return np.asarray(x).reshape(images.shape), np.asarray(mirrored)


def pictures(n=64, shape=(4, 5, 2)):
    return np.random.default_rng(0).integers(0, 256, (n, *shape)).astype(np.uint8)


def test_flips_mirror_about_half_of_the_images_left_to_right():
    images = pictures()
    x, mirrored = changed("flips", images)
    assert 16 < mirrored.sum() < 48
    np.testing.assert_array_equal(x[mirrored], images[mirrored][:, :, ::-1])
    np.testing.assert_array_equal(x[~mirrored], images[~mirrored])


def moved(image, down, right, shift):
    padded = np.pad(image, ((shift, shift), (shift, shift), (0, 0)), mode="edge")
    height, width, _ = image.shape
    return padded[shift - down :, shift - right :][:height, :width]


@settings(max_examples=10, deadline=None)
@given(shift=st.integers(1, 3), seed=st.integers(0, 99))
def test_shifts_move_an_image_and_repeat_its_border(shift, seed):
    images = pictures(16)
    x, mirrored = changed("shifts", images, seed, shift_pixels=shift)
    assert not mirrored.any()
    reach = range(-shift, shift + 1)
    for image, result in zip(images, x, strict=True):
        candidates = [moved(image, down, right, shift) for down in reach for right in reach]
        assert any((result == candidate).all() for candidate in candidates)


def test_shifts_reach_in_all_directions():
    image = np.zeros((1, 5, 5, 1), np.uint8)
    image[0, 2, 2] = 1
    x, _ = changed("shifts", np.repeat(image, 200, 0), shift_pixels=1)
    found = {tuple(np.argwhere(one[..., 0])[0]) for one in x}
    assert found == {(row, column) for row in (1, 2, 3) for column in (1, 2, 3)}


def test_what_is_off_is_the_same_configuration():
    assert configured(augmentation="none", shift_pixels=2) == configured()
    assert configured(augmentation="flips", shift_pixels=2) == configured(augmentation="flips")


@pytest.mark.parametrize("kind", CHANGING)
def test_data_that_are_no_images_have_none(kind):
    with pytest.raises(ValueError, match=f"augmentation='{kind}' needs images.*use 'none'"):
        configure({"augmentation": kind, "n_dendrite_inputs": 2}, Problem(36, 4))
