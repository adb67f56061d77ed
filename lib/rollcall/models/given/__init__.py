"""Networks that a user brings: from a file of their own, or from a package by name.

`names` reads the name, `siblings` the files, without running them; `loading` imports a file,
`packages` asks timm or torchvision (`installed`), `xrays` TorchXRayVision; `keeping` puts back what
they set; `traits` tries a network before it is trained.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from rollcall.models.given.loading import blamed, explain_error, load_maker
from rollcall.models.given.names import Given, is_given, name_run, parse_given
from rollcall.models.given.siblings import digest_sources, read_sources
from rollcall.util.errors import InputError

if TYPE_CHECKING:
    from torch import nn

__all__ = [
    "blamed",
    "build_given",
    "digest_given",
    "explain_error",
    "is_given",
    "list_code",
    "name_run",
    "parse_given",
]


def digest_given(given: Given) -> dict[str, str]:
    """Return the sha256 of the files that a network is made of, by their names; {} of a package.

    The file, and those beside it that it imports; they are read, not run.
    """
    return {} if given.path is None else digest_sources(given.path, read_sources(given.path))


def build_given(
    given: Given,
    input_shape: tuple[int, ...],
    outputs: int,
    settings: dict,
    files: dict[str, str] | None = None,
) -> nn.Module:
    """Build a fresh network that a user brings, on the CPU, from torch's global generator.

    files: what `digest_given` gave when the run began; None: as they are. InputError, with the file
    and line where it is one's own, for what cannot be built or is no nn.Module.
    """
    import torch

    from rollcall.models.given.keeping import settings_kept

    with settings_kept(), torch.device("cpu"):
        return _build(given, tuple(input_shape), outputs, settings, files)


def _build(
    given: Given,
    input_shape: tuple[int, ...],
    outputs: int,
    settings: dict,
    files: dict[str, str] | None,
) -> nn.Module:
    import torch
    from torch import nn

    from rollcall.models.given.keeping import settings_kept

    if given.path is None:
        from rollcall.models.given.packages import build_packaged

        return build_packaged(given, input_shape, outputs, settings)
    with settings_kept():  # of the import, before anything is built
        maker = load_maker(given, files)
    doing = (
        f"model {given.model!r} cannot be built by {given.name}({input_shape}, "
        f"{outputs}{''.join(f', {key}={value!r}' for key, value in settings.items())})"
    )
    with blamed(doing, list_code(given, files)):
        network = maker(input_shape, outputs, **settings)
    if not isinstance(network, nn.Module):
        raise InputError(
            f"{given.path}: {given.name} gave a {type(network).__name__}; expected a network "
            "(torch.nn.Module)"
        )
    if any(isinstance(value, nn.UninitializedParameter) for value in network.parameters()):
        with blamed(doing, list_code(given, files)), torch.no_grad():  # nn.Lazy...
            network.eval()(torch.zeros(2, *input_shape))
            network.train()
    return network


def list_code(given: Given, files: dict[str, str] | None = None) -> Collection[Path]:
    """List the files whose lines a user may be sent to; none of a package."""
    if given.path is None:
        return ()
    return [given.path.parent / name for name in files or digest_given(given)]
