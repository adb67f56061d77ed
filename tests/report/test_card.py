"""The model card: what it holds, and that it hides what the report hides."""

import numpy as np
import pandas as pd
import pytest

from rollcall.report.card import make_card, write_card
from rollcall.report.words.comparing import find_worst_group
from tests.report.words.test_sentences import NOBODY, find, groups


def rows_of(card: str) -> dict[str, str]:
    """The table of a card, by its first column."""
    lines = [line.strip("|").split(" | ") for line in card.splitlines() if line.startswith("| ")]
    return {what.strip(): value.strip() for what, value in lines[1:]}


def test_a_card_says_what_matters():
    floor = np.linspace(0.4, 0.6, 101)
    findings = find(skill=0.71, groups=groups({}, {"group": "C", "ratio_within": 2.0}))
    card = write_card(
        findings, title="simulated", models="64 x mlp", seed=3, seen=0.93, floor=floor, version="1"
    )
    assert card.startswith("# Model card: simulated\n")
    assert rows_of(card) == {
        "Models": "64 x mlp",
        "AUROC, patients seen in training": "0.930",
        "AUROC, patients not seen": "0.710",
        "Exposed patients": "89 of 2,000, 4.45% (77 to 102)",
        "Of these there by chance": "about 3; with 95% confidence at most 14",
        "Noise floor": "95% of patients of whom nothing can be told have an AUC below 0.59",
        "Most exposed group": "race 'B': 5.5 times as often as all others at the same label "
        "(3.0 to 9.0; Holm-adjusted p 0.001)",
        "Average attack (LiRA, AUC over all records)": "0.539",
        "Seed": "3",
        "Rollcall": "1",
    }
    assert "## Decision" not in card
    assert (
        "of the same patients.\n\n## What is left of the risk\n\n- Who runs such a model: " in card
    )
    assert "- The people whose data these are: Someone who already has your record may" in card
    assert "## What this does not mean\n\n- Picked out is not identified." in card


@pytest.mark.parametrize("exposed", range(1, 10))
def test_a_few_are_one_text(exposed):
    """Whatever there is from 1 to 9, a card is the same text, and compares no groups."""
    risk = {"exposed": exposed, "exposed_low": exposed / 2, "exposed_high": 2.0 * exposed}
    card = write_card(find(risk, groups=groups({})), title="a")
    first = write_card(find({"exposed": 1}, groups=groups({})), title="a")
    assert card == first
    rows = rows_of(card)
    assert rows["Exposed patients"] == "fewer than 10 of 2,000"
    assert "Of these there by chance" not in rows
    assert rows["Most exposed group"] == "too few are exposed to compare groups"


@pytest.mark.parametrize(
    ("risk", "text"),
    [
        (NOBODY, "0 of 2,000 (0 to fewer than 10)"),
        (NOBODY | {"power_99": 0.5}, "not enough models to tell: none of 2,000 is named"),
        ({"exposed": 1995}, "all but fewer than 10 of 2,000"),
        ({"exposed": 2000, "exposed_high": 2000.0}, "2,000 of 2,000, 100.00% (77 to 2,000)"),
        ({"exposed": 12, "exposed_low": 6.2}, "12 of 2,000, 0.60% (fewer than 10 to 102)"),
    ],
)
def test_the_exposed_by_cases(risk, text):
    assert rows_of(write_card(find(risk), title="a"))["Exposed patients"] == text


def test_a_failed_control_takes_the_numbers_away():
    findings = find(control="failed", control_auc=(0.6, 0.55, 0.65), groups=groups({}))
    rows = rows_of(write_card(findings, title="a"))
    assert "failed: membership can be told without a model" in rows["Control"]
    assert not {"Exposed patients", "Most exposed group"} & set(rows)


def test_another_smallest_cell_and_unit():
    rows = rows_of(write_card(find({"exposed": 7}, smallest=5, unit="stay"), title="a"))
    assert rows["Exposed stays"].startswith("7 of 2,000")
    rows = rows_of(write_card(find({"exposed": 7}, smallest=8), title="a"))
    assert rows["Exposed patients"] == "fewer than 8 of 2,000"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"p_adjusted": 0.2}, "none beyond chance"),
        ({"within_low": 0.9}, "none beyond chance"),
        ({"ratio_within": np.nan}, "none can be compared"),
        ({"is_outcome": True}, "none can be compared"),
        ({"intersection": True}, "none can be compared"),
    ],
)
def test_a_group_must_be_beyond_chance(changes, text):
    assert find_worst_group(groups(changes)) is None
    card = write_card(find(groups=groups(changes)), title="a")
    assert rows_of(card)["Most exposed group"].startswith(text)


def test_the_worst_group_is_the_largest_clear_ratio():
    table = groups({"group": "A"}, {"group": "B", "ratio_within": 7.0, "p_adjusted": 0.3}, {})
    assert find_worst_group(table)["group"] == "A"
    assert find_worst_group(None) is None
    assert find_worst_group(pd.DataFrame()) is None


def test_names_are_text_and_no_markup():
    hostile = "a|b\n# <script>[x](y)`*"
    table = groups({"attribute": hostile, "group": hostile})
    card = write_card(find(groups=table), title=hostile, verdict=[hostile], notices=[hostile])
    assert "<script>" not in card
    assert len([line for line in card.splitlines() if line.startswith("#")]) == 4
    assert len(rows_of(card)) == 9
    assert all(r"\|" in line for line in card.splitlines() if "script" in line)


def test_the_card_of_a_run(tmp_path, tiny, invent):
    study = invent(tmp_path / "r", tiny, targets=8)
    study.attack()
    study.disparity()
    rows = rows_of(make_card(study.run, tiny, ["FAIL: too many"]))
    assert rows["Models"] == "8 x mlp"
    assert rows["AUROC, patients seen in training"] == "0.900"
    assert rows["AUROC, patients not seen"] == "0.735"
    assert "- FAIL: too many" in make_card(study.run, tiny, ["FAIL: too many"])
