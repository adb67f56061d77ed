"""One gate for whatever leaves the machine: which counts may be shown, and how they are written."""

from rollcall.report.gate.suppression import protect

__all__ = ["protect"]
