"""May this model leave the house? An audit held against thresholds that were stated before it."""

from rollcall.report.appetite.keeping import (
    judge_run,
    read_verdict,
    state_appetite,
    write_decision,
)
from rollcall.report.appetite.section import show_verdict
from rollcall.report.appetite.thresholds import (
    Appetite,
    check_began,
    choose_cell,
    parse_appetite,
    read_appetite,
)
from rollcall.report.appetite.verdict import (
    Verdict,
    describe_verdict,
    gather_evidence,
    judge,
    list_lines,
)

__all__ = [
    "Appetite",
    "Verdict",
    "check_began",
    "choose_cell",
    "describe_verdict",
    "gather_evidence",
    "judge",
    "judge_run",
    "list_lines",
    "parse_appetite",
    "read_appetite",
    "read_verdict",
    "show_verdict",
    "state_appetite",
    "write_decision",
]
