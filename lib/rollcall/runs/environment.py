"""What a run says of the machine and the software that made it."""

from __future__ import annotations

import importlib.metadata
import platform
import time

from rollcall.util.parallel import cores

PACKAGES = ("torch", "numpy", "pandas", "scipy")


def describe() -> dict:
    """Return what a new run says: versions, hardware, its start, and that it is not finished."""
    return {"versions": versions(), "hardware": hardware(), "started": now(), "finished": None}


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that numbers depend on."""
    packages = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"python": platform.python_version(), **packages}


def hardware() -> dict:
    """Return the machine's architecture, operating system and number of CPU cores."""
    return {"machine": platform.machine(), "system": platform.system(), "cores": cores()}


def now() -> str:
    """Return the time in UTC, to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
