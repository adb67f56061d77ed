import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.report.explorer import threshold
from rollcall.report.explorer.widgets import clean
from rollcall.report.gate import HIDDEN
from tests.report.explorer.made_up import make_opened


def test_counts_are_those_of_a_naive_count(opened):
    steps = threshold.count_above(opened)
    assert len(steps) > 3
    assert (np.diff(steps["risk"]) > 0).all()
    for step in steps.to_dict("records"):
        assert step["patients"] == (opened.auc >= step["risk"] - 1e-9).sum()
        share = (opened.floor >= step["risk"] - 1e-9).mean()
        assert step["chance"] == pytest.approx(share * len(opened.auc))


@given(st.lists(st.floats(0, 1), min_size=20, max_size=80), st.integers(3, 12))
def test_no_two_positions_set_few_patients_apart(values, smallest):
    """Neither two thresholds nor a threshold and its end: whoever moves the slider sees none."""
    opened = make_opened(values, smallest=smallest)
    counts = [*threshold.count_above(opened)["patients"], 0]
    exposed = int(opened.patients["exposed"].sum())
    if exposed:  # whose number the report has: they may be those with the highest risks
        assert all(abs(count - exposed) not in range(1, smallest) for count in counts[:-1])
    for place, count in enumerate(counts):
        others = [abs(count - other) for other in counts[place + 1 :]]
        assert all(apart >= smallest for apart in others)


def test_sentences_say_the_numbers():
    opened = make_opened(np.append(np.linspace(0.3, 0.7, 160), np.full(40, 0.9505)))
    steps = threshold.count_above(opened)
    words = threshold.write_step(opened, steps.iloc[-1].to_dict())
    assert words.startswith("At a risk of 0.950 or more: 40 of 200 patients (20%).")
    assert "about 0 there: fewer than 1 in 100 of those who are there" in words
    assert "about 40 have a true risk that high (95% interval 32 to 48)" in words


def test_where_chance_explains_all_nobody_stands_out():
    assert "nobody stands out" in threshold.write_false(50, 50)
    assert "10 in 100" in threshold.write_false(5, 50)


def test_few_true_risks_are_not_counted():
    opened = make_opened(np.linspace(0.2, 0.8, 100))
    few = opened.survival.assign(patients=4.0, low=1.0, high=9.0)
    assert threshold.count_above(replace(opened, survival=few))["true"].isna().all()


def test_groups_are_those_that_the_report_shows(opened):
    choices, cuts = threshold.list_choices(opened), threshold.list_cuts(opened)
    assert next(iter(choices)) == threshold.DIFFERENT
    assert len(choices) > 1
    for _, cut in cuts.iterrows():
        assert cut["top"] >= opened.run.smallest_cell
        for groups in choices.values():
            for row in threshold.tell_groups(opened, groups, cut):
                inside = row["inside"]
                assert inside == HIDDEN or int(inside.split(" of ")[0].replace(",", "")) not in (
                    range(1, opened.run.smallest_cell)
                )
                if inside == HIDDEN:
                    assert row["times"] == HIDDEN
                    assert np.isnan(row["ratio"])


def test_a_group_that_is_hidden_in_the_table_is_hidden_here(opened):
    groups = opened.groups.head(1)[["attribute", "group", "patients", "is_outcome"]]
    cuts = threshold.list_cuts(opened)
    hidden = opened.cutoffs.assign(**dict.fromkeys(("inside", "ratio", "ratio_low"), np.nan))
    (row,) = threshold.tell_groups(replace(opened, cutoffs=hidden), groups, cuts.iloc[-1])
    assert (row["inside"], row["times"]) == (HIDDEN, HIDDEN)


def test_runs_without_groups_have_a_curve_all_the_same():
    shown = threshold.show_threshold(make_opened(np.linspace(0.2, 0.99, 300)))
    assert shown["groups"] == {}
    assert shown["cut_of"] == []
    assert len(shown["sentences"]) == len(shown["steps"]["risk"]) == len(shown["short"])


def test_what_is_sent_to_the_browser_is_json_without_ids(opened):
    sent = json.dumps(clean(threshold.show_threshold(opened)), allow_nan=False)
    for patient_id in opened.ids.astype(str)[:20]:
        assert f'"{patient_id}"' not in sent


def test_the_start_is_near_where_patients_are_named_and_no_patients_risk():
    opened = make_opened(np.linspace(0.2, 0.99, 300))
    exposed = opened.auc[opened.patients["exposed"]]
    start = threshold.choose_threshold(opened)
    assert start == pytest.approx(exposed.min(), abs=0.06)
    assert start in threshold.list_steps(opened)[0]
    assert threshold.choose_threshold(opened, 0.6) == 0.6
    nobody = make_opened(np.linspace(0.2, 0.8, 300))
    assert threshold.choose_threshold(nobody) == 0.75
    risks = pd.Series([0.5, 0.6, 0.8])
    assert threshold.start_at(nobody, 0.0, risks) == 2
