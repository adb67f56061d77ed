"""What is computed from the tables of finished runs and the published values."""

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.paper import published
from rollcall.report.gallery import comparison
from rollcall.report.gallery.runs import find_runs
from tests.paper.test_published import rows_of
from tests.report.gallery.made_runs import make_run
from tests.runs.stamping import replace_table


def test_averages(out):
    table = comparison.compare_averages(find_runs(str(out)))
    path = out / "ptb_xl" / "wide"
    row = table.iloc[1]
    values = [
        each["auc"]
        for each in pd.read_parquet(path / "attacks.parquet").to_dict("records")
        if (each["attack"], each["variant"]) == ("LiRA", "online")
    ]
    largest = sorted(pd.read_parquet(path / "paper_patients.parquet")["auc_max"])
    assert len(values) == 16
    assert math.isclose(row["LiRA AUC"], sum(values) / 16)
    assert math.isclose(row["paper's scores"], sum(values) / 16)
    assert math.isclose(row["median patient AUC, paper's"], (largest[149] + largest[150]) / 2)
    assert row["reached by 10"] == math.floor(100 * largest[-10]) / 100
    assert (
        row["published"],
        row["patients, published"],
        row["published median"],
    ) == (0.677, "16,965", 0.623)
    assert not any("largest" in column for column in table)
    lone = comparison.compare_averages(find_runs(str(out), ["chexpert/small one"]))
    assert lone["published"].tolist() == [0.518]


def test_groups_of_a_run_stand_beside_the_panel_and_the_published_shares(out):
    chexpert, ptb_xl = find_runs(str(out)).runs
    table = comparison.compare_groups(ptb_xl)
    panel = {
        (row["attribute"], row["group"]): row
        for row in pd.read_parquet(out / "ptb_xl" / "wide" / "shown_panel.parquet").to_dict(
            "records"
        )
    }
    assert len(table) == len(panel) == 5
    for row in table.to_dict("records"):
        assert row["residual"] == panel[row["attribute"], row["group"]]["residual"]
        assert row["stars"] == panel[row["attribute"], row["group"]]["stars"]
    known = {row["group"]: row for row in rows_of("subgroups") if row["dataset"] == "ptb_xl"}
    for row in table[table["attribute"] == "sex"].to_dict("records"):
        assert (row["train_share"], row["tail_share"]) == (
            float(known[row["group"]]["train_share"]),
            float(known[row["group"]]["tail_share"]),
        )
    assert table.loc[table["attribute"] == "age", "train_share"].isna().all()
    assert comparison.compare_groups(chexpert)["residual"].isna().all()


def test_groups_are_those_that_the_gate_let_through(tmp_path):
    path = make_run(tmp_path, "ptb_xl", tables=["shown_groups", "shown_panel"])
    table = pd.read_parquet(path / "shown_groups.parquet")
    panel = pd.read_parquet(path / "shown_panel.parquet")
    replace_table(path, "disparity", table.assign(group="raw"))
    replace_table(path, "paper_panel", panel.assign(group="raw"))
    hidden = table.iloc[1:].astype({"share_exposed": float})
    hidden.iloc[0, [hidden.columns.get_loc(name) for name in ("share_exposed", "risk_ratio")]] = (
        math.nan
    )
    replace_table(path, "shown_groups", hidden)
    finished = find_runs(str(tmp_path))
    shown = comparison.compare_groups(finished.runs[0])
    plain = table.loc[~table["intersection"], "group"]
    assert shown["group"].tolist() == plain.tolist()[1:]
    points = comparison.collect_points(finished)
    assert len(points[points["source"] == "paper"]) == 4
    assert len(points[points["source"] == "ours"]) == 3


def test_points_of_the_scatter(out):
    points = comparison.collect_points(find_runs(str(out)))
    sources = points.groupby("source").size().to_dict()
    tables = [
        pd.read_parquet(path).query("~intersection")
        for path in sorted(out.glob("*/*/shown_groups.parquet"))
    ]
    assert sources == {
        "published": len(published.subgroups()),
        "paper": 5,
        "ours": sum(len(table) for table in tables),
    }
    for table, dataset in zip(tables, ("chexpert", "ptb_xl"), strict=True):
        shown = points[(points["source"] == "ours") & (points["dataset"] == dataset)]
        for ratio, share, value, percent in zip(
            table["risk_ratio"], table["share"], shown["value"], shown["share"], strict=True
        ):
            assert percent == pytest.approx(100 * share)
            assert value == (
                -math.inf
                if ratio == 0
                else math.inf
                if ratio == math.inf
                else pytest.approx(math.log(ratio))
            )


@pytest.mark.parametrize(
    ("attribute", "kind"),
    [
        ("Sex", "sex"),
        ("skin type", "race, skin type"),
        ("race (healthy)", "race, skin type"),
        ("view", "imaging protocol"),
        ("image type", "imaging protocol"),
        ("age", "age"),
        ("density", "diagnosis and others"),
    ],
)
def test_kinds_of_attributes(attribute, kind):
    assert comparison.kind_of(attribute) == kind


def naive_pearson(a, b):
    mean_a, mean_b = sum(a) / len(a), sum(b) / len(b)
    return sum((x - mean_a) * (y - mean_b) for x, y in zip(a, b, strict=True)) / math.sqrt(
        sum((x - mean_a) ** 2 for x in a) * sum((y - mean_b) ** 2 for y in b)
    )


def naive_ranks(values):
    return [
        sum(other < value for other in values) + (sum(other == value for other in values) + 1) / 2
        for value in values
    ]


def naive_correlation(a, b):
    defined = len(a) > 2 and len(set(a)) > 1 and len(set(b)) > 1
    return naive_pearson(a, b) if defined else math.nan


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from([-math.inf, math.inf, *range(-4, 5)])),
        max_size=12,
    )
)
def test_correlations(pairs):
    share, value = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    finite = [pair for pair in pairs if math.isfinite(pair[1])]
    rho, r = comparison.correlate(share, value)
    assert rho == pytest.approx(
        naive_correlation(naive_ranks(share), naive_ranks(value)), nan_ok=True, abs=1e-9
    )
    assert r == pytest.approx(
        naive_correlation([pair[0] for pair in finite], [pair[1] for pair in finite]),
        nan_ok=True,
        abs=1e-9,
    )
    words = comparison.describe_correlation(
        ("rho", "r"), pd.DataFrame({"share": share, "value": value}, dtype=float)
    )
    assert len(words) == (not math.isnan(rho)) + (not math.isnan(r))
