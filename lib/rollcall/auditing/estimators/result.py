"""What an audit of an estimator gives: tables, sentences, a page, a card."""

from __future__ import annotations

import html
import weakref
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.auditing import Audit
from rollcall.data.groups import patient_attributes
from rollcall.util.errors import InputError
from rollcall.util.files import write_bytes


@dataclass(frozen=True, repr=False)
class Audited:
    """Hold a finished audit of an estimator; every table is a copy that may be changed.

    study: its run and cohort, as rollcall.auditing has them, for whoever wants more. name: of the
    estimator, in words. reading: how log odds were read off it, in words.
    """

    study: Audit
    name: str
    reading: str

    def summary(self) -> str:
        """Return the sentences that matter, one a line."""
        return "\n".join(self.study.summary())

    @cached_property
    def _patients(self) -> pd.DataFrame:
        attributes = patient_attributes(self.study.cohort)
        table = self.study.attacked.risk.patients.reset_index(drop=True)
        attributes = attributes.rename(
            columns={name: f"attribute {name}" for name in attributes if name in table}
        )
        return pd.concat([table, attributes], axis=1)

    @property
    def patients(self) -> pd.DataFrame:
        """Return a row per patient: patient_id, AUCs with errors, exposed, attributes.

        Columns as rollcall.risk.assess_risk says.
        """
        return self._patients.copy()

    @property
    def groups(self) -> pd.DataFrame:
        """Return a row per group, compared within label; numbers that may not leave are missing."""
        return self.study.groups.copy()

    @property
    def attacks(self) -> pd.DataFrame:
        """Return a row per attack and variant: mean over models of AUC, error, rates."""
        table = self.study.attacked.attacks.drop(columns="target")
        means = table.groupby(["attack", "variant"], sort=False).mean()
        return means.dropna(axis=1, how="all").reset_index()

    @property
    def performance(self) -> pd.DataFrame:
        """Return a row per model: its seed, seconds, accuracy and AUROC seen and not seen."""
        run, table = self.study.run, self.study.performance().rename(columns={"target": "model"})
        cpu = [run.info(model, "cpu_seconds")["cpu_seconds"] for model in range(run.targets)]
        table.insert(3, "cpu_seconds", cpu)
        return table

    @property
    def scores(self) -> np.ndarray:
        """Return the log odds of each record's own label, float32 (models, records)."""
        return self.study.attacked.scores.copy()

    @property
    def members(self) -> np.ndarray:
        """Return who was in which model's half, bool (models, patients), in `patients`' order."""
        return self.study.run.members()

    def to_html(self, path: str | Path) -> Path:
        """Write the report, one page that needs nothing else, and the same as .json beside it."""
        from rollcall.auditing.estimators.page import write_report

        path = _check_path(path, ".html")
        write_report(self.study, path, self.name)
        return path

    def to_model_card(self, path: str | Path | None = None) -> str:
        """Return a model card in markdown; write it to `path` if there is one."""
        from rollcall.report.card import make_card

        card = make_card(self.study.run, replace(self.study.cohort, name=self.name))
        if path is not None:
            write_bytes(_check_path(path, ".md"), card.encode())
        return card

    def __repr__(self) -> str:
        first = self.study.summary()[0]
        return f"<audit of {self.study.run.targets} x {self.name}: {first}>"

    def _repr_html_(self) -> str:
        from rollcall.report import style
        from rollcall.report.tables.models import performance_table
        from rollcall.report.tables.risk import risk_table
        from rollcall.report.tables.showing import show_table

        study, cell = self.study, self.study.run.smallest_cell
        tables = (
            performance_table(study.performance(), smallest=cell),
            risk_table(study.attacked.risk, study.cohort.unit, cell),
        )
        parts = [style.show_sentences(study.summary()), *map(show_table, tables)]
        return f"<h3>{html.escape(self.name)}</h3>" + "".join(part.data for part in parts)


def keep_until_dropped(result: Audited, stack: ExitStack) -> Audited:
    """Return `result`, at whose end, or the process's, `stack` is closed: its folder goes."""
    weakref.finalize(result.study, stack.close)
    return result


def _check_path(path: str | Path, ending: str) -> Path:
    """Return a path for a file; InputError if it is a folder, or of another kind of file."""
    path = Path(path)
    if path.is_dir() or path.suffix not in (ending, ending[:4]):
        raise InputError(f"{path}: expected the path of a file that ends in {ending}")
    if not path.absolute().parent.is_dir():
        raise InputError(f"{path}: there is no folder {path.parent}; make it, or choose another")
    return path
