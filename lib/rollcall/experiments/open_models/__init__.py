"""Models that somebody gave away, attacked with a few references that never saw the patients."""

from __future__ import annotations

from rollcall.experiments.open_models.result import OpenModels
from rollcall.experiments.open_models.study import attack_open_model

__all__ = ["OpenModels", "attack_open_model"]
