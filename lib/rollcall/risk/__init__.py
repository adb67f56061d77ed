"""Risk of records and patients: how well scores tell who was in a training set."""

from rollcall.risk.assess import Risk, assess_risk
from rollcall.risk.labels import combine_labels

__all__ = ["Risk", "assess_risk", "combine_labels"]
