"""Packages of models that may be installed beside Rollcall, imported when they are asked for."""

from __future__ import annotations

import importlib
import importlib.metadata
from types import ModuleType

from rollcall.util.errors import InputError, first_line


def import_package(package: str) -> ModuleType:
    """Import timm, or torchvision's models; InputError where it is not installed, or not usable."""
    try:
        return importlib.import_module(f"{package}.models" if package == "torchvision" else package)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == package:
            raise InputError(
                f"model '{package}:...' needs the package {package}, which is not installed here; "
                "pip install 'rollcall[vision]'"
            ) from None
        raise InputError(f"the package {package} cannot be loaded: {first_line(error)}") from error
    except Exception as error:
        raise InputError(
            f"the package {package} cannot be loaded: {first_line(error)}; install a version that "
            "fits this one of torch"
        ) from error


def find_version(package: str) -> str:
    """Return a package's version; InputError where it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return str(getattr(import_package(package), "__version__", "of an unknown version"))
