"""Runs of made-up risks, as the explorer opens them: no file behind them but a run.json."""

from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.report.explorer.opening import Opened
from rollcall.runs.run import Run

CONFIG = {"cohort": "made_up", "targets": 16, "seed": 0, "records": 0, "recipe": {"model": "mlp"}}


def make_opened(auc, exposed=None, smallest=10, seed=0, name="made_up/run", ids=None) -> Opened:
    """Open risks (patients,); the floor is of 20,000 draws around 0.5."""
    auc = np.asarray(auc, float)
    exposed = auc > 0.9 if exposed is None else exposed
    label = np.zeros(len(auc), int)
    patients = {"auc_joint": auc, "exposed": exposed, "label": label}
    patients = pd.DataFrame(patients)
    grid = np.round(np.arange(0.5, 0.995, 0.01), 2)
    count = np.array([(auc >= limit).sum() for limit in grid], float)
    survival = pd.DataFrame({"auc": grid, "patients": count, "low": count * 0.8})
    survival["high"] = count * 1.2
    config = CONFIG | {"patients": len(auc), "records": len(auc), "smallest_cell": smallest}
    floor = np.clip(np.random.default_rng(seed).normal(0.5, 0.12, 20_000), 0, 1)
    floors = pd.DataFrame({"auc_joint": floor})
    run = Run(Path("nowhere"), config)
    empty = pd.DataFrame()
    opened = Opened(name, run, Path("nowhere"), patients, survival, empty, empty, floors)
    vars(opened)["ids"] = np.arange(len(auc)) if ids is None else ids
    return opened
