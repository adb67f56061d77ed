"""Tables are as wide as a sheet, as long as is read, and whole: nothing is lost by folding."""

import re

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from hypothesis import given, settings
from hypothesis import strategies as st

from rollcall.report.tables.showing import Table, read_tables, show_table
from rollcall.report.tables.showing.folding import WIDEST, fold_columns, measure_column
from rollcall.report.tables.showing.formats import (
    format_cells,
    format_interval,
    format_p,
    format_share,
    is_of_numbers,
    state_p,
)
from rollcall.report.tables.showing.markup import split_caption


def draw(table):
    return BeautifulSoup(show_table(table).data, "html.parser")


def summaries(soup):
    return [summary.get_text() for summary in soup.find_all("summary")]


def make_groups(rows, columns=3):
    names = {"attribute": [f"a{row // 4}" for row in range(rows)]}
    names["group"] = [f"g{row}" for row in range(rows)]
    numbers = {
        f"column {at}": [f"{row}.{at} (0 to 9)" for row in range(rows)] for at in range(columns)
    }
    return pd.DataFrame(names | numbers)


def test_a_table_has_a_caption_scoped_heads_and_a_region():
    rows = pd.DataFrame({"a<b": ["<x>", "y"], "name": [1.23456, None]})
    soup = draw(Table(rows, "Two & more"))
    assert soup.caption.get_text() == "Two & more"
    assert [(head["scope"], head.get_text()) for head in soup.find_all("th")] == [
        ("col", "a<b"),
        ("col", "name"),
        ("row", "<x>"),
        ("row", "y"),
    ]
    assert [cell.get_text() for cell in soup.find_all("td")] == ["1.235", "–"]
    assert soup.table.parent["aria-label"] == "Two & more"
    assert soup.table.parent["tabindex"] == "0"


def test_an_empty_table_says_why():
    assert show_table(Table(None, "None", empty="No <group>.")).data == "<p>No &lt;group&gt;.</p>"


def test_a_short_and_narrow_table_is_one():
    soup = draw(Table(make_groups(12), "Groups"))
    assert len(soup.find_all("table")) == 1
    assert not soup.find_all("details")


@pytest.mark.parametrize(
    ("p", "words"),
    [
        ([0.01] * 12 + [0.05, 0.9, 1.0], "3 others, not different"),
        ([1e-9] * 20, "8 others, less different"),
        ([0.2] * 12 + [1.0], "1 other, not different"),
        (
            [0.001] * 12 + [0.04, 0.5, np.nan, np.nan],
            "4 others: 1 less different, 1 not different, 2 not compared",
        ),
    ],
)
def test_a_long_table_shows_the_most_different_and_counts_the_others(p, words):
    soup = draw(Table(make_groups(len(p)), "Groups", p=p))
    assert summaries(soup) == [words]
    seen = [row.th.get_text() for row in soup.table.tbody.find_all("tr")]
    assert len(soup.table.tbody.find_all("tr")) == 12
    assert seen == [f"a{row // 4}" for row in range(12)]


def test_the_most_different_are_seen_in_the_order_of_the_table():
    p = np.linspace(1, 0.001, 20)
    soup = draw(Table(make_groups(20), "Groups", by="attribute", p=p))
    rows = [row.th.get_text() for row in soup.table.tbody.find_all("tr")]
    assert rows == ["a2", *(f"g{n}" for n in range(8, 12)), "a3", *(f"g{n}" for n in range(12, 16)),
                    "a4", *(f"g{n}" for n in range(16, 20))]  # fmt: skip


def test_without_p_values_whole_groups_of_rows_are_seen():
    soup = draw(Table(make_groups(15), "Groups", by="attribute"))
    assert summaries(soup) == ["3 others"]
    one = make_groups(15).assign(attribute="a")
    assert summaries(draw(Table(one, "Groups", by="attribute"))) == ["3 others"]


def test_the_name_of_a_group_of_rows_stands_once():
    soup = draw(Table(make_groups(8), "Groups", by="attribute"))
    assert [head.get_text() for head in soup.find_all("th", scope="rowgroup")] == ["a0", "a1"]
    assert "attribute" not in [head.get_text() for head in soup.find_all("th", scope="col")]


@settings(max_examples=12)
@given(
    st.integers(1, 40),
    st.integers(1, 14),
    st.booleans(),
    st.booleans(),
    st.lists(st.integers(0, 13), max_size=5),
    st.integers(0, 9999),
)
def test_nothing_is_lost_and_nothing_is_wider_than_a_sheet(rows, columns, by, compared, main, seed):
    frame = make_groups(rows, columns)
    p = np.random.default_rng(seed).random(rows) if compared else None
    table = Table(
        frame if by else frame.drop(columns="attribute"),
        "What it is: what is to be known. And more",
        by="attribute" if by else "",
        main=[f"column {at}" for at in main],
        p=p,
    )
    soup = draw(table)
    (whole,) = read_tables(soup)
    taken = frame[whole["columns"]]
    assert set(whole["columns"]) == set(table.rows)
    assert whole["rows"] == taken.to_numpy().tolist()
    assert whole["caption"] == "What it is. What is to be known. And more."
    for names in fold_columns(table.rows, table):
        widths = sum(measure_column(name, table.rows[name]) for name in names)
        assert widths <= WIDEST or len(names) <= 2
    for seen in soup.find_all("table"):
        assert len(seen.tbody.find_all("tr", class_=False)) in (rows, min(rows, 12), rows - 12, len(
            soup.table.tbody.find_all("tr", class_=False)), rows - len(
            soup.table.tbody.find_all("tr", class_=False)))  # fmt: skip


