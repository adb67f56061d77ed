"""The transformer against a naive version in numpy that shares no code with rollcall."""

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import zoom
from scipy.special import erf

from rollcall.models.vit import resize
from tests.models.common import SMALL_VIT, network
from tests.models.weights import published, write_weights


def layer_norm(x, file, name):
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-6) * file[
        f"{name}/scale"
    ] + file[f"{name}/bias"]


def naive_vit(file, image, head, head_bias, patch=4, depth=2, heads=3):
    """The transformer from the published arrays, one patch, head and token at a time.

    image (H, W, 3), positions already of its grid.
    """
    file = {name: value.astype(np.float64) for name, value in file.items()}
    tokens = [file["cls"][0, 0]]
    for row in range(0, image.shape[0], patch):
        for column in range(0, image.shape[1], patch):
            tokens.append(
                np.einsum(
                    "abc,abcd->d",
                    image[row : row + patch, column : column + patch],
                    file["embedding/kernel"],
                )
                + file["embedding/bias"]
            )
    x = np.stack(tokens) + file["Transformer/posembed_input/pos_embedding"][0]
    for number in range(depth):
        at, attention = (
            f"Transformer/encoderblock_{number}",
            f"Transformer/encoderblock_{number}/MultiHeadDotProductAttention_1",
        )
        y, mixed = layer_norm(x, file, f"{at}/LayerNorm_0"), np.zeros_like(x)
        for head_number in range(heads):
            query, key, value = (
                y @ file[f"{attention}/{part}/kernel"][:, head_number]
                + file[f"{attention}/{part}/bias"][head_number]
                for part in ("query", "key", "value")
            )
            for token in range(len(x)):
                weight = np.exp(key @ query[token] / math.sqrt(query.shape[1]))
                mixed[token] += (weight / weight.sum() @ value) @ file[f"{attention}/out/kernel"][
                    head_number
                ]
        x = x + mixed + file[f"{attention}/out/bias"]
        hidden = (
            layer_norm(x, file, f"{at}/LayerNorm_2") @ file[f"{at}/MlpBlock_3/Dense_0/kernel"]
            + file[f"{at}/MlpBlock_3/Dense_0/bias"]
        )
        hidden = hidden * 0.5 * (1 + erf(hidden / math.sqrt(2)))
        x = (
            x
            + hidden @ file[f"{at}/MlpBlock_3/Dense_1/kernel"]
            + file[f"{at}/MlpBlock_3/Dense_1/bias"]
        )
    return head @ layer_norm(x[0], file, "Transformer/encoder_norm") + head_bias


@pytest.mark.parametrize("shape", [(12, 12, 3), (8, 20, 3), (24, 4, 1), (12, 12, 1)])
def test_published_weights_give_the_naive_transformer(tmp_path, shape):
    file = published()
    built = network(
        "vit", shape, 5, seed=3, weights=write_weights(tmp_path, file), **SMALL_VIT
    ).eval()
    random = network("vit", shape, 5, seed=3, **SMALL_VIT)
    assert torch.equal(built.head.weight, random.head.weight)
    assert not torch.equal(built.cls, random.cls)
    rows, columns = shape[0] // 4, shape[1] // 4
    positions = file["Transformer/posembed_input/pos_embedding"]
    square = zoom(
        positions[0, 1:].reshape(3, 3, 12).astype(np.float64), (rows / 3, columns / 3, 1), order=1
    ).reshape(1, -1, 12)
    resized = file | {
        "Transformer/posembed_input/pos_embedding": np.concatenate([positions[:, :1], square], 1)
    }
    image = torch.rand(1, *shape) * 2 - 1
    pixels = image[0].double().numpy()
    if shape[2] == 1:  # grey: three channels, (x - (2 mean - 1)) / (2 sd)
        pixels = np.stack(
            [
                (pixels[..., 0] - (2 * mean - 1)) / (2 * sd)
                for mean, sd in ((0.485, 0.229), (0.456, 0.224), (0.406, 0.225))
            ],
            -1,
        )
    expected = naive_vit(
        resized,
        pixels,
        built.head.weight.detach().double().numpy(),
        built.head.bias.detach().double().numpy(),
    )
    np.testing.assert_allclose(built(image)[0].detach().numpy(), expected, rtol=1e-3, atol=1e-4)


def test_positions_of_the_same_grid_stay_and_others_are_interpolated_between_corners():
    positions = torch.randn(1, 17, 3)
    assert resize(positions, (4, 4)) is positions
    wide = resize(positions, (7, 4))
    assert wide.shape == (1, 29, 3)
    assert torch.equal(wide[:, :1], positions[:, :1])
    grid, old = wide[0, 1:].view(7, 4, 3), positions[0, 1:].view(4, 4, 3)
    torch.testing.assert_close(grid[::2], old)
    torch.testing.assert_close(grid[1], (old[0] + old[1]) / 2)


def test_dropout_obeys_the_mode_and_the_seed():
    built, images = (
        network("vit", (8, 8, 3), 2, **(SMALL_VIT | {"dropout": 0.3})),
        torch.rand(2, 8, 8, 3),
    )

    def run(seed):
        torch.manual_seed(seed)
        return built(images)

    built.train()
    assert torch.equal(run(1), run(1))
    assert not torch.equal(run(1), run(2))
    built.eval()
    assert torch.equal(run(1), run(2))
    still = network("vit", (8, 8, 3), 2, **(SMALL_VIT | {"dropout": 0.0})).train()
    torch.testing.assert_close(still(images), run(1))


def test_dropout_stands_after_the_attention_and_twice_in_the_mlp():
    block = network("vit", (8, 8, 3), 2, **SMALL_VIT).train().blocks[0]
    seen = []
    block.dropout.register_forward_hook(
        lambda module, given, result: seen.append(given[0].shape[-1])
    )
    block(torch.randn(1, 5, 12))
    assert seen == [12, 20, 12]
