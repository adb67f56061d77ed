"""What an attack on a published model gives: its tables, figures and sentences."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rollcall.experiments.open_models import ranking
from rollcall.experiments.release import words
from rollcall.experiments.release.assess import Release
from rollcall.util.errors import unknown_name

if TYPE_CHECKING:
    from IPython.display import HTML

RANKINGS = ("statistic", "rmia", "expected")
FIGURES = ("few_references", "open_ranking", "open_designs")


@dataclass(frozen=True)
class OpenModels:
    """What `attack_open_model` gives.

    checks     of each number of references, the release check in the sound design
    ranking    a row for each number of references and ranking: what compare_rankings gives, over
               the members; whole (Spearman's over members and outsiders); empty without an audit
    exposure, exposed   (n,): what the audit gives the patients of the checks, or None
    ceiling    the most that a ranking could correlate with the audit; NaN without one
    targets    of the audit
    designs, controls   tables of compare_designs and repeat_control; empty with a published model
    labels     that cohort and models share
    """

    checks: dict[int, Release]
    ranking: pd.DataFrame
    exposure: np.ndarray | None
    exposed: np.ndarray | None
    ceiling: float
    targets: int
    designs: pd.DataFrame
    controls: pd.DataFrame
    labels: tuple[str, ...]
    folder: Path
    smallest_cell: int

    def list_checks(self) -> pd.DataFrame:
        """List what each number of references says, a row each."""
        return pd.DataFrame(
            [
                {
                    "references": count,
                    "auc": release.auc,
                    "auc_low": release.auc_low,
                    "auc_high": release.auc_high,
                    "named": release.named,
                    "members": release.members,
                    "above": release.outsiders_above,
                    "outsiders": release.outsiders,
                    "traced_low": release.traced_low,
                    "blind": release.control.auc,
                    "p": release.control.p,
                }
                for count, release in self.checks.items()
            ]
        )

    def show(self, name: str) -> HTML:
        """Draw few_references, open_ranking or open_designs, save it in <out>/<cohort>/figures."""
        from rollcall.report import style
        from rollcall.report.registry.kept import show_kept

        if name not in FIGURES:
            raise unknown_name("figure", name, FIGURES)
        arguments = self._list_arguments(name)
        if not arguments:
            return style.show_sentences([f"{name}: nothing to draw of a published model."])
        made_from = {"checks": self.list_checks().to_json(), "cell": self.smallest_cell}
        return show_kept(name, self.folder, made_from, **arguments)

    def _list_arguments(self, name: str) -> dict[str, Any]:
        """List what a figure is drawn from; empty if it cannot be drawn."""
        smallest, best = self.smallest_cell, self.checks[max(self.checks)]
        if name == "few_references":
            curves = [
                ranking.draw_roc(
                    release.patients["statistic"].to_numpy(),
                    release.patients["member"].to_numpy(bool),
                    smallest,
                ).assign(references=count)
                for count, release in self.checks.items()
            ]
            return {
                "curves": pd.concat(curves),
                "areas": self.list_checks(),
                "smallest": smallest,
            }
        if self.exposed is None:
            return {}
        if name == "open_designs":
            return {"designs": self.designs, "controls": self.controls}
        inside = best.patients["member"].to_numpy(bool)
        curves = [
            ranking.draw_caught(
                best.patients[each].to_numpy()[inside], self.exposed[inside], smallest
            ).assign(ranking=each)
            for each in RANKINGS
        ]
        return {
            "curves": pd.concat(curves),
            "table": self.ranking,
            "ceiling": float(self.ceiling),
            "targets": int(self.targets),
        }

    def table(self, name: str) -> HTML:
        """Return the table checks, ranking or designs, with its caption."""
        from rollcall.report.tables import open_models as tables
        from rollcall.report.tables.showing import show_table

        made = {
            "checks": lambda: tables.checks_table(self.list_checks(), self.smallest_cell),
            "ranking": lambda: tables.ranking_table(self.ranking, self.ceiling, self.targets),
            "designs": lambda: tables.designs_table(
                self.designs, self.controls, self.smallest_cell
            ),
        }
        if name not in made:
            raise unknown_name("table", name, made)
        return show_table(made[name]())

    def summary(self) -> list[str]:
        """Write what the check with most references says, in sentences."""
        return words.write_sentences(self.checks[max(self.checks)], self.smallest_cell)

    def say(self) -> HTML:
        """Return the sentences of `summary` for a notebook."""
        from rollcall.report import style

        return style.show_sentences(self.summary())
