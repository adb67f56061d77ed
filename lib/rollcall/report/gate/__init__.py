"""One gate for whatever leaves the machine: which counts may be shown, and how they are written."""

from rollcall.report.gate.design import MISSING, PATIENTS, REST, TOTAL
from rollcall.report.gate.show import (
    HIDDEN,
    count_known,
    explain_hidden,
    reached_by,
    safe_curve,
    show_count,
    show_share,
)
from rollcall.report.gate.suppression import protect

__all__ = [
    "HIDDEN",
    "MISSING",
    "PATIENTS",
    "REST",
    "TOTAL",
    "count_known",
    "explain_hidden",
    "protect",
    "reached_by",
    "safe_curve",
    "show_count",
    "show_share",
]
