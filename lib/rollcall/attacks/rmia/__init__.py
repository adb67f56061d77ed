"""RMIA, the relative attack: how many records of a population a record outdoes."""

from __future__ import annotations

from rollcall.attacks.rmia.attack import run_rmia
from rollcall.attacks.rmia.patients import score_patients
from rollcall.attacks.rmia.tuning import tune

__all__ = ["run_rmia", "score_patients", "tune"]
