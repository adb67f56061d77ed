"""A finished run as it is stored: what figures are drawn from, without torch and without training.

It stands for a rollcall.auditing.Audit wherever a figure is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from rollcall.data.cohort import Cohort
from rollcall.report.catalogue import read_risk
from rollcall.risk import Risk
from rollcall.runs.derived.tables import read_table
from rollcall.runs.listing import open_cohort
from rollcall.runs.run import Run
from rollcall.util.errors import InputError


@dataclass(frozen=True)
class Unit:
    """What a figure of counts asks of a cohort, where the cohort itself is not at hand.

    patients: as many as there are; attributes: some, as whether there are groups the tables say.
    """

    unit: str
    patients: Sequence = ()
    attributes: Sequence[str] = ()


@dataclass(frozen=True)
class StoredAttack:
    """What figures ask of an attack, as it is stored."""

    risk: Risk


@dataclass(frozen=True)
class StoredRun:
    """A finished run; data: the folder of prepared cohorts."""

    run: Run
    data: Path

    @cached_property
    def attacked(self) -> StoredAttack:
        """The stored attack; InputError says which notebook makes it, where it is not there."""
        return StoredAttack(read_risk(self.run))

    @cached_property
    def groups(self) -> pd.DataFrame:
        return read_table(self.run, "shown_groups")

    @cached_property
    def cohort(self) -> Cohort | Unit:
        """The run's cohort as it is prepared; where it is not on this machine, its unit alone."""
        return open_cohort(self.run, self.data) or Unit(
            self.run.unit, range(self.run.config["patients"]), ("any",)
        )

    @property
    def whole(self) -> Cohort:
        """The run's cohort; InputError where it is not prepared on this machine."""
        if isinstance(self.cohort, Unit):
            raise InputError(
                f"{self.data}: no prepared cohort that {self.run.path} was made from, and this "
                "figure shows its records; name the folder with --data, or run 2_attack again"
            )
        return self.cohort
