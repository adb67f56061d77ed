"""Packages of models that may be installed beside Rollcall, imported when they are asked for."""

from __future__ import annotations

import importlib
import importlib.metadata
import warnings
from types import ModuleType

from rollcall.util.errors import InputError, first_line

MODULES = {"torchvision": "torchvision.models", "xrv": "torchxrayvision.models"}
DISTRIBUTIONS = {"xrv": "torchxrayvision"}
EXTRAS = {"xrv": "xrays"}  # of Rollcall; of the others "vision"


def import_package(package: str) -> ModuleType:
    """Import timm, torchvision's models or TorchXRayVision's; InputError where it cannot be."""
    name = DISTRIBUTIONS.get(package, package)
    try:
        with warnings.catch_warnings():  # TorchXRayVision turns all warnings off, for everybody
            return importlib.import_module(MODULES.get(package, package))
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == name:
            raise InputError(
                f"model '{package}:...' needs the package {name}, which is not installed here; "
                f"pip install 'rollcall[{EXTRAS.get(package, 'vision')}]'"
            ) from None
        raise InputError(f"the package {name} cannot be loaded: {first_line(error)}") from error
    except Exception as error:
        raise InputError(
            f"the package {name} cannot be loaded: {first_line(error)}; install a version that "
            "fits this one of torch"
        ) from error


def find_version(package: str) -> str:
    """Return a package's version; InputError where it is not installed."""
    try:
        return importlib.metadata.version(DISTRIBUTIONS.get(package, package))
    except importlib.metadata.PackageNotFoundError:
        return str(getattr(import_package(package), "__version__", "of an unknown version"))
