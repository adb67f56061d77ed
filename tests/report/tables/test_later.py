"""What may leave of the later records: no effect of few patients, and none that follows."""

import numpy as np
import pandas as pd

from rollcall.report.figures.experiments.later import later_effects
from rollcall.report.tables.later import (
    describe_later,
    effects_table,
    groups_table,
    hide_few,
    named_table,
)

KINDS = ("same outcome", "changed outcome", "mixed before", "all")


def make_effects(patients=(500, 40, 7, 520)):
    rows = []
    for split in ("time", "chance", "difference"):
        for kind, number in zip(KINDS, patients, strict=True):
            row = {"split": split, "kind": kind, "patients": number, "records": number + 1}
            for measure, mean in (("loss", 0.02), ("wrong", 1.5)):
                row |= {measure: mean, f"{measure}_low": mean / 2, f"{measure}_high": mean * 2}
            rows.append(row | {"unknown": 20.0})
    return pd.DataFrame(rows)


NAMED = pd.DataFrame(
    [
        {"split": "time", "direction": direction, "patients": 520, "count": count, "low": 0.0}
        | {"high": 50.0, "by_chance": 1.2, "at_most_false": 3, "rounds": 100, "missed": 4}
        | {"redrawn_named": 0.1}
        for direction, count in (("harmed", 31), ("helped", 4))
    ]
)


def test_few_are_hidden_and_what_would_give_them_away():
    shown = hide_few(make_effects(), 10).set_index(["split", "kind"])
    for split in ("time", "chance", "difference"):
        assert np.isnan(shown.loc[(split, "mixed before"), "loss"])
        assert np.isnan(shown.loc[(split, "changed outcome"), "wrong_low"])
        assert shown.loc[(split, "same outcome"), "loss"] == 0.02
        assert shown.loc[(split, "all"), "patients"] == 520
    assert hide_few(make_effects(), 3)["loss"].notna().all()
    table = effects_table(make_effects()).rows
    assert table is not None
    assert (table.loc[table["outcome"] == "mixed before"].iloc[:, 2:] == "–").all(axis=None)


def test_counts_of_named_patients_are_shown_from_ten_on():
    rows = named_table(NAMED).rows
    assert rows is not None
    assert rows["patients named"].tolist() == ["31", "fewer than 10"]
    assert rows["by chance"].tolist() == ["1", "–"]
    assert "all 100" not in named_table(NAMED).caption


def test_groups_are_protected():
    rng = np.random.default_rng(0)
    sites = pd.Categorical(["A"] * 100 + ["B"] * 95 + ["C"] * 5)
    attributes = pd.DataFrame({"site": sites})
    groups = make_effects((100, 95, 5, 5)).iloc[:3].drop(columns=["split", "kind", "unknown"])
    groups = groups.assign(attribute="site", group=["A", "B", "C"], changed=[50, 50, 1])
    for name in ("loss", "loss_low", "loss_high"):
        groups[f"changed_{name}"] = groups[name]
    table = groups_table(groups, attributes, {"changed": rng.random(200) < 0.5})
    assert table.rows is not None
    assert "C" not in table.rows["group"].tolist()
    assert len(table.rows) < 2  # two groups beside the total would give the third away


def test_sentences_say_more_or_fewer_with_their_interval():
    text = " ".join(describe_later(make_effects(), NAMED))
    assert "1.50 more (0.75 to 3.00) are misjudged" in text
    assert "31 of 520 patients" in text
    assert "+0.0200" in text
    fewer = make_effects()
    fewer[["wrong", "wrong_low", "wrong_high"]] = [-1.5, -2.0, 0.5]
    assert "1.50 fewer (-0.50 to 2.00)" in " ".join(describe_later(fewer, NAMED))


def test_the_figure_has_three_panels_and_no_step_of_few():
    effect = np.linspace(-1, 2, 57)
    patients = pd.DataFrame({"effect": effect, "redrawn": effect[::-1] / 3})
    figure = later_effects(make_effects(), patients)
    assert figure.drawing is not None
    assert len(figure.drawing.axes) == 3
    assert "same outcome +0.0200" in figure.alt
    assert "changed outcome +" not in figure.alt
    curve = figure.drawing.axes[2].lines[0].get_ydata()
    assert len(curve) == 5
