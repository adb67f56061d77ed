"""What a run's tables say, gathered for the sentences; notices."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from rollcall.report.words.facts import (
    clean_note,
    clean_notes,
    describe_privacy,
    list_facts,
    write_notices,
)
from rollcall.report.words.findings import gather_findings, summarise_run
from rollcall.runs.run import Run, open_run
from rollcall.runs.sealed import write_sealed
from tests.report.words.test_sentences import RISK, groups
from tests.runs.stamping import replace_table, write_inputs, write_tables


@pytest.fixture
def run(tmp_path):
    """A run of 200 patients, 12 of them exposed."""
    attacks = [("LiRA", "online", 0.6), ("LiRA", "online", 0.7), ("RMIA", "online", 0.55)]
    columns = {"attack": ["blind"], "variant": ["no model"], "auc": [0.5], "auc_se_two_way": [0.01]}
    tables = {
        "attacks": pd.DataFrame(attacks, columns=["attack", "variant", "auc"]),
        "pooled": pd.DataFrame(columns),
        "risk": pd.DataFrame([RISK | {"exposed": 12}]),
    }
    config = {"fingerprint": "0" * 64, "patients": 200, "targets": 16, "seed": 0, "recipe": {}}
    config |= {"cohort": "made up", "records": 200, "scores": "exact", "started": ""}
    config |= {"versions": {}, "hardware": {"cores": 1, "machine": ""}}
    write_sealed(tmp_path / "run.json", config)
    run = open_run(tmp_path)
    write_inputs(run)
    write_tables(run, tables)
    return run


class Sized(SimpleNamespace):
    """A cohort of `size` records."""

    def __len__(self):
        return self.size


def make_cohort(unit="patient", patients=200):
    return SimpleNamespace(unit=unit, patients=range(patients), attributes=("race",))


def test_findings_are_means_over_targets(run):
    findings = gather_findings(run, make_cohort())
    assert (findings.patients, findings.targets, findings.unit) == (200, 16, "patient")
    assert findings.lira == pytest.approx(0.65)
    assert findings.rmia == pytest.approx(0.55)
    assert findings.risk == RISK | {"exposed": 12}
    assert findings.groups is None


def test_groups_are_those_that_may_be_shown(run):
    write_tables(run, {"disparity": groups({"group": "raw"})})
    assert gather_findings(run, make_cohort()).groups is None
    replace_table(run.path, "shown_groups", groups({}))
    assert gather_findings(run, make_cohort()).groups["group"].tolist() == ["B"]
    without = SimpleNamespace(unit="patient", patients=range(200), attributes=())
    assert gather_findings(run, without).groups is None


def test_the_smallest_cell_is_that_of_the_run(run):
    few = Run(run.path, run.config | {"smallest_cell": 20})
    assert summarise_run(few, make_cohort())[0].startswith("Fewer than 20 of 200 patients are")


@pytest.mark.parametrize(
    ("note", "expected"),
    [
        ("race: missing for 2,273 stays", "race: missing for some stays"),
        ("age: missing for fewer than 10 records", "age: missing for some records"),
        ("3 records dropped: sex is Unknown", "fewer than 10 records dropped: sex is Unknown"),
        (
            "test: 20 records of 4 other patients (valid.csv)",
            "test: 20 records of fewer than 10 other patients (valid.csv)",
        ),
        ("test set: 12 records of 11 patients, fold 10", None),
        ("labels: 8 are uncertain (-1)", "labels: fewer than 10 are uncertain (-1)"),
        ("patients, of whom 2 are in the pool", "patients, of whom fewer than 10 are in the pool"),
        ("patients: 60 found, 48,821 in the publisher's release", None),
        ("exams: 7 found, 9 elsewhere", "exams: fewer than 10 found, 9 elsewhere"),
        ("this is version 1.0.1; none of the 14; 0 records dropped", None),
    ],
)
def test_notes_hold_no_small_counts(note, expected):
    assert clean_note(note) == (expected or note)


def test_what_was_found_does_not_tell_how_few_were_left_out():
    """209 visits are used: 224 less 12 less 209 are 3."""
    notes = [
        "visits: 224 found, 418,007 elsewhere",
        "12 visits left out: x",
        "3 visits left out: y",
    ]
    said = clean_notes(notes)
    assert said[0] == "visits: another number found, 418,007 elsewhere"
    assert said[2] == "fewer than 10 visits left out: y"
    assert clean_notes(notes[:2]) == notes[:2]


@pytest.mark.parametrize(
    ("more", "expected"),
    [(0, "200 records of 200 patients"), (3, "200 patients, fewer than 10 records more")],
)
def test_that_few_have_several_records_is_not_had_by_subtraction(more, expected):
    words = {"name": "own", "task": "binary", "source": "", "fingerprint": "", "unit": "patient"}
    cohort = Sized(patients=range(200), size=200 + more, test=None, notes=(), **words)
    config = {"versions": {}, "hardware": {"cores": 2, "machine": "x"}, "started": "", "scores": ""}
    run = SimpleNamespace(
        config=config, targets=16, seed=0, smallest_cell=10, file=Path("no").joinpath
    )
    assert list_facts(run, cohort)["Cohort"].startswith(f"own: {expected}, binary")


def test_what_private_training_promises_is_said():
    terms = {"unit": "patient", "clip": 1.0, "noise_multiplier": 0.917, "rate": 0.0286}
    terms |= {"steps": 1750, "promised": 2.999, "delta": 1.4e-5, "tried": 1, "accountant": "dp 1"}
    assert describe_privacy(terms) == (
        "epsilon 3 at delta 1.4e-05, of one patient, with all records, for one target and whoever "
        "sees nothing but that target (clip 1, noise 0.917 clips, each patient of the half taken "
        "at the rate 0.0286 in each of 1,750 steps; dp 1)."
    )
    several = describe_privacy(terms | {"tried": 4, "promised_together": 6.31})
    assert several.endswith(" All 4 settings that were tried: 6.31 together.")
    assert describe_privacy(terms | {"promised": "inf", "unit": "record"}).startswith(
        "none promised: records are clipped, and there is no noise (clip 1"
    )


def test_the_sentences_are_of_the_run(run):
    sentences = summarise_run(run, make_cohort("lesion"))
    assert sentences[0].startswith("12 of 200 lesions are exposed")
    assert "LiRA has an AUC of 0.650 and RMIA of 0.550" in sentences[-1]


def test_notices(tiny):
    assert write_notices(replace(tiny, name="own")) == []
    (demo,) = write_notices(tiny)
    (rehearsal,) = write_notices(replace(tiny, simulated=True))
    assert demo.startswith("A demo with invented patients")
    assert rehearsal.startswith("Simulated data: a rehearsal")
    (sentence,) = write_notices(SimpleNamespace(simulated=False, unit="image", name="a", source=""))
    assert sentence.endswith("below, a patient is one image.")


def test_a_failed_control_is_said_first(run):
    pooled = {"attack": ["blind"], "variant": ["no model"], "auc": [0.6], "auc_se_two_way": [0.01]}
    replace_table(run.path, "pooled", pd.DataFrame(pooled))
    assert summarise_run(run, make_cohort())[0].startswith("The control failed: ")
