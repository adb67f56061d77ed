"""What a run promises, and its ceilings."""

import json

import numpy as np
import pytest

from rollcall.experiments.defence import ceilings
from rollcall.stats import accounting


class Folder:
    """A run with terms in run.json."""

    def __init__(self, **terms):
        self.path, self.config = None, {"privacy": json.loads(json.dumps(terms))} if terms else {}


@pytest.fixture(autouse=True)
def opened(monkeypatch):
    """open_run gives the folder back, and a ceiling is what it was asked for."""
    folder = {}
    monkeypatch.setattr(ceilings, "open_run", lambda path: folder["run"])
    monkeypatch.setattr(accounting, "compute_auc_ceiling", lambda *mechanism: mechanism)
    return folder


TERMS = {"noise_multiplier": 2.0, "rate": 0.1, "steps": 20, "promised": 1.2, "delta": 1e-5}
TERMS |= {"tried": 3, "promised_together": 2.1}


def test_a_patient_with_many_records_is_promised_less_of_records(opened):
    opened["run"] = Folder(**TERMS, unit="record")
    promise = ceilings.find_promise(opened["run"], 5)
    assert promise["ceiling_record"] == (2.0, 0.1, 20)
    assert promise["ceiling_patient"] == (2.0, 0.1, 20, 5)
    assert (promise["promised"], promise["tried"], promise["promised_together"]) == (1.2, 3, 2.1)


def test_of_patients_one_ceiling_is_for_all(opened):
    opened["run"] = Folder(**TERMS, unit="patient")
    promise = ceilings.find_promise(opened["run"], 5)
    assert promise["ceiling_record"] == promise["ceiling_patient"] == (2.0, 0.1, 20)


@pytest.mark.parametrize("terms", [{}, TERMS | {"noise_multiplier": 0.0, "unit": "record"}])
def test_without_noise_nothing_is_promised(opened, terms):
    opened["run"] = Folder(**terms)
    assert np.isnan(list(ceilings.find_promise(opened["run"], 5).values())).all()
