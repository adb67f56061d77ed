"""TorchXRayVision's DenseNets: the architecture by name, its labels, its scale of intensities.

The library reads its published weights by unpickling a whole network, which runs whatever the file
says. Here the network is made by its class, from random weights, and a state dict is loaded into it
elsewhere. Its outputs are the logits that were trained: neither a sigmoid nor the library's
recalibration at operating points (`apply_sigmoid`, `op_threshs`) is applied.
"""

from __future__ import annotations

from types import ModuleType

from torch import nn

from rollcall.models.given.installed import import_package
from rollcall.models.given.loading import blamed
from rollcall.models.given.names import Given
from rollcall.util.errors import InputError, unknown_name

ARCHITECTURE = "densenet121"
SIDE = 224  # pixels that the published networks were trained at
BRIGHTEST = 1024.0  # their intensities lie from -1024 to 1024, ours from -1 to 1
NOT_WEIGHTS = ("op_threshs",)  # in a state dict of a network that recalibrates
CONVERT = (
    'python -c "import torch, torchxrayvision as xrv; '
    "torch.save(xrv.models.DenseNet(weights='{name}').state_dict(), '{name}.pt')\""
)


def list_labels(name: str) -> tuple[str, ...]:
    """List the labels of a network's outputs, in their order; "" where it was not trained on one.

    InputError for a name that the library does not have, or where it is not installed.
    """
    module = import_package("xrv")
    _check_name(module, name)
    if name == ARCHITECTURE:
        return tuple(module.DenseNet.targets)
    return tuple(module.model_urls[name]["labels"])


def build_xray(
    given: Given, input_shape: tuple[int, ...], outputs: int, settings: dict
) -> nn.Module:
    """Build a DenseNet for grey images (batch, H, W, 1) from -1 to 1, giving raw logits.

    Its state dict is as the library has it; the turn to (batch, 1, H, W) and to the library's
    intensities is a hook.
    """
    module = import_package("xrv")
    _check_name(module, given.name)
    if input_shape[2] != 1:
        raise InputError(
            f"model {given.model!r} takes grey images, of one channel; these have {input_shape[2]}"
        )
    if changing := sorted({"op_threshs", "apply_sigmoid"} & set(settings)):
        raise InputError(
            f"model {given.model!r}: setting {changing[0]!r} asks for probabilities; expected raw "
            "logits, as they were trained: leave it out"
        )
    doing = f"model {given.model!r} cannot be built with settings {settings}"
    with blamed(doing, ()):
        network = module.DenseNet(num_classes=outputs, in_channels=1, weights=None, **settings)
    network.register_forward_pre_hook(_turn)
    return network


def _turn(_, arguments):
    (images,) = arguments
    return (images.permute(0, 3, 1, 2) * BRIGHTEST,)


def _check_name(module: ModuleType, name: str) -> None:
    names = [each for each in module.model_urls if each.startswith(ARCHITECTURE)]
    if name not in (ARCHITECTURE, *names):
        raise unknown_name("DenseNet", name, [ARCHITECTURE, *names], "of TorchXRayVision")
