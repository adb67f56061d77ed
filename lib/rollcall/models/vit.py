"""The vision transformer of Knolle et al. 2026 (facts, section 3; after Dosovitskiy et al. 2021), and its published starting weights."""

from __future__ import annotations

from contextlib import contextmanager
from math import isqrt
from pathlib import Path
from zipfile import BadZipFile
from zlib import error as BadStream

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from rollcall.models.layers import Head
from rollcall.util.errors import InputError

EPSILON = 1e-6
DAMAGED = (
    ValueError,
    OSError,
    EOFError,
    BadZipFile,
    BadStream,
)  # what numpy raises for a file that is no .npz, or a spoilt one
MEAN, STD = (
    (0.485, 0.456, 0.406),
    (0.229, 0.224, 0.225),
)  # of ImageNet's channels, for values in [0, 1]


class Block(nn.Module):
    """A pre-norm encoder block on tokens (batch, tokens, width), with dropout after the attention and twice in the MLP."""

    def __init__(self, width: int, heads: int, mlp: int, dropout: float):
        super().__init__()
        self.heads = heads
        self.norm1, self.qkv, self.out = (
            nn.LayerNorm(width, eps=EPSILON),
            nn.Linear(width, 3 * width),
            nn.Linear(width, width),
        )
        self.norm2, self.dense1, self.dense2 = (
            nn.LayerNorm(width, eps=EPSILON),
            nn.Linear(width, mlp),
            nn.Linear(mlp, width),
        )
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
    """Images (batch, H, W, 1 or 3) in [-1, 1] -> patches and a class token with learned positions -> blocks -> norm -> logits of the class token.

    One channel is repeated to three and standardised with ImageNet's means and standard deviations; three are taken as they are.
    """

    def __init__(
        self,
        shape,
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
        self.embed = nn.Linear(
            patch * patch * 3, width
        )  # the strided convolution as one product: a patch is flattened (row, column, channel)
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
        tokens = (
            torch.cat([self.cls.expand(batch, -1, -1), self.embed(patches)], 1) + self.positions
        )
        return self.head(self.norm(self.blocks(tokens)[:, 0]))


def vit(
    input_shape,
    outputs: int,
    patch: int = 16,
    width: int = 768,
    depth: int = 12,
    heads: int = 12,
    mlp: int = 3072,
    dropout: float = 0.1,
    weights: str = "",
) -> nn.Module:
    """A ViT, by default B/16 (at 64 x 64 and 14 outputs 85,671,182 parameters); `weights` is a local .npz to start from (see `load`).

    Matrices start Glorot-uniform, biases and class token at zero, positions from N(0, 0.02^2) (the facts give the head's randomness only).
    """
    if (
        len(input_shape) != 3
        or input_shape[2] not in (1, 3)
        or input_shape[0] % patch
        or input_shape[1] % patch
        or 0 in input_shape
    ):
        raise InputError(
            f"model 'vit' needs images (H, W, 1 or 3) of whole patches of {patch}, and this cohort's inputs are {tuple(input_shape)}; "
            "choose another patch, or wide_resnet"
        )
    if heads < 1 or width % heads or not 0 <= dropout < 1 or depth < 1:
        raise InputError(
            f"model 'vit': width {width}, heads {heads}, depth {depth}, dropout {dropout}; expected a width that the heads divide, "
            "a depth of at least 1 and a dropout from 0 to below 1"
        )
    network = ViT(input_shape, outputs, patch, width, depth, heads, mlp, dropout)
    if weights:
        load(network, weights)
    return network


def load(network: ViT, path: str) -> None:
    """Copy the published weights at `path` into `network`, all but the head, whose random values stay.

    The file is a .npz in the original JAX layout (`Transformer/encoderblock_0/...`; kernels (inputs, ..., outputs), query, key and value kernels
    (width, heads, width / heads), the output's (heads, width / heads, width)), of a square grid of any size. Nothing in it is unpickled.
    """
    width, patch = network.positions.shape[2], network.patch
    heads, mlp = network.blocks[0].heads, network.blocks[0].dense1.out_features
    attention = (heads, width // heads)

    def take(name: str, *shape):
        return _take(file, path, name, shape)

    with _opened(path) as file, torch.no_grad():
        if f"Transformer/encoderblock_{len(network.blocks)}/LayerNorm_0/scale" in file:
            raise InputError(
                f"{path} has more encoder blocks than the model's {len(network.blocks)}; set the model's depth to the file's"
            )
        network.embed.weight.copy_(
            take("embedding/kernel", patch, patch, 3, width).reshape(-1, width).T
        )
        network.embed.bias.copy_(take("embedding/bias", width))
        network.cls.copy_(take("cls", 1, 1, width))
        network.positions.copy_(
            resize(
                take("Transformer/posembed_input/pos_embedding", 1, None, width), network.grid, path
            )
        )
        for number, block in enumerate(network.blocks):
            at = f"Transformer/encoderblock_{number}/"
            for place, part in enumerate(("query", "key", "value")):
                rows, name = (
                    slice(place * width, (place + 1) * width),
                    f"{at}MultiHeadDotProductAttention_1/{part}",
                )
                block.qkv.weight[rows] = (
                    take(f"{name}/kernel", width, *attention).reshape(width, width).T
                )
                block.qkv.bias[rows] = take(f"{name}/bias", *attention).flatten()
            name = f"{at}MultiHeadDotProductAttention_1/out"
            block.out.weight.copy_(
                take(f"{name}/kernel", *attention, width).reshape(width, width).T
            )
            block.out.bias.copy_(take(f"{name}/bias", width))
            for name, dense, shape in (
                ("Dense_0", block.dense1, (width, mlp)),
                ("Dense_1", block.dense2, (mlp, width)),
            ):
                dense.weight.copy_(take(f"{at}MlpBlock_3/{name}/kernel", *shape).T)
                dense.bias.copy_(take(f"{at}MlpBlock_3/{name}/bias", shape[1]))
            for name, norm in (("LayerNorm_0", block.norm1), ("LayerNorm_2", block.norm2)):
                norm.weight.copy_(take(f"{at}{name}/scale", width))
                norm.bias.copy_(take(f"{at}{name}/bias", width))
        network.norm.weight.copy_(take("Transformer/encoder_norm/scale", width))
        network.norm.bias.copy_(take("Transformer/encoder_norm/bias", width))


@contextmanager
def _opened(path: str):
    """The .npz at `path`, open, or InputError."""
    if not Path(path).is_file():
        raise InputError(
            f"no file at {path}: the model's setting 'weights' must be a local .npz of published ViT weights, or empty for a random start"
        )
    with open(path, "rb") as raw:
        try:
            file = np.load(raw, allow_pickle=False)
        except DAMAGED as error:
            raise InputError(
                f"{path} cannot be read as a .npz of ViT weights ({error}); fetch it again"
            ) from error
        if not isinstance(file, np.lib.npyio.NpzFile):
            raise InputError(f"{path} holds a single array, expected a .npz of ViT weights")
        with file:
            yield file


def _take(file, path: str, name: str, shape: tuple) -> torch.Tensor:
    """Array `name` of the open .npz in float32, of `shape` (None: any length), or InputError."""
    if name not in file:
        raise InputError(
            f"{path} has no array {name!r}, which the model needs; use ViT weights in the original JAX layout, or change the model's depth"
        )
    try:
        array = file[name]
    except DAMAGED as error:
        raise InputError(
            f"{path}: array {name!r} cannot be read ({error}); fetch the file again"
        ) from error
    if array.ndim != len(shape) or any(
        wanted not in (None, size) for wanted, size in zip(shape, array.shape)
    ):
        raise InputError(
            f"{path}: array {name!r} is {array.shape}, the model needs {str(shape).replace('None', 'any')}; "
            "match the model's patch, width, heads and mlp to the file"
        )
    if array.dtype.kind != "f" or not np.isfinite(array).all():
        raise InputError(
            f"{path}: array {name!r} ({array.dtype}) must hold finite floating-point numbers; fetch the file again"
        )
    return torch.from_numpy(array.astype(np.float32))


def resize(
    positions: torch.Tensor, grid: tuple[int, int], path: str = "the positions"
) -> torch.Tensor:
    """Positions (1, 1 + n^2, width) of an n x n grid -> (1, 1 + rows columns, width): linear in both directions, corners kept on corners."""
    count, width = positions.shape[1] - 1, positions.shape[2]
    side = isqrt(max(count, 0))
    if count < 1 or side * side != count:
        raise InputError(
            f"{path}: {positions.shape[1]} positions, expected one for the class token and a square grid"
        )
    if grid == (side, side):
        return positions
    square = positions[:, 1:].reshape(1, side, side, width).permute(0, 3, 1, 2)
    resized = F.interpolate(square, size=grid, mode="bilinear", align_corners=True)
    return torch.cat([positions[:, :1], resized.flatten(2).transpose(1, 2)], 1)
