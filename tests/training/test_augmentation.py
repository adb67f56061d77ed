"""Augmentations against a deliberately naive version that moves one pixel at a time."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rollcall.training import augmentation
from rollcall.util.errors import InputError

torch.set_num_threads(1)


def inside(position, size):
    """A whole position, mirrored in the outermost pixels: abcd -> cb|abcd|cb."""
    while not 0 <= position < size:
        position = -position if position < 0 else 2 * (size - 1) - position
    return position


def inside_edges(position, size):
    """A whole position, mirrored at the edges: abcd -> ba|abcd|dc."""
    while not 0 <= position < size:
        position = -1 - position if position < 0 else 2 * size - 1 - position
    return position


def naive(image, draws):
    """One image (H, W, C) in float64 under one draw, in the order of the paper."""
    image = image.astype(np.float64)
    height, width, channels = image.shape
    if draws.get("flip"):
        image = np.stack([[image[y, width - 1 - x] for x in range(width)] for y in range(height)])
    if "shift" in draws:
        down, right = draws["shift"]
        image = np.stack(
            [
                [image[inside(y + down, height), inside(x + right, width)] for x in range(width)]
                for y in range(height)
            ]
        )
    if "rotate" in draws:
        cos, sin, turned = (
            math.cos(draws["rotate"]),
            math.sin(draws["rotate"]),
            np.zeros_like(image),
        )
        for y in range(height):
            for x in range(width):
                v, u = y - (height - 1) / 2, x - (width - 1) / 2
                from_x, from_y = (
                    cos * u + sin * v + (width - 1) / 2,
                    -sin * u + cos * v + (height - 1) / 2,
                )
                left, top = math.floor(from_x), math.floor(from_y)
                for row, row_weight in ((top, 1 - (from_y - top)), (top + 1, from_y - top)):
                    for column, weight in ((left, 1 - (from_x - left)), (left + 1, from_x - left)):
                        turned[y, x] += (
                            row_weight
                            * weight
                            * image[inside_edges(row, height), inside_edges(column, width)]
                        )
        image = turned
    if "contrast" in draws:
        for channel in range(channels):
            mean = image[..., channel].mean()
            image[..., channel] = (image[..., channel] - mean) * draws["contrast"] + mean
    return image + draws.get("brightness", 0)


def random_images(n, height, width, channels=1, seed=0):
    return torch.from_numpy(
        np.random.default_rng(seed).uniform(-1, 1, (n, height, width, channels)).astype(np.float32)
    )


def one(draws, row):
    return {name: values[row] for name, values in draws.items()}


@pytest.mark.parametrize("policy", augmentation.POLICIES)
@pytest.mark.parametrize("shape", [(12, 16, 1), (9, 8, 3)])
def test_every_policy_is_its_naive_twin(policy, shape):
    images = random_images(12, *shape)
    before = images.clone()
    draws = augmentation.draw(policy, np.random.default_rng(3), 12, *shape[:2])
    result = augmentation.apply(images, draws)
    assert result.shape == images.shape
    assert result.dtype == torch.float32
    assert torch.equal(images, before)
    for row in range(12):
        np.testing.assert_allclose(
            result[row].numpy(), naive(images[row].numpy(), one(draws, row)), atol=3e-5
        )


@given(st.integers(2, 7), st.integers(2, 7), st.integers(1, 3), st.data())
def test_any_draw_is_its_naive_twin(height, width, channels, data):
    """Shifts by up to the size less one, turns of any angle, any shape, any operations."""
    value = {
        "flip": st.booleans(),
        "shift": st.tuples(st.integers(1 - height, height - 1), st.integers(1 - width, width - 1)),
        "rotate": st.floats(-math.pi, math.pi),
        "contrast": st.floats(0, 2),
        "brightness": st.floats(-1, 1),
    }
    kept = data.draw(st.sets(st.sampled_from(sorted(value))))
    chosen = {name: data.draw(value[name]) for name in sorted(kept)}
    image = random_images(1, height, width, channels, seed=height * width)
    result = augmentation.apply(image, {name: np.array([value]) for name, value in chosen.items()})
    expected = naive(image[0].numpy(), chosen)
    np.testing.assert_allclose(result[0].numpy(), expected, atol=2e-4)
    if not kept - {"flip", "shift"}:
        assert (
            result[0].numpy() == expected.astype(np.float32)
        ).all()  # pixels move, and no value changes


@given(st.booleans(), st.integers(-8, 8), st.integers(-8, 8))
def test_a_flip_and_shift_is_a_crop_of_the_reflected_image(flip, down, right):
    image = random_images(1, 64, 64)
    moved = augmentation.apply(
        image, {"flip": np.array([flip]), "shift": np.array([[down, right]])}
    )
    padded = np.pad(
        image[0].numpy()[:, :: -1 if flip else 1], ((8, 8), (8, 8), (0, 0)), mode="reflect"
    )
    assert (moved[0].numpy() == padded[8 + down : 72 + down, 8 + right : 72 + right]).all()


def test_draws_that_change_nothing():
    images = random_images(3, 16, 16, 3)
    assert augmentation.apply(images, {}) is images
    still = {"flip": np.zeros(3, bool), "shift": np.zeros((3, 2), np.int64)}
    assert torch.equal(augmentation.apply(images, still), images)
    assert torch.equal(
        augmentation.apply(
            images, {"contrast": np.ones(3, np.float32), "brightness": np.zeros(3, np.float32)}
        ),
        images,
    )
    torch.testing.assert_close(
        augmentation.apply(images, {"rotate": np.zeros(3, np.float32)}), images, rtol=0, atol=2e-5
    )


@pytest.mark.parametrize(("height", "width"), [(17, 17), (9, 15)])
def test_rotation_keeps_the_centre(height, width):
    images = random_images(40, height, width)
    turned = augmentation.apply(images, {"rotate": np.linspace(-1, 1, 40)})
    torch.testing.assert_close(
        turned[:, height // 2, width // 2], images[:, height // 2, width // 2], rtol=0, atol=1e-5
    )


def test_a_quarter_turn_is_clockwise():
    image = random_images(1, 8, 8)
    turned = augmentation.apply(image, {"rotate": np.array([math.pi / 2])})
    np.testing.assert_allclose(turned[0].numpy(), np.rot90(image[0].numpy(), -1), atol=1e-4)


def test_a_rotation_of_the_paper_hardly_moves_the_middle():
    """About the corner, ten degrees move the centre of a 64 pixel image by almost 8 pixels."""
    images = torch.full((1, 64, 64, 1), -1.0)
    images[0, 30:34, 30:34] = 1
    turned = augmentation.apply(images, {"rotate": np.radians([10.0])})
    mass = (turned[0, ..., 0] + 1).double()
    assert (mass.sum(0) @ torch.arange(64.0).double() / mass.sum()).item() == pytest.approx(
        31.5, abs=1e-3
    )


def test_an_images_augmentation_does_not_depend_on_its_batch():
    images = random_images(20, 24, 16, 3)
    draws = augmentation.draw("strong", np.random.default_rng(0), 20, 24, 16)
    together = augmentation.apply(images, draws)
    for row in range(20):
        alone = augmentation.apply(
            images[row : row + 1], {name: values[row : row + 1] for name, values in draws.items()}
        )
        assert torch.equal(alone[0], together[row])
    tensors = {name: torch.from_numpy(values) for name, values in draws.items()}
    assert torch.equal(augmentation.apply(images, tensors), together)


def test_the_seed_decides():
    images = random_images(6, 16, 16)
    first, again, other = (
        augmentation.augment(images, "strong", np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    rng = np.random.default_rng(1)
    assert torch.equal(augmentation.augment(images, "strong", rng), first)
    assert not torch.equal(augmentation.augment(images, "strong", rng), first)
    state = torch.random.get_rng_state()
    augmentation.augment(images, "strong", rng)
    assert torch.equal(torch.random.get_rng_state(), state)  # nothing is drawn from torch


def test_draws_have_the_papers_ranges():
    n = 20_000
    draws = augmentation.draw("strong", np.random.default_rng(0), n, 64, 64)
    assert list(draws) == ["flip", "shift", "rotate", "contrast", "brightness"]
    assert all(len(values) == n for values in draws.values())
    assert draws["flip"].mean() == pytest.approx(0.5, abs=0.02)
    for axis in (0, 1):
        shifts, counts = np.unique(draws["shift"][:, axis], return_counts=True)
        assert shifts.tolist() == list(range(-8, 9))
        assert counts.min() > 0.8 * n / 17
    assert abs(np.corrcoef(draws["shift"].T)[0, 1]) < 0.03
    for name, low, high in (
        ("rotate", -math.radians(10), math.radians(10)),
        ("contrast", 0, 1),
        ("brightness", -0.25, 0.25),
    ):
        assert low <= draws[name].min() < low + 0.01 * (high - low)
        assert high - 0.01 * (high - low) < draws[name].max() <= high + 1e-7
    assert (
        np.abs(augmentation.draw("weak", np.random.default_rng(0), n, 64, 48)["shift"]).max() == 6
    )  # an eighth of the width, on both axes
    for policy, low, high in (("contrast", 0.5, 1.5), ("paper_embed", 0, 0.5)):
        drawn = augmentation.draw(policy, np.random.default_rng(0), n, 64, 48)
        assert list(drawn) == ["rotate", "contrast", "brightness"]
        assert np.abs(drawn["brightness"]).max() == pytest.approx(0.1, abs=0.001)
        assert drawn["contrast"].min() == pytest.approx(low, abs=0.01)
        assert drawn["contrast"].max() == pytest.approx(high, abs=0.01)


def test_views_are_fixed_paired_and_begin_with_the_clean_image():
    images = random_images(5, 16, 16)
    views = augmentation.draw_views("medium", 6, 0, 16, 16)
    assert len(views) == 6
    assert torch.equal(augmentation.apply(images, views[0]), images)
    rendered = [augmentation.apply(images, view) for view in views]
    for number in range(1, 6):
        assert not torch.equal(rendered[number], rendered[number - 1])
        for row in range(5):  # each record gets the same operations
            np.testing.assert_allclose(
                rendered[number][row].numpy(),
                naive(images[row].numpy(), one(views[number], 0)),
                atol=3e-5,
            )
            assert torch.equal(
                augmentation.apply(images[row : row + 1], views[number])[0], rendered[number][row]
            )
    fewer, other = (
        augmentation.draw_views("medium", 3, 0, 16, 16),
        augmentation.draw_views("medium", 3, 1, 16, 16),
    )
    assert all(
        fewer[1][name] == views[1][name]
        if name != "shift"
        else (fewer[1][name] == views[1][name]).all()
        for name in views[1]
    )
    assert fewer[2]["rotate"] == views[2]["rotate"] != other[2]["rotate"]
    assert augmentation.draw_views("none", 1, 0, 16, 16) == [{}]


def test_bad_input():
    images, rng = random_images(4, 8, 8), np.random.default_rng(0)
    for call, message in (
        (lambda: augmentation.draw("medum", rng, 1, 8, 8), "did you mean 'medium'"),
        (lambda: augmentation.draw_views("medum", 1, 0, 8, 8), "medium"),
        (lambda: augmentation.draw_views("none", 16, 0, 8, 8), "16 views"),
        (lambda: augmentation.draw_views("weak", 0, 0, 8, 8), "0 views"),
        (lambda: augmentation.draw("weak", rng, 1, 8, 64), "cannot be shifted by 8 rows"),
        (lambda: augmentation.apply(images[0], {}), "expected float32 images"),
        (lambda: augmentation.apply((images * 100).to(torch.uint8), {}), "torch.uint8"),
        (lambda: augmentation.apply(images, {"rotate": np.zeros(3)}), "length 3 for 4 images"),
        (lambda: augmentation.apply(images, {"turn": np.zeros(4)}), "turn"),
    ):
        with pytest.raises(InputError, match=message):
            call()


def test_augmentation_takes_draws_that_are_on_the_device_already():
    images = random_images(9, 32, 32)
    draws = augmentation.draw("strong", np.random.default_rng(0), 9, 32, 32)
    tensors = {name: torch.from_numpy(values) for name, values in draws.items()}
    assert torch.equal(augmentation.apply(images, draws), augmentation.apply(images, tensors))
