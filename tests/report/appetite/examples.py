"""Made-up audits and files of thresholds."""

import numpy as np
import pandas as pd

from rollcall.report.appetite.results import Evidence
from tests.report.words.test_sentences import find

FILE = """\
set_by = "A. Example"
role = "data protection officer"
date = 2024-03-01
system = "Readmission risk, version 3"
purpose = "support of discharge planning"
channel = "weights, to two partner hospitals"
smallest_cell = 10

[thresholds]
exposed_patients = 110
"""
AUCS = np.round(np.arange(0.5, 0.995, 0.01), 2)


def write_file(*changes, thresholds=None) -> str:
    """The file with lines replaced (by their key) or removed (None); or with other thresholds."""
    lines = FILE.splitlines()
    for key, value in changes:
        lines = [line for line in lines if not line.startswith(f"{key} =")]
        if value is not None:
            lines.insert(lines.index("[thresholds]"), f"{key} = {value}")
    if thresholds is not None:
        lines = lines[: lines.index("[thresholds]") + 1]
        lines += [f"{key} = {value}" for key, value in thresholds.items()]
    return "\n".join(lines) + "\n"


def make_survival(reach=0.9, patients=2000):
    """A curve on which 70 patients or so have a true AUC up to `reach`, and nobody beyond."""
    count = np.where(reach + 1e-9 >= AUCS, np.maximum(patients * (1 - AUCS) / 3, 70), 0.1)
    low, high = count - 2 * np.sqrt(count), count + 2 * np.sqrt(count) + 3
    low = np.maximum(np.where(count > 1, low, 0), 0)
    columns = {"auc": AUCS, "patients": count, "low": low, "high": np.minimum(high, patients)}
    return pd.DataFrame(columns)


def make_evidence(risk=None, lira=0.54, error=0.01, survival=None, has_groups=True, **others):
    """What an audit of 2,000 patients with 89 exposed has measured, with changes."""
    survival = make_survival() if survival is None else survival
    return Evidence(find(risk, **others), survival, lira, error, has_groups)
