"""`DendriticConvolutional` is the convolution that it says, computed in NumPy patch by patch."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jdend.models import DendriticConvolutional, Problem, configure

CASES = [
    {"image_shape": (7, 6, 2), "patch_size": 3, "stride": 1, "pooled_size": 2},
    {"image_shape": (7, 6, 2), "patch_size": 2, "stride": 2, "pooled_size": 3},
    {"image_shape": (5, 5), "patch_size": 2, "stride": 1, "pooled_size": 4},
    {"image_shape": (6, 6), "patch_size": 6, "stride": 1, "pooled_size": 2},
    {"image_shape": (9, 8, 1), "patch_size": 4, "stride": 5, "pooled_size": 1},
]


def made(image_shape, **options):
    options = {"n_neurons": 3, "n_dendrites": 2, "n_dendrite_inputs": 4, **options}
    n_features = int(np.prod(image_shape))
    model = DendriticConvolutional(
        n_features, 5, image_shape=image_shape, rngs=nnx.Rngs(0), **options
    )
    values = nnx.state(model, nnx.Param)
    rng = np.random.default_rng(1)
    nnx.update(
        model, jax.tree.map(lambda v: jnp.asarray(rng.normal(size=v.shape), v.dtype), values)
    )
    return model


def leaky(z):
    return np.where(z < 0, 0.1 * z, z)


def by_loops(model, image, patch_size, stride, pooled_size):
    """The logits of one image `[H, W, C]`."""
    layer = model.dendritic
    weight, indices = np.asarray(layer.weight[...]), np.asarray(layer.indices[...])
    n, d, k = weight.shape
    height, width, _ = image.shape
    rows = range(0, height - patch_size + 1, stride)
    columns = range(0, width - patch_size + 1, stride)
    somata = np.zeros((n, len(rows), len(columns)))
    for y, top in enumerate(rows):
        for x, left in enumerate(columns):
            patch = image[top : top + patch_size, left : left + patch_size].reshape(-1)
            for i in range(n):
                soma = float(layer.soma_bias[i])
                for j in range(d):
                    total = float(layer.bias[i, j])
                    for s in range(k):
                        total += weight[i, j, s] * patch[indices[i, j, s]]
                    soma += float(layer.soma_weight[i, j]) * leaky(total)
                somata[i, y, x] = leaky(soma)
    features = []
    for i in range(n):
        for a in range(pooled_size):
            for b in range(pooled_size):
                own = [
                    somata[i, y, x]
                    for y in range(len(rows))
                    for x in range(len(columns))
                    if a * len(rows) // pooled_size <= y < -(-(a + 1) * len(rows) // pooled_size)
                    if b * len(columns) // pooled_size
                    <= x
                    < -(-(b + 1) * len(columns) // pooled_size)
                ]
                features.append(max(own))
    kernel = np.asarray(model.classifier.kernel[...])
    return np.array(features) @ kernel + np.asarray(model.classifier.bias[...])


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case.values())))
def test_it_is_the_convolution_by_loops(case):
    model = made(**case)
    shape = (*case["image_shape"], 1)[:3]
    images = np.random.default_rng(0).normal(size=(3, *shape)).astype(np.float32)
    sizes = {name: case[name] for name in ("patch_size", "stride", "pooled_size")}
    expected = [by_loops(model, image, **sizes) for image in images]
    np.testing.assert_allclose(model(images.reshape(3, -1)), expected, rtol=1e-4, atol=1e-4)


def test_leading_axes_are_kept():
    model = made((5, 5), patch_size=2, stride=1, pooled_size=2)
    x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 3, 25)), jnp.float32)
    np.testing.assert_allclose(model(x)[1, 2], model(x[1, 2]), rtol=1e-5, atol=1e-6)


def test_a_dendrite_reads_no_more_than_a_patch_has():
    model = made((5, 5), patch_size=2, n_dendrite_inputs=9)
    indices = np.sort(np.asarray(model.dendritic.indices[...]))
    assert (indices == np.arange(4)).all()


def test_moving_the_image_by_a_stride_moves_the_somata():
    """So the largest over the whole image stays."""
    model = made((8, 8), patch_size=2, stride=2, pooled_size=1)
    image = np.zeros((8, 8), np.float32)
    image[2:4, 2:4] = np.random.default_rng(0).normal(size=(2, 2))
    both = jnp.stack([image.reshape(-1), np.roll(image, (2, 4), (0, 1)).reshape(-1)])
    one, moved = model(both)
    np.testing.assert_allclose(one, moved, rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"image_shape": None}, "a convolution needs images: give image_shape=(height, width,"),
        ({"image_shape": (4, 4)}, "image_shape=(4, 4, 1) has 16 features, and the inputs have 25"),
        ({"patch_size": 6}, "patch_size=6 is more than a side of 5 x 5 pixels"),
        ({"patch_size": 0}, "patch_size must be a positive integer, got 0"),
        ({"stride": 0}, "stride must be a positive integer, got 0"),
        ({"pooled_size": 1.5}, "pooled_size must be a positive integer, got 1.5"),
    ],
)
def test_what_the_module_refuses(options, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        DendriticConvolutional(25, 3, **{"image_shape": (5, 5), **options}, rngs=nnx.Rngs(0))


@pytest.mark.parametrize("field", ["patch_size", "stride", "pooled_size"])
def test_sizes_of_more_than_the_image_are_refused(field):
    params = {"architecture": "dendritic_convolutional", field: 9}
    with pytest.raises(ValueError, match=f"{field}=9 is more than the 8 pixels of an image's side"):
        configure(params, Problem(96, 3, (12, 8, 1)))


def test_data_that_are_not_images_are_refused():
    said = "architecture='dendritic_convolutional' needs images; these data are not images"
    with pytest.raises(ValueError, match=said):
        configure({"architecture": "dendritic_convolutional"}, Problem(20, 3))


def test_defaults_fit_small_images():
    structure = configure({"architecture": "dendritic_convolutional"}, Problem(9, 3, (3, 3, 1)))
    assert (structure.structure["patch_size"], structure.structure["pooled_size"]) == (3, 3)


def test_what_differs_in_a_stride_shares_no_program():
    problem = Problem(64, 3, (8, 8, 1))

    def family(**params):
        params = {"architecture": "dendritic_convolutional", **params}
        return configure(params, problem).structure.family

    assert family(n_neurons=2) == family(n_neurons=7)
    assert family(stride=1) != family(stride=2)


def test_patches_are_counted():
    params = {"architecture": "dendritic_convolutional", "patch_size": 3, "stride": 2}
    structure = configure(params, Problem(120, 3, (8, 5, 3))).structure
    assert structure.patches == (3 * 2, 27)
    assert configure({}, Problem(120, 3)).structure.patches == (1, 120)
