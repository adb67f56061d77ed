"""Lessons 4 and 5 on diabetes130: found where it is prepared, and what is said of it is so."""

import json
import re
import tomllib

import numpy as np
import pandas as pd
import pytest

from rollcall import datasets
from rollcall.attacks import run_lira
from rollcall.report import lessons
from rollcall.report.gate import protect
from rollcall.report.lessons.asking import WORDS
from rollcall.report.lessons.clinic.people import DRAWN, NAME, find_prepared, open_people
from rollcall.stats.metrics import auc
from tests.conftest import diabetes_rows


@pytest.fixture
def prepared(tmp_path):
    """A folder of prepared cohorts with an invented diabetes130 of 40 patients, 60 stays."""
    root = tmp_path / "release"
    root.mkdir()
    pd.DataFrame(diabetes_rows(40)).to_csv(root / "diabetic_data.csv", index=False)
    datasets.load(NAME, root=root, data=tmp_path / "data")
    return tmp_path / "data"


def test_without_data_the_clinic_takes_their_place(tmp_path):
    people, clinic = open_people(data=tmp_path), lessons.open_clinic()
    assert "not on this machine" in people._repr_html_()
    assert "<code>rollcall audit --cohort diabetes130</code>" in people._repr_html_()
    assert people.owner is clinic.owner
    assert len(people.groups) == len(people.rare) == len(people.race) == 1000


def test_patients_are_drawn_with_all_of_their_stays(prepared):
    people = open_people(patients=30, data=prepared)
    assert "30 of the 40 patients" in people.sentence
    assert len(people.groups) == len(people.rare) == 30
    assert (np.diff(people.owner) >= 0).all()
    assert set(np.bincount(people.owner)) == {1, 2}
    assert people.rare.sum() == len(set(people.owner[people.labels == 1]))
    scores, members = lessons.train_on(people, models=8, units=8)
    assert scores.shape == (8, len(people.labels))
    assert members.shape == (8, 30)


def test_what_is_rehearsed_smaller_or_half_written_is_left_alone(prepared, tmp_path):
    folder = prepared / NAME / "prepared"
    (real,) = (path.parent for path in folder.glob("*/cohort.json"))
    fields = json.loads((real / "cohort.json").read_text())
    for name, changed, stays in (("aa", {"simulated": True}, 900), ("zz", {}, 3)):
        (folder / name).mkdir()
        (folder / name / "cohort.json").write_text(json.dumps(fields | changed))
        np.save(folder / name / "labels.npy", np.zeros(stays, int))
    (folder / "torn").mkdir()
    (folder / "torn" / "cohort.json").write_text('{"simul')
    (folder / "other").mkdir()
    (folder / "other" / "cohort.json").write_text("[]")
    assert find_prepared(folder) == real
    assert find_prepared(tmp_path / "nowhere") is None


def test_what_lessons_say_of_the_real_table(diabetes_release, tmp_path):
    datasets.load(NAME, root=diabetes_release, data=tmp_path)
    people = open_people(data=tmp_path)
    scores, members = lessons.train_on(people, units=people.units)
    had = members[:, people.owner]
    ratios = run_lira(scores, had)
    told = lessons.auc_over_models(lessons.sum_by_patient(ratios, people.owner), members) >= 0.9
    average = np.mean([auc(row, kind) for row, kind in zip(ratios, had, strict=True)])
    assert f"AUC is {average:.2f}" in say(4, "real")
    assert f"{told.sum()} of them" in say(4, "real")
    assert f"{people.rare.sum()} came back" in say(5, "outcome")
    few, many = told[people.rare], told[~people.rare]
    assert f"{few.sum()} of {len(few)} who came back ({few.mean():.0%})" in say(5, "outcome")
    assert f"{many.sum()} of the {len(many):,} others ({many.mean():.1%})" in say(5, "outcome")
    diabetes = (people.groups["diagnosis"] == "Diabetes").to_numpy()
    crude = told[diabetes].mean() / told[~diabetes].mean()
    rare = people.rare[diabetes]
    within = told[diabetes].sum() / (rare.sum() * few.mean() + (~rare).sum() * many.mean())
    assert f"exposed {crude:.1f} times" in say(5, "disguise")
    assert f"About {within:.1f} times." in say(5, "disguise")
    counts = protect(people.groups, {"told": told, "rare": people.rare})
    assert counts["told"].isna().sum() > 5  # there is something to hide
    shown = counts.loc[counts["told"].notna(), ["patients", "told"]]
    assert not shown.isin(range(1, 10)).any(axis=None)
    assert len(people.groups) == DRAWN


def say(number, name):
    asked = tomllib.loads((WORDS / f"lesson{number}.toml").read_text())["predictions"][name]
    return re.sub(r"\s+", " ", " ".join([asked["question"], *asked["options"], asked["because"]]))
