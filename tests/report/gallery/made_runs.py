"""Small made-up runs for the gallery: simulated scores, every table, ids that begin "secret"."""

from pathlib import Path

import numpy as np
import pandas as pd

from rollcall import attacks, recipes
from rollcall.paper import panel
from rollcall.report.gallery.runs import TABLES
from rollcall.risk import assess_risk
from rollcall.risk.groups.disparity import compare_groups
from rollcall.risk.groups.listing import list_groups
from rollcall.runs.environment import describe
from rollcall.runs.run import open_run
from rollcall.stats.members import draw_members
from rollcall.stats.moments import compute_moments
from rollcall.util.files import write_json
from tests.runs.stamping import write_inputs, write_tables

GROUPS = {"sex": ["Male", "Female"], "age": ["18-39", "40-59", "60-79"]}
ENDS = {"q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95}


def make_run(
    out: Path,
    dataset: str,
    name: str = "wide",
    *,
    targets: int = 16,
    patients: int = 300,
    groups: dict[str, list[str]] = GROUPS,
    leak: float = 0.8,
    seed: int = 0,
    tables=TABLES,
    **config,
) -> Path:
    """Write a finished run; config: what else its run.json says.

    One to three records a patient; the first group of each attribute leaks more.
    """
    rng = np.random.default_rng(seed)
    index = np.repeat(np.arange(patients), rng.integers(1, 4, patients))
    members = draw_members(targets, patients, seed)
    codes = {
        attribute: rng.choice(
            len(values), patients, p=np.arange(len(values), 0, -1) / sum(range(len(values) + 1))
        )
        for attribute, values in groups.items()
    }
    attributes = pd.DataFrame(
        {
            attribute: pd.Categorical.from_codes(codes[attribute], values)
            for attribute, values in groups.items()
        }
    )
    first_groups = sum((code == 0) for code in codes.values())
    strength = leak * (1 + first_groups) * rng.exponential(1, patients)
    noise = rng.normal(size=(targets, len(index)))
    scores = (noise + (members * strength)[:, index]).astype(np.float32)
    path = out / dataset / name
    path.mkdir(parents=True)
    described = {
        "cohort": dataset,
        "fingerprint": "0" * 64,
        "records": len(index),
        "patients": patients,
        "targets": targets,
        "seed": seed,
        "scores": "exact",
        "recipe": recipes.choose("simulated").asdict(),
        "unit": "patient",
        "simulated": False,
        "finished": "2026-01-01T00:00:00Z",
    }
    write_json(path / "run.json", describe() | described | config)
    run = open_run(path)
    write_inputs(run)
    made = _make_tables(scores, members, index, attributes, seed)
    kept = [table for table in made if table in tables or (tables is TABLES)]
    write_tables(run, {table: made[table] for table in kept})
    return path


def _make_tables(scores, members, index, attributes, seed) -> dict[str, pd.DataFrame]:
    ids = np.array([f"secret{number}" for number in range(members.shape[1])])
    risk = assess_risk(scores, members, index, ids, seed, draws=3000)
    attacked = attacks.run_all(scores, members, index)
    auc = panel.compute_record_auc(compute_moments(scores, members, index))
    by_patient = pd.Series(auc).groupby(index)
    top = auc >= np.quantile(auc, 0.99)
    errors = []
    for count in (10, 25, 50, 100):
        for kind, chosen in (("all", np.ones(len(auc), bool)), ("top", top)):
            error = panel.compute_standard_error(auc[chosen], count, count)
            quantiles = {name: np.quantile(error, end) for name, end in ENDS.items()}
            errors.append({"models": 2 * count, "kind": kind} | quantiles)
    online = attacked.attacks["variant"] == "online"
    online_curve = attacked.roc["variant"] == "online"
    return {
        "attacks": attacked.attacks,
        "roc": attacked.roc,
        "patients": risk.patients,
        "records": risk.records,
        "survival": risk.survival,
        "risk": pd.DataFrame([risk.cohort]),
        "statistic": risk.statistic,
        "floor": risk.floors,
        "shown_groups": compare_groups(
            list_groups(attributes, risk.patients["stratum"].to_numpy()),
            risk.patients,
            attributes,
            risk.statistic,
            members,
        ),
        "paper_records": pd.DataFrame(
            {
                "record": np.arange(len(auc)),
                "patient_id": ids[index],
                "auc": auc,
                "auc_se": panel.compute_standard_error(auc, len(scores) // 2, len(scores) // 2),
            }
        ),
        "paper_patients": pd.DataFrame(
            {
                "patient_id": risk.patients["patient_id"],
                "auc_max": by_patient.max(),
                "auc_mean": by_patient.mean(),
            }
        ),
        "paper_attacks": attacked.attacks[online].drop(columns="variant"),
        "paper_roc": attacked.roc[online_curve].drop(columns="variant"),
        "paper_errors": pd.DataFrame(errors),
        "shown_panel": panel.compute_panel(auc, attributes.iloc[index].reset_index(drop=True)),
    }
