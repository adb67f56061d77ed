"""What training with privacy promises: noise for an epsilon, an epsilon for a noise, ceilings."""

from rollcall.stats.accounting.ceilings import (
    Ceiling,
    compute_auc_ceiling,
    compute_tpr_ceiling,
    trace_ceiling,
)
from rollcall.stats.accounting.sampled_gaussian import calibrate_noise, compute_epsilon

__all__ = [
    "Ceiling",
    "calibrate_noise",
    "compute_auc_ceiling",
    "compute_epsilon",
    "compute_tpr_ceiling",
    "trace_ceiling",
]
