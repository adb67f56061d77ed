"""A file of published weights: opened and read with every array checked, nothing unpickled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile
from zlib import error as BadStream

import numpy as np
import torch

from rollcall.util.errors import InputError

# what numpy raises for a file that is no .npz, or a damaged one
DAMAGED = (ValueError, OSError, EOFError, BadZipFile, BadStream)


@dataclass(frozen=True)
class WeightsFile:
    """An open .npz of weights."""

    path: str
    arrays: np.lib.npyio.NpzFile

    def __contains__(self, name: str) -> bool:
        return name in self.arrays

    def take(self, name: str, *shape: int | None) -> torch.Tensor:
        """Read array `name` of `shape` (None: any length) in float32, or raise InputError."""
        if name not in self.arrays:
            raise InputError(
                f"{self.path} has no array {name!r}, which the model needs; use ViT weights in the "
                "original JAX layout, or change the model's depth"
            )
        try:
            array = self.arrays[name]
        except DAMAGED as error:
            raise InputError(
                f"{self.path}: array {name!r} cannot be read ({error}); fetch the file again"
            ) from error
        if array.ndim != len(shape) or any(
            wanted not in (None, size) for wanted, size in zip(shape, array.shape, strict=True)
        ):
            raise InputError(
                f"{self.path}: array {name!r} is {array.shape}, the model needs "
                f"{str(shape).replace('None', 'any')}; match the model's patch, width, heads and "
                "mlp to the file"
            )
        if array.dtype.kind != "f" or not np.isfinite(array).all():
            raise InputError(
                f"{self.path}: array {name!r} ({array.dtype}) must hold finite floating-point "
                "numbers; fetch the file again"
            )
        return torch.from_numpy(array.astype(np.float32))


@contextmanager
def open_weights(path: str) -> Iterator[WeightsFile]:
    """Open the .npz at `path` as a WeightsFile, or raise InputError."""
    if not Path(path).is_file():
        raise InputError(
            f"no file at {path}: the model's setting 'weights' must be a local .npz of published "
            "ViT weights, or empty for a random start"
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
            yield WeightsFile(path, file)
