"""Which records are shown: an exposed one beside an ordinary one, none of a restricted cohort."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from rollcall.report.examples import (
    list_most_exposed,
    pick_at_random,
    pick_examples,
    show_most_exposed,
    split_scores,
)
from rollcall.report.style import Figure
from rollcall.report.tables.showing import Table, show_table
from rollcall.risk import assess_risk
from rollcall.stats.members import draw_members
from rollcall.util.errors import InputError

LEAKS = 7  # the patient whose scores give membership away


@pytest.fixture(scope="module")
def members(tiny):
    return draw_members(16, len(tiny.patients), 0)


@pytest.fixture(scope="module")
def scores(tiny, members):
    scores = np.random.default_rng(0).normal(size=(16, len(tiny))).astype(np.float32)
    scores[:, tiny.patient_index == LEAKS] += 9 * members[:, [LEAKS]]
    return scores


@pytest.fixture(scope="module")
def risk(tiny, members, scores):
    return assess_risk(scores, members, tiny.patient_index, tiny.patients, 0, draws=2000)


def test_the_first_example_is_the_most_exposed_patient(tiny, members, scores, risk):
    picked = pick_examples(tiny.patient_index, risk)
    records = [record for _, record in picked]
    assert tiny.patient_index[records[0]] == LEAKS
    (title, in_scores, out_scores), (other_title, *_) = split_scores(
        scores[:, records], members, tiny.patient_index, picked
    )
    assert title.startswith("the most exposed patient: record AUC")
    assert other_title.startswith("an ordinary patient: record AUC")
    assert len(in_scores) == len(out_scores) == 8
    assert in_scores.min() > out_scores.max()


def test_the_most_exposed_come_first_without_ids(tiny, risk):
    records, rows = list_most_exposed(tiny, risk, 5)
    assert len(records) == len(rows) == 5
    assert tiny.patient_index[records[0]] == LEAKS
    assert len(set(tiny.patient_index[records])) == 5
    assert rows["patient AUC"].is_monotonic_decreasing
    assert list(rows) == ["patient AUC", "record AUC", *tiny.attributes]
    ids = set(tiny.records["patient_id"])
    assert not any(set(rows[column].astype(str)) & ids for column in rows)


def test_images_are_drawn(tiny, risk):
    figure = show_most_exposed(tiny, risk, 3)
    assert isinstance(figure, Figure)
    assert len(figure.drawing.axes) == 6, "as many at random below"
    assert figure.alt.startswith("3 pictures")


def test_records_at_random_are_others_and_the_same_again():
    taken = np.array([1, 5, 7])
    others = pick_at_random(20, taken, 8)
    assert len(set(others.tolist()) - set(taken.tolist())) == 8
    assert (others == pick_at_random(20, taken, 8)).all()
    assert len(pick_at_random(4, taken, 8)) == 3


def test_rows_of_a_table_are_listed(tiny, risk):
    table = replace(tiny, inputs=np.zeros((len(tiny), 4), np.float32))
    shown = show_most_exposed(table, risk)
    assert isinstance(shown, Table)
    assert isinstance(shown.rows, pd.DataFrame)
    assert len(shown.rows) == 8


def test_no_record_of_a_restricted_cohort_is_shown(tiny, risk):
    restricted = replace(tiny, restricted=True)
    with pytest.raises(InputError, match="is restricted: none of its records is shown"):
        list_most_exposed(restricted, risk)
    shown = show_table(show_most_exposed(restricted, risk)).data
    assert shown == "<p>This cohort is restricted: none of its records is shown.</p>"
