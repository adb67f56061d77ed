"""Augmentations of images, drawn on the CPU and applied on the device (Knolle et al. 2026).

Every random number comes from a numpy generator, so that a target's augmentation follows from its
seed alone, not from the device and not from what trains beside it; `apply` is deterministic and
treats every image by itself.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F

from rollcall.util.errors import InputError, unknown_name

# operation -> one value per image: flip bool (n,), shift int64 (n, 2) of rows and columns, others
# float32 (n,)
Draws = Mapping[str, np.ndarray | torch.Tensor]

OPERATIONS = ("flip", "shift", "rotate", "contrast", "brightness")  # in their order
WEAK = {"flip": 0.5, "shift": 0.125}
MEDIUM = WEAK | {"rotate": 10.0}
# flip: probability. shift: at most int(this * width) pixels each way. rotate: at most this many
# degrees each way. contrast: lowest and highest factor. brightness: at most this much each way.
# Applied in this order.
POLICIES: dict[str, dict] = {
    "none": {},
    "trivial": {"flip": 0.5},
    "weak": WEAK,
    "medium": MEDIUM,
    "strong": MEDIUM | {"contrast": (0.0, 1.0), "brightness": 0.25},
    # for EMBED; the paper's factors never show an image in full contrast: docs/deviations.md
    "contrast": {"rotate": 10.0, "contrast": (0.5, 1.5), "brightness": 0.1},
    "paper_embed": {"rotate": 10.0, "contrast": (0.0, 0.5), "brightness": 0.1},
}


def draw(
    policy: str, rng: np.random.Generator, n: int, height: int, width: int
) -> dict[str, np.ndarray]:
    """Draw `policy` for each of `n` images (height, width).

    Only the policy's operations have a key; angles are in radians. InputError for an unknown
    policy, or images that are too low to be shifted by an eighth of their width.
    """
    if policy not in POLICIES:
        raise unknown_name("augmentation", policy, POLICIES)
    ops = POLICIES[policy]
    draws: dict[str, np.ndarray] = {}
    if "flip" in ops:
        draws["flip"] = rng.random(n) < ops["flip"]
    if "shift" in ops:
        most = int(ops["shift"] * width)
        if most >= height:
            raise InputError(
                f"augmentation {policy!r}: images of {height} x {width} cannot be shifted by "
                f"{most} rows; use another augmentation"
            )
        draws["shift"] = rng.integers(-most, most, (n, 2), endpoint=True)
    if "rotate" in ops:
        draws["rotate"] = np.radians(rng.uniform(-ops["rotate"], ops["rotate"], n)).astype(
            np.float32
        )
    if "contrast" in ops:
        draws["contrast"] = rng.uniform(*ops["contrast"], n).astype(np.float32)
    if "brightness" in ops:
        draws["brightness"] = rng.uniform(-ops["brightness"], ops["brightness"], n).astype(
            np.float32
        )
    return draws


def draw_views(
    policy: str, count: int, seed: int, height: int, width: int
) -> list[dict[str, np.ndarray]]:
    """Draw the `count` views of a record that are stored: the clean image, then fixed draws.

    They are the same for every record and every target, so that scores can be averaged over views
    and compared between targets, and view k is the same whatever `count` is. Each is a draw for one
    image, which `apply` gives to a whole batch. InputError for an unknown policy, or several views
    without augmentation.
    """
    if policy not in POLICIES:
        raise unknown_name("augmentation", policy, POLICIES)
    if count < 1 or (count > 1 and not POLICIES[policy]):
        raise InputError(
            f"{count} views with augmentation {policy!r}, expected at least 1, and no more than 1 "
            "without augmentation"
        )
    return [{}] + [
        draw(policy, np.random.default_rng([seed, view, 6]), 1, height, width)
        for view in range(1, count)
    ]


def augment(images: torch.Tensor, policy: str, rng: np.random.Generator) -> torch.Tensor:
    """Augment float32 images (batch, H, W, C) in [-1, 1], each by its own draw of `policy`."""
    return apply(images, draw(policy, rng, *images.shape[:3]))


def apply(images: torch.Tensor, draws: Draws) -> torch.Tensor:
    """Apply `draws` to float32 images (batch, H, W, C); the input stays as it is.

    The draws' arrays (or tensors) hold a value for each image, or one for all.

    flip        left and right, exactly
    shift       by whole pixels, exactly: out[y, x] = in[y + rows, x + columns], mirrored at the
                outermost pixels (abc -> b|abc|b)
    rotate      about the centre, bilinear, mirrored at the edge (abc -> a|abc|c); a positive angle
                turns the image clockwise
    contrast    (x - mean) factor + mean, with each channel's mean over the image
    brightness  a sum. Values may leave [-1, 1], as in the reference.
    """
    if images.ndim != 4 or images.dtype != torch.float32:
        raise InputError(
            f"augmentation of {images.dtype} {tuple(images.shape)}, expected float32 images "
            "(batch, H, W, C) in [-1, 1]"
        )
    for name, values in draws.items():
        if name not in OPERATIONS or len(values) not in (1, len(images)):
            raise InputError(
                f"augmentation draws {name!r} of length {len(values)} for {len(images)} images; "
                "use rollcall.training.augmentation.draw or draw_views"
            )
    if "flip" in draws or "shift" in draws:
        images = _move(images, draws.get("flip"), draws.get("shift"))
    if "rotate" in draws:
        images = _rotate(images, draws["rotate"])
    if "contrast" in draws:
        factor = _each(draws["contrast"], images)
        images = images * factor + images.mean((1, 2), keepdim=True) * (1 - factor)
    if "brightness" in draws:
        images = images + _each(draws["brightness"], images)
    return images


def _each(values, images: torch.Tensor) -> torch.Tensor:
    """Return one number per image as (n, 1, 1, 1) on the images' device."""
    return torch.as_tensor(values, dtype=images.dtype).to(images.device).view(-1, 1, 1, 1)