def test_the_main_columns_are_seen_and_the_others_are_named():
    table = Table(make_groups(3, 9), "Groups", by="attribute", main=("column 0", "column 8"))
    soup = draw(table)
    assert [head.get_text() for head in soup.thead.find_all("th")] == [
        "group",
        "column 0",
        "column 8",
    ]
    names = " · ".join(f"column {at}" for at in range(1, 8))
    assert summaries(soup) == [f"7 more columns: {names}"]


def test_columns_of_numbers_stand_right_and_texts_left():
    rows = pd.DataFrame({"group": ["1", "2"], "n": [1200, 3], "words": ["x", "3 of us"]})
    soup = draw(Table(rows, "Groups"))
    left = [bool(cell.get("style")) for cell in soup.tbody.tr.find_all(["th", "td"])]
    assert left == [True, False, True]
    assert [cell["data-label"] for cell in soup.tbody.tr.find_all("td")] == ["n", "words"]


@pytest.mark.parametrize(
    ("caption", "title", "note"),
    [
        ("Groups", "Groups", ""),
        ("Groups.", "Groups", ""),
        ("Groups of 10; –: fewer", "Groups of 10", "–: fewer."),
        ("Attacks, mean; error 0.5 of it. More", "Attacks, mean", "Error 0.5 of it. More."),
    ],
)
def test_a_caption_is_a_title_and_a_note(caption, title, note):
    assert split_caption(caption) == (title, note)


def test_numbers_are_written_by_what_they_are():
    rows = pd.DataFrame(
        {
            "count": [20100, 8580],
            "share": [0.000695, 0.6],
            "large": [20100.5, 1.0],
            "middling": [12.345, np.nan],
            "whole": [3.0, 4.0],
            "flag": [True, False],
            "text": ["2.01e+04", "x"],
        }
    )
    shown = format_cells(rows)
    assert shown["count"].tolist() == ["20,100", "8,580"]
    assert shown["share"].tolist() == ["0.001", "0.600"]
    assert shown["large"].tolist() == ["20,100", "1"]
    assert shown["middling"].tolist() == ["12.3", "–"]
    assert shown["whole"].tolist() == ["3", "4"]
    assert shown["flag"].tolist() == ["yes", "no"]
    assert shown["text"].tolist() == ["2.01e+04", "x"]


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_no_number_is_written_as_a_machine_does(value):
    (text,) = format_cells(pd.DataFrame({"x": [value]}))["x"]
    assert "e" not in text.lower()
    assert text == "–" or is_of_numbers([text])


def test_shares_and_p_values():
    assert [format_share(x) for x in (0, 0.0004, 0.0006, 0.5, 1, np.nan)] == [
        "0.0%",
        "<0.1%",
        "0.1%",
        "50.0%",
        "100.0%",
        "–",
    ]
    assert format_share(0.00071, 2) == "0.07%"
    assert [format_p(x) for x in (0, 1.4e-5, 0.0132, 0.34, 1.0, 1.2, np.nan)] == [
        "<0.001",
        "<0.001",
        "0.013",
        "0.34",
        "1.00",
        "1.00",
        "–",
    ]
    assert (state_p(1e-9), state_p(0.02)) == ("p <0.001", "p = 0.020")


def test_intervals():
    assert format_interval(0.123, 0.1, 0.15, "{:.1%}") == "12.3% (10.0\u00a0to\u00a015.0)"
    assert format_interval(1.5, np.nan, 2, "{:.2f}") == "1.50"
    assert format_interval(np.nan, 1, 2, "{:.2f}") == "–"
    assert format_interval(999.04, 99.5, 743080.2, "{:.2f}") == "999 (99.50\u00a0to\u00a0>9,999)"
    assert format_interval(-0.001, -0.5, 0.004, "{:+.2f}") == "+0.00 (-0.50\u00a0to\u00a0+0.00)"
    assert format_interval(1.5, 1, np.inf, "{:.2f}") == "1.50 (1.00\u00a0to\u00a0inf)"


@pytest.mark.parametrize(
    "cell", ["1,234", "<0.001", "+0.5 (0 to 1)", "−2", "fewer than 10", "at most 12", "inf", "71%"]
)
def test_what_is_read_as_a_number(cell):
    assert is_of_numbers([cell])
    assert not is_of_numbers(["female", cell, "B"])
    assert not re.match("x", cell)
