"""One gate for whatever leaves the machine: which counts may be shown, and how they are written."""

from rollcall.report.gate.design import PATIENTS, TOTAL
from rollcall.report.gate.hiding import (
    count_groups,
    hide_groups,
    hide_panel,
    list_shown,
)
from rollcall.report.gate.partitions import MISSING, MOST_SHOWN, REST
from rollcall.report.gate.show import (
    HIDDEN,
    count_known,
    count_public,
    count_several,
    explain_further,
    explain_hidden,
    keep_apart,
    keep_inside,
    reached_by,
    round_as_written,
    safe_curve,
    show_both,
    show_count,
    show_few,
    show_limit,
    show_share,
    show_told,
)
from rollcall.report.gate.suppression import protect

__all__ = [
    "HIDDEN",
    "MISSING",
    "MOST_SHOWN",
    "PATIENTS",
    "REST",
    "TOTAL",
    "count_groups",
    "count_known",
    "count_public",
    "count_several",
    "explain_further",
    "explain_hidden",
    "hide_groups",
    "hide_panel",
    "keep_apart",
    "keep_inside",
    "list_shown",
    "protect",
    "reached_by",
    "round_as_written",
    "safe_curve",
    "show_both",
    "show_count",
    "show_few",
    "show_limit",
    "show_share",
    "show_told",
]
