"""LiRA, the likelihood-ratio attack, on one score a record and on several labels."""

from __future__ import annotations

from rollcall.attacks.lira.ratio import run_lira

__all__ = ["run_lira"]
