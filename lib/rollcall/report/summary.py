"""TODO."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rollcall.audit import Audit
from rollcall.runs import run as _run
from rollcall.runs.run import read_table

SIMULATED = "Simulated data: a rehearsal. Every patient and every value here is invented; no number below says anything about real people."


def summary(run: _run.Run) -> list[str]:
    """The three sentences that matter, from the tables of a finished run."""
    attacked, patients, floor, sure = (
        read_table(run, name) for name in ("attacks", "patients", "floor", "risk")
    )
    exposed, total, units = int(patients["exposed"].sum()), len(patients), f"{run.unit}s"
    passes = len(floor) / total
    high, null = (
        int((patients["auc_joint"] >= 0.9).sum()),
        float((floor["auc_joint"] >= 0.9).sum()) / passes,
    )
    area = attacked.groupby(["attack", "variant"])["auc"].mean()
    return [
        f"{exposed:,} of {total:,} {units} are exposed (95% interval {sure['exposed_low'][0]:,.0f} to {sure['exposed_high'][0]:,.0f}): "
        f"whether they were in the training set can be told, at a false-discovery rate of 5% "
        f"({high:,} have an AUC of 0.9 or more, where the noise floor has {null:.2g}).",
        f"The average {'hides it' if exposed else 'agrees'}: over all records LiRA has an AUC of {area['LiRA', 'online']:.3f} and RMIA of "
        f"{area['RMIA', 'online']:.3f}, where 0.5 is guessing.",
        *(
            [_third(read_table(run, "disparity"), units)]
            if run.file("disparity.parquet").exists()
            else []
        ),
    ]


def _third(groups: pd.DataFrame, units: str) -> str:
    """The sentence on groups."""
    found = groups[
        (groups["p_adjusted"] < 0.05) & (groups["risk_ratio"] > 1) & ~groups["intersection"]
    ]
    if len(found):
        worst = found.sort_values("risk_ratio", ascending=False).drop_duplicates("attribute")
        times = [
            f"with {row['attribute']} {row['group']!r} are "
            + (
                f"{row['risk_ratio']:.1f} times (95% interval {row['ci_low']:.1f} to {row['ci_high']:.1f})"
                if np.isfinite(row["risk_ratio"])
                else f"more than {row['ci_low']:.1f} times"
            )
            for _, row in worst.head(2).iterrows()
        ]
        return f"{units.capitalize()} {', and those '.join(times)} as likely as all others to be among the most exposed 1% (Holm-adjusted p < 0.05)."
    return f"No group of {len(groups)} is over-represented among the most exposed 1% beyond chance (smallest p = {groups['p_adjusted'].min():.2g} after Holm)."


def _models(run: _run.Run, unit: str) -> str:
    if "recipe" not in run.config:
        return f"{run.targets}, trained elsewhere"
    recipe = run.recipe
    return (
        f"{run.targets} x {recipe.model}, each trained on a random half of the {unit}s: {recipe.epochs} epochs, batch {recipe.batch}"
        f"{f' x {recipe.accumulate}' if recipe.accumulate > 1 else ''}, {recipe.optimiser}, "
        f"learning rate {recipe.learning_rate:g}, weight decay {recipe.weight_decay:g}"
    )


def facts(audit: Audit) -> dict[str, str]:
    """What a reader of the report should know about the run: the data, the models, the versions."""
    run, cohort, config = audit.run, audit.cohort, audit.run.config
    return {
        "Cohort": f"{cohort.name}: {len(cohort):,} records of {len(cohort.patients):,} {cohort.unit}s, {cohort.task}. {cohort.source}",
        "Held-out test set": f"{len(cohort.test):,} records of {len(cohort.test.patients):,} {cohort.unit}s"
        if cohort.test is not None
        else "none",
        "Notes on the data": "; ".join(cohort.notes) or "none",
        "Target models": _models(run, cohort.unit),
        "Seed, scores": f"{run.seed}, {config['scores']}",
        "Cohort fingerprint": cohort.fingerprint[:16],
        "Versions, hardware": ", ".join(
            f"{name} {version}" for name, version in config["versions"].items()
        )
        + f"; {config['hardware']['cores']} cores, {config['hardware']['machine']}",
        "Started": config["started"],
    }
