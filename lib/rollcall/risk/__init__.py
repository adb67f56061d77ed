"""Risk of records and of patients: how well membership in a training set can be told from scores."""

from rollcall.risk.assess import Risk, assess_risk
from rollcall.risk.labels import combine_labels

__all__ = ["Risk", "assess_risk", "combine_labels"]
