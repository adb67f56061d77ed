"""The models by name: one table, which every other part of the library asks. It imports no torch.

A family is a module `rollcall/models/<family>.py` with a function `build_<family>`. A model is a
family with settings: families go by their own names, and the models of Knolle et al. 2026 by the
paper's.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rollcall.util.errors import InputError, unknown_name


@dataclass(frozen=True)
class Family:
    """A kind of network.

    stacked      made of matrix products alone: many targets train at once, as batched products
    bf16         training in bf16 was measured faster where a device has it, and harmless
                 (docs/performance.md); the other families stay in float32 on every device
    takes        the kinds of input, names in KINDS, that it is made for
    settings     of its build function and their defaults, which a recipe may replace
    input_shape, outputs   for which `rollcall list` counts parameters: the paper's smallest dataset
                 of the family's kind (CheXpert, PTB-XL, MIMIC-IV-ED), or this kit's own example
    """

    stacked: bool
    bf16: bool
    takes: tuple[str, ...]
    input_shape: tuple[int, ...]
    outputs: int
    settings: dict


@dataclass(frozen=True)
class Model:
    """A name's family, and the settings that it stands for; a recipe may replace any of them."""

    family: str
    settings: dict = field(default_factory=dict)


# kinds of input: the axes of one record
KINDS = {
    "features": ("features",),
    "signals": ("time", "leads"),
    "images": ("height", "width", "channels"),
}
VIT = {"patch": 16, "width": 768, "depth": 12, "heads": 12, "mlp": 3072}
VIT |= {"dropout": 0.1, "weights": ""}
FAMILIES = {
    "mlp": Family(
        True, False, tuple(KINDS), (32, 32, 1), 3, {"width": 128, "depth": 2}
    ),  # simulated
    "small_cnn": Family(
        False, False, ("images",), (32, 32, 1), 3, {"widths": [16, 32, 64]}
    ),  # simulated
    "tabular_resnet": Family(
        True, True, ("features",), (64,), 1, {"width": 300, "depth": 6, "groups": 10}
    ),  # MIMIC-IV-ED
    "wide_resnet": Family(
        False, True, ("images",), (64, 64, 1), 14, {"depth": 28, "widen": 2}
    ),  # CheXpert
    "vit": Family(False, True, ("images",), (64, 64, 1), 14, VIT),  # CheXpert
    "resnet1d": Family(False, True, ("signals",), (1000, 12), 5, {"width": 128}),  # PTB-XL
}
MODELS = {name: Model(name) for name in FAMILIES} | {
    "wrn_28_2": Model("wide_resnet", {"depth": 28, "widen": 2}),
    "wrn_40_4": Model("wide_resnet", {"depth": 40, "widen": 4}),
    "wrn_28_5": Model("wide_resnet", {"depth": 28, "widen": 5}),
    "vit_b_16": Model("vit", {"patch": 16, "width": 768, "depth": 12, "heads": 12, "mlp": 3072}),
    "vit_b_32": Model("vit", {"patch": 32, "width": 768, "depth": 12, "heads": 12, "mlp": 3072}),
    "vit_l_16": Model("vit", {"patch": 16, "width": 1024, "depth": 24, "heads": 16, "mlp": 4096}),
    "resnet1d_128": Model("resnet1d", {"width": 128}),
    "resnet1d_64": Model("resnet1d", {"width": 64}),
    "resnet1d_32": Model("resnet1d", {"width": 32}),
    "tabresnet_300_6": Model("tabular_resnet", {"width": 300, "depth": 6}),
}


def family_of(name: str) -> Family:
    """Return the family of the model `name`; InputError, with the nearest, if there is none."""
    if name not in MODELS:
        others = "or one of your own, FILE.py:NAME, or timm:NAME, torchvision:NAME"
        raise InputError(f"{unknown_name('model', name, MODELS)}; {others}")
    return FAMILIES[MODELS[name].family]


def kind_of(input_shape: tuple[int, ...]) -> str:
    """Return the kind of input, a name in KINDS, of records of a shape; "" for any other shape."""
    kinds = {len(axes): kind for kind, axes in KINDS.items()}
    return kinds.get(len(input_shape), "")


def check_kind(name: str, kind: str, inputs: str) -> None:
    """Check that a model takes a kind of input; InputError, with those that do.

    inputs: what has the kind, for the message ("cohort 'ptb_xl'").
    """
    family = family_of(name)
    if kind in family.takes or (not kind and len(family.takes) == len(KINDS)):
        return
    raise misfit(name, family.takes, kind, inputs)


def misfit(name: str, takes: tuple[str, ...], kind: str, inputs: str) -> InputError:
    """Return the InputError for a model that takes other kinds of input; see check_kind."""
    families = {
        each
        for each, family in FAMILIES.items()
        if kind in family.takes or family.takes == tuple(KINDS)
    }
    fitting = [each for each, model in MODELS.items() if model.family in families]
    needs = " or ".join(f"{each} ({', '.join(KINDS[each])})" for each in takes)
    return InputError(
        f"model {name!r} needs {needs}, and {inputs} has {kind or 'none of these'}; "
        f"models that fit: {', '.join(fitting)}"
    )


def check_settings(name: str, settings: dict) -> None:
    """Check that a model has settings of these names and types; InputError, with the nearest."""
    defaults = family_of(name).settings
    for key, value in settings.items():
        if key not in defaults:
            raise unknown_name("setting", key, defaults, f"of model {name!r}")
        default, values = defaults[key], value if isinstance(value, list) else [value]
        kind = type(default[0] if isinstance(default, list) else default)
        kinds = (int, float) if kind is float else kind
        least = 0 if key in ("depth", "dropout") else 1  # without hidden layers: a regression
        fits = isinstance(value, list) == isinstance(default, list) and values
        if not fits or not all(
            isinstance(each, kinds) and type(each) is not bool for each in values
        ):
            raise InputError(
                f"setting {key} of model {name!r} is {value!r}; expected a value like {default!r}"
            )
        if kind is not str and min(values) < least:
            raise InputError(
                f"setting {key} of model {name!r} is {value!r}; expected at least {least}"
            )
