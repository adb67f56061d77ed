"""Exposed patients: who stands above the noise floor, and how sure that is."""

from rollcall.risk.exposed.interval import exposed_interval, share_at_least
from rollcall.risk.exposed.naming import (
    EXPOSED_FDR,
    Naming,
    make_strata,
    name_by_statistic,
    name_exposed,
)
from rollcall.risk.exposed.q_values import compute_q_values

__all__ = [
    "EXPOSED_FDR",
    "Naming",
    "compute_q_values",
    "exposed_interval",
    "make_strata",
    "name_by_statistic",
    "name_exposed",
    "share_at_least",
]
