"""The release check: whom does one model that exists expose?"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from rollcall.experiments.release.assess import Release, check_release

if TYPE_CHECKING:
    from rollcall.experiments.release.estimators import check_estimator

__all__ = ["Release", "check_estimator", "check_release"]


def __getattr__(name: str):
    """Load what takes scikit-learn when it is asked for."""
    if name == "check_estimator":
        return import_module("rollcall.experiments.release.estimators").check_estimator
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
