"""Networks that Rollcall does not bring, by name: one's own file, or an installed package's.

    nets.py:Net          the class or function Net of the file nets.py
    timm:resnet18        timm.create_model("resnet18")
    torchvision:resnet18 torchvision.models.get_model("resnet18")
    xrv:densenet121-res224-chex   TorchXRayVision's network of this name

Nothing is imported here, torch neither.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from rollcall.models import registry
from rollcall.models.registry import MODELS
from rollcall.util.errors import InputError, unknown_name

PACKAGES = ("timm", "torchvision", "xrv")
FORMS = (
    "a name that `rollcall list models` prints, FILE.py:NAME, timm:NAME, torchvision:NAME or "
    "xrv:NAME"
)


@dataclass(frozen=True)
class Given:
    """A network that is given: its package, or the file; and its name there."""

    package: str
    path: Path | None
    name: str

    @property
    def model(self) -> str:
        """The name that a recipe keeps; the folder of a file is no part of it."""
        return f"{self.path.name if self.path else self.package}:{self.name}"


def is_given(model: str) -> bool:
    """Say whether a model's name is not of rollcall.models, but of a file or a package."""
    return model not in MODELS and (":" in model or model.endswith(".py"))


def names_network(word: str) -> bool:
    """Say whether a word among settings, KEY:VALUE, is a network's name of these forms."""
    before, colon, _ = word.rpartition(":")
    return bool(colon) and "=" not in word and (before in PACKAGES or before.endswith(".py"))


def parse_given(model: str, folder: str | Path = "") -> Given:
    """Read the name of a network that is given.

    folder: where a relative path begins; by default where this process is. InputError for a name of
    another form, and for a file that is not there.
    """
    before, colon, name = model.rpartition(":")
    if not colon and model.endswith(".py"):
        raise InputError(
            f"model {model!r}: expected {Path(model).name}:NAME, NAME being the class or function "
            "of the file that makes the network"
        )
    if before in PACKAGES:
        if not re.fullmatch(r"[\w./-]+", name):
            raise InputError(f"model {model!r}: expected {before}:NAME, a model's name there")
        return Given(before, None, name)
    if not before.endswith(".py"):
        if re.fullmatch(r"\w*", before):
            raise unknown_name("package of models", before, PACKAGES, f"in {model!r}")
        raise InputError(f"model {model!r}: expected {FORMS}")
    if not name.isidentifier():
        raise InputError(
            f"model {model!r}: {name!r} is no name of Python; expected FILE.py:NAME, NAME being "
            "the class or function of the file that makes the network"
        )
    path = Path(folder, Path(before).expanduser())
    if not path.is_file():
        raise InputError(
            f"model {model!r}: there is no file {path.absolute()}; expected the path of the file "
            "that has the network, from the folder of the command"
        )
    return Given("", path.resolve(), name)


def check_kind(model: str, kind: str, inputs: str) -> None:
    """Check that any model takes a kind of input, as `registry.check_kind` does for ours.

    Those of packages take images; what one's own takes shows when it is tried.
    """
    if not is_given(model):
        registry.check_kind(model, kind, inputs)
    elif model.partition(":")[0] in PACKAGES and kind != "images":
        raise registry.misfit(model, ("images",), kind, inputs)


def name_run(model: str) -> str:
    """Return the folder's name of a run that was given none: the model's, in plain letters."""
    name = re.sub(r"\.py:", "-", model) if is_given(model) else model
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._") or "model"
