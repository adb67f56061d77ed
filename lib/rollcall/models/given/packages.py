"""Networks of packages, where these are installed; from random weights, always."""

from __future__ import annotations

from torch import nn

from rollcall.models.given.installed import import_package
from rollcall.models.given.loading import blamed
from rollcall.models.given.names import Given
from rollcall.models.given.xrays import build_xray
from rollcall.util.errors import InputError, unknown_name

# settings by which these packages fetch or read weights
WEIGHTS = (
    *("pretrained", "weights", "weights_backbone", "checkpoint_path"),
    *("pretrained_cfg", "pretrained_cfg_overlay", "cache_dir", "hub"),
)


def build_packaged(
    given: Given, input_shape: tuple[int, ...], outputs: int, settings: dict
) -> nn.Module:
    """Build a network of a package for images (batch, H, W, C) as cohorts store them.

    Its state dict is as the package has it: the turn to (batch, C, H, W), and of one channel to
    three for torchvision, which knows no other, is a hook. Weights are random.
    """
    if fetching := sorted(set(settings) & set(WEIGHTS)):
        raise InputError(
            f"model {given.model!r}: setting {fetching[0]!r} asks for weights that are fetched; "
            "nothing is fetched here, and every target starts from random ones: leave it out"
        )
    if given.package == "xrv":
        return build_xray(given, input_shape, outputs, settings)
    module, channels = import_package(given.package), input_shape[2]
    is_timm = given.package == "timm"
    # of torchvision those for images: others fetch weights of a part of theirs
    known = module.list_models() if is_timm else module.list_models(module=module)
    if given.name not in known and not (is_timm and given.name.partition(".")[0] in known):
        raise unknown_name("model", given.name, known, f"of {given.package}")
    doing = (
        f"model {given.model!r} cannot be built with settings {settings} for images of "
        f"{' x '.join(map(str, input_shape))}"
    )
    with blamed(doing, ()):
        if is_timm:
            network = module.create_model(
                given.name, pretrained=False, num_classes=outputs, in_chans=channels, **settings
            )
        else:
            network = module.get_model(given.name, weights=None, num_classes=outputs, **settings)

    def turn(_, arguments):
        (images,) = arguments
        images = images.permute(0, 3, 1, 2)
        return (images if is_timm or channels == 3 else images.expand(-1, 3, -1, -1),)

    network.register_forward_pre_hook(turn)
    return network
