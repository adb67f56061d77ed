"""TODO."""

from __future__ import annotations

import importlib.metadata
import platform
import time

from rollcall.util.parallel import cores

PACKAGES = ("torch", "numpy", "pandas", "scipy")


def describe() -> dict:
    """What a new run says of itself: versions, hardware, when it was started, and that it is not finished."""
    return {"versions": versions(), "hardware": hardware(), "started": now(), "finished": None}


def versions() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in PACKAGES},
    }


def hardware() -> dict:
    return {"machine": platform.machine(), "system": platform.system(), "cores": cores()}


def now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
