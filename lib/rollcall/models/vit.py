"""The vision transformer of Knolle et al. 2026, and its published starting weights.

After Dosovitskiy et al., An image is worth 16x16 words, 2021.
"""

from __future__ import annotations

from math import isqrt, prod
from typing import cast

import torch
import torch.nn.functional as F
from torch import nn

from rollcall.models.layers import Head
from rollcall.models.vit_weights import open_weights
from rollcall.util.errors import InputError

EPSILON = 1e-6
# of ImageNet's channels, for values in [0, 1]
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Block(nn.Module):
    """A pre-norm encoder block on tokens (batch, tokens, width).

    Dropout follows the attention and stands twice in the MLP.
    """

    def __init__(self, width: int, heads: int, mlp: int, dropout: float):
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width, eps=EPSILON)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width, eps=EPSILON)
        self.dense1, self.dense2 = nn.Linear(width, mlp), nn.Linear(mlp, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        batch, tokens, width = x.shape
        query, key, value = (
            self.qkv(self.norm1(x))
            .view(batch, tokens, 3, self.heads, width // self.heads)
            .permute(2, 0, 3, 1, 4)
            .unbind()
        )
        mixed = (
            F.scaled_dot_product_attention(query, key, value)
            .transpose(1, 2)
            .reshape(batch, tokens, width)
        )
        x = x + self.dropout(self.out(mixed))
        hidden = self.dropout(F.gelu(self.dense1(self.norm2(x))))
        return x + self.dropout(self.dense2(hidden))


class ViT(nn.Module):
    """Images (batch, H, W, 1 or 3) in [-1, 1] -> logits (batch, outputs).

    Patches and a class token with learned positions, blocks, a norm, and the class token's logits.
    One channel is repeated to three and standardised with ImageNet's means and standard deviations;
    three are taken as they are.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(
        self,
        shape: tuple[int, ...],
        outputs: int,
        patch: int,
        width: int,
        depth: int,
        heads: int,
        mlp: int,
        dropout: float,
    ):
        super().__init__()
        self.patch, self.grid = patch, (shape[0] // patch, shape[1] // patch)
        # the strided convolution as one product: a patch is flattened (row, column, channel)
        self.embed = nn.Linear(patch * patch * 3, width)
        self.cls = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.empty(1, 1 + self.grid[0] * self.grid[1], width))
        self.blocks = nn.Sequential(*[Block(width, heads, mlp, dropout) for _ in range(depth)])
        self.norm = nn.LayerNorm(width, eps=EPSILON)
        nn.init.normal_(self.positions, std=0.02)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
        self.head = Head(width, outputs, nn.init.xavier_uniform_)
        self.register_buffer("mean", torch.tensor(MEAN) * 2 - 1, persistent=False)
        self.register_buffer("std", torch.tensor(STD) * 2, persistent=False)

    def forward(self, x):
        if x.shape[-1] == 1:
            x = (x - self.mean) / self.std
        (rows, columns), side, batch = self.grid, self.patch, len(x)
        patches = (
            x.reshape(batch, rows, side, columns, side, 3)
            .transpose(2, 3)
            .reshape(batch, rows * columns, side * side * 3)
        )
        tokens = torch.cat([self.cls.expand(batch, -1, -1), self.embed(patches)], 1)
        tokens = tokens + self.positions
        return self.head(self.norm(self.blocks(tokens)[:, 0]))


def build_vit(
    input_shape: tuple[int, ...],
    outputs: int,
    patch: int = 16,
    width: int = 768,
    depth: int = 12,
    heads: int = 12,
    mlp: int = 3072,
    dropout: float = 0.1,
    weights: str = "",
) -> nn.Module:
    """Build a ViT, by default B/16, which has 85,671,182 parameters at 64 x 64 and 14 outputs.

    weights: a local .npz to start from (see `load`). Without one, matrices start Glorot-uniform,
    biases and class token at zero, positions from N(0, 0.02^2).
    """
    if (
        input_shape[2] not in (1, 3)
        or input_shape[0] % patch
        or input_shape[1] % patch
        or 0 in input_shape
    ):
        raise InputError(
            f"model 'vit' needs images (H, W, 1 or 3) of whole patches of {patch}, and this "
            f"cohort's inputs are {tuple(input_shape)}; choose another patch, or wide_resnet"
        )
    if heads < 1 or width % heads or not 0 <= dropout < 1 or depth < 1:
        raise InputError(
            f"model 'vit': width {width}, heads {heads}, depth {depth}, dropout {dropout}; "
            "expected a width that the heads divide, a depth of at least 1 and a dropout from 0 "
            "to below 1"
        )
    network = ViT(input_shape, outputs, patch, width, depth, heads, mlp, dropout)
    if weights:
        load(network, weights)
    return network


def load(network: ViT, path: str) -> None:
    """Copy the published weights at `path` into `network`, all but the head's.

    The file is a .npz in the original JAX layout (`Transformer/encoderblock_0/...`; kernels
    (inputs, ..., outputs), query, key and value kernels (width, heads, width / heads), the output's
    (heads, width / heads, width)), with positions of a square grid of any size. Nothing in it is
    unpickled. InputError if the file is no such .npz, or its arrays do not fit the network.
    """
    blocks, width = [cast(Block, block) for block in network.blocks], network.positions.shape[2]
    mlp, heads = blocks[0].dense1.out_features, (blocks[0].heads, width // blocks[0].heads)
    with open_weights(path) as file, torch.no_grad():

        def fill(dense: nn.Linear, name: str, inputs: tuple, outputs: tuple, rows=slice(None)):
            kernel = file.take(f"{name}/kernel", *inputs, *outputs)
            dense.weight[rows] = kernel.reshape(prod(inputs), prod(outputs)).T
            dense.bias[rows] = file.take(f"{name}/bias", *outputs).flatten()

        def fill_norm(norm: nn.LayerNorm, name: str):
            norm.weight.copy_(file.take(f"{name}/scale", width))
            norm.bias.copy_(file.take(f"{name}/bias", width))

        if f"Transformer/encoderblock_{len(blocks)}/LayerNorm_0/scale" in file:
            raise InputError(
                f"{path} has more encoder blocks than the model's {len(blocks)}; "
                "set the model's depth to the file's"
            )
        fill(network.embed, "embedding", (network.patch, network.patch, 3), (width,))
        network.cls.copy_(file.take("cls", 1, 1, width))
        positions = file.take("Transformer/posembed_input/pos_embedding", 1, None, width)
        network.positions.copy_(resize(positions, network.grid, path))
        for number, block in enumerate(blocks):
            at = f"Transformer/encoderblock_{number}"
            attention = f"{at}/MultiHeadDotProductAttention_1"
            for third, name in enumerate(("query", "key", "value")):
                rows = slice(third * width, (third + 1) * width)
                fill(block.qkv, f"{attention}/{name}", (width,), heads, rows)
            fill(block.out, f"{attention}/out", heads, (width,))
            fill(block.dense1, f"{at}/MlpBlock_3/Dense_0", (width,), (mlp,))
            fill(block.dense2, f"{at}/MlpBlock_3/Dense_1", (mlp,), (width,))
            fill_norm(block.norm1, f"{at}/LayerNorm_0")
            fill_norm(block.norm2, f"{at}/LayerNorm_2")
        fill_norm(network.norm, "Transformer/encoder_norm")


def resize(
    positions: torch.Tensor, grid: tuple[int, int], path: str = "the positions"
) -> torch.Tensor:
    """Resize the positions of a square grid to another grid.

    (1, 1 + n^2, width) -> (1, 1 + rows columns, width): linear in both directions, corners kept on
    corners. The class token's, the first, stays. InputError, naming `path`, if no grid is square.
    """
    count, width = positions.shape[1] - 1, positions.shape[2]
    side = isqrt(max(count, 0))
    if count < 1 or side * side != count:
        raise InputError(
            f"{path}: {positions.shape[1]} positions, expected one for the class token and a "
            "square grid"
        )
    if grid == (side, side):
        return positions
    square = positions[:, 1:].reshape(1, side, side, width).permute(0, 3, 1, 2)
    resized = F.interpolate(square, size=grid, mode="bilinear", align_corners=True)
    return torch.cat([positions[:, :1], resized.flatten(2).transpose(1, 2)], 1)
