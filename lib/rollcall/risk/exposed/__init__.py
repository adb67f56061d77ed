"""Exposed patients: who stands above the noise floor, and how sure that is."""

from rollcall.risk.exposed.interval import exposed_interval, share_at_least
from rollcall.risk.exposed.q_values import compute_q_values

__all__ = ["EXPOSED_FDR", "compute_q_values", "exposed_interval", "share_at_least"]

EXPOSED_FDR = 0.05  # the largest q-value of an exposed patient
