"""What training with privacy promises: noise for an epsilon, an epsilon for a noise, ceilings."""

from rollcall.stats.accounting.sampled_gaussian import calibrate_noise, compute_epsilon

__all__ = ["calibrate_noise", "compute_epsilon"]