def _mirror(index: torch.Tensor, size: int) -> torch.Tensor:
    """Bring positions beyond 0 ... size - 1 back by reflection in the outermost pixels."""
    return (size - 1) - ((size - 1) - index.abs()).abs()


def _move(images: torch.Tensor, flip, shift) -> torch.Tensor:
    """Flip, then shift, as one gather of pixels: flip (n,) or None, shift (n, 2) or None."""
    batch, height, width, channels = images.shape
    rows = torch.arange(height, device=images.device)[None]
    columns = torch.arange(width, device=images.device)[None]
    if shift is not None:
        shift = torch.as_tensor(shift).to(images.device)
        rows = _mirror(rows + shift[:, :1], height)
        columns = _mirror(columns + shift[:, 1:], width)
    if flip is not None:
        columns = torch.where(
            torch.as_tensor(flip).to(images.device)[:, None], width - 1 - columns, columns
        )
    pixels = (rows[:, :, None] * width + columns[:, None, :]).flatten(1)  # (n, H W)
    flat = images.reshape(batch, height * width, channels)
    if len(pixels) == 1:
        return flat[:, pixels[0]].view(images.shape)
    return flat.gather(1, pixels[:, :, None].expand(-1, -1, channels)).view(images.shape)


def _rotate(images: torch.Tensor, angle) -> torch.Tensor:
    """Rotate by `angle` (n,) about the centre, in one bilinear sampling.

    Positions are formed elementwise, so that an image's do not depend on its batch.
    """
    batch, height, width, _ = images.shape
    angle = torch.as_tensor(angle)[:, None, None]
    cos, sin = angle.cos().to(images), angle.sin().to(images)
    y = (torch.arange(height, device=images.device, dtype=images.dtype) - (height - 1) / 2)[:, None]
    x = (torch.arange(width, device=images.device, dtype=images.dtype) - (width - 1) / 2)[None]
    # where each pixel comes from, in [-1, 1]
    grid = torch.stack([(cos * x + sin * y) * (2 / width), (cos * y - sin * x) * (2 / height)], -1)
    turned = F.grid_sample(
        images.permute(0, 3, 1, 2),
        grid.expand(batch, -1, -1, -1),
        mode="bilinear",
        padding_mode="reflection",
        align_corners=False,
    )
    return turned.permute(0, 2, 3, 1)
