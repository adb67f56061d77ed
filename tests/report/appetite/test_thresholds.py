"""Files of thresholds: read whole, or refused in one line before anything else happens."""

import datetime
import hashlib

import pytest

from rollcall.report.appetite.thresholds import (
    KINDS,
    check_began,
    choose_cell,
    parse_appetite,
    read_appetite,
)
from rollcall.report.appetite.verdict import judge
from rollcall.util.errors import InputError
from rollcall.util.files import clone
from tests.report.appetite.examples import FILE, make_evidence, make_survival, write_file
from tests.report.words.test_sentences import NOBODY, groups

EVERY = {
    **{"exposed_patients": 20, "exposed_share": 0.01, "worst_auc": 0.9, "worst_tpr": 0.1},
    **{"lira_auc": 0.6, "group_ratio": 2, "false_discovery_rate": 0.1, "chance_share": 0.25},
    "models": 64,
}


def refuse(text: str) -> str:
    with pytest.raises(InputError) as caught:
        parse_appetite(text, "a.toml")
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(("a.toml: ", "unknown "))
    assert "a.toml" in str(caught.value)
    return str(caught.value)


def test_a_file_is_read_whole(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text(write_file(thresholds=EVERY))
    appetite = read_appetite(path)
    assert appetite.thresholds == EVERY
    assert list(appetite.thresholds) == list(KINDS)
    assert appetite.date == datetime.date(2024, 3, 1)
    assert (appetite.set_by, appetite.role) == ("A. Example", "data protection officer")
    assert appetite.smallest_cell == 10
    assert appetite.text == path.read_text()
    assert appetite.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_smallest_cell_may_be_left_out_and_a_date_be_a_text():
    appetite = parse_appetite(write_file(("smallest_cell", None), ("date", '"2024-03-01"')))
    assert appetite.smallest_cell == 10
    assert appetite.date == datetime.date(2024, 3, 1)


def test_a_mark_at_the_start_and_windows_line_ends_are_read(tmp_path):
    path = tmp_path / "a.toml"
    path.write_bytes(b"\xef\xbb\xbf" + FILE.replace("\n", "\r\n").encode())
    assert read_appetite(path).thresholds == {"exposed_patients": 110}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ((("set_by", None),), "set_by is missing; expected who set the thresholds"),
        ((("role", '" "'),), "role is ' '"),
        ((("system", "3"),), "system is 3; expected the model"),
        ((("purpose", "[]"),), "purpose is []"),
        ((("channel", None),), "channel is missing"),
        ((("date", None),), "date is missing; expected the day"),
        ((("date", "2024-03-01T10:00:00"),), "date is datetime"),
        ((("date", '"yesterday"'),), "date is 'yesterday'"),
        ((("date", "20240301"),), "date is 20240301"),
        ((("date", "2999-01-01"),), "which is still to come"),
        ((("smallest_cell", "2"),), "smallest_cell is 2; expected a whole number of at least 3"),
        ((("smallest_cell", "10.0"),), "smallest_cell is 10.0"),
        ((("smallest_cell", "true"),), "smallest_cell is True"),
        ((("sett_by", '"a"'),), "did you mean 'set_by'"),
        ((("worst_auc", "0.9"),), "worst_auc stands before [thresholds]"),
        ((("set_by", f'"{"a" * 1001}"'),), "1,001 characters"),
    ],
)
def test_what_is_wrong_beside_thresholds_is_one_line(changes, message):
    assert message in refuse(write_file(*changes))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("exposed_patient", 20, "did you mean 'exposed_patients'"),
        ("exposed_patients", 2.5, "expected a whole number of patients"),
        ("exposed_patients", -1, "expected a whole number of patients"),
        ("exposed_patients", 0, "expected at least 9: the report says no number under"),
        ("exposed_patients", 8, "expected at least 9"),
        ("exposed_patients", "true", "exposed_patients is True"),
        ("exposed_share", 0, "expected a share above 0 and below 1"),
        ("exposed_share", 1, "expected a share above 0"),
        ("exposed_share", "nan", "exposed_share is nan"),
        ("exposed_share", '"1%"', "exposed_share is '1%'"),
        ("worst_auc", 0.5, "expected an AUC above 0.5, at most 0.99"),
        ("worst_auc", 0.999, "expected an AUC above 0.5"),
        ("worst_tpr", 0.001, "what guessing gives"),
        ("worst_tpr", 0.6, "at most 0.57"),
        ("lira_auc", 0.5, "above 0.5"),
        ("lira_auc", "[0.6]", "lira_auc is [0.6]"),
        ("group_ratio", 0.99, "expected a ratio of 1 or more"),
        ("group_ratio", "inf", "group_ratio is inf"),
        ("false_discovery_rate", -0.1, "expected a share"),
        ("chance_share", "2024-03-01", "chance_share is"),
        ("models", 7, "expected a whole number of at least 8"),
        ("models", 64.0, "models is 64.0"),
    ],
)
def test_a_threshold_that_cannot_be_is_one_line(key, value, message):
    assert message in refuse(write_file(thresholds={key: value}))


@pytest.mark.parametrize(
    "text",
    ["", "[thresholds]\n", "a = \n", "thresholds = 3", FILE + FILE, "\x00", "a = " + "[" * 5000],
)
def test_no_file_of_thresholds_is_one_line(text):
    refuse(text)


def test_no_thresholds_are_one_line():
    assert "with at least one of exposed_patients" in refuse(write_file(thresholds={}))


def test_what_is_no_readable_file_is_one_line(tmp_path):
    (tmp_path / "big").write_text("a" * 70_000)
    (tmp_path / "latin").write_bytes(FILE.replace("A. Example", "J\u00f6rg").encode("latin-1"))
    for name, message in (
        ("none", "no such file"),
        ("", "not a file"),
        ("big", "over 65,536 bytes"),
        ("latin", "save it as UTF-8"),
    ):
        with pytest.raises(InputError, match=message):
            read_appetite(tmp_path / name)


def test_a_smallest_cell_decides_which_counts_can_be_thresholds():
    text = write_file(("smallest_cell", "5"), thresholds={"exposed_patients": 4})
    assert parse_appetite(text).thresholds == {"exposed_patients": 4}
    assert "expected at least 4" in refuse(
        write_file(("smallest_cell", "3"), thresholds={"exposed_patients": 3})
    )


def test_the_smallest_cell_is_that_of_the_file():
    appetite = parse_appetite(write_file(("smallest_cell", "20")))
    assert choose_cell(appetite, 10) == 20
    assert choose_cell(appetite, 20) == 20
    assert choose_cell(None, 5) == 5
    with pytest.raises(InputError, match="smallest cell is 5, and 20 in the file"):
        choose_cell(appetite, 5)


def test_thresholds_are_set_before_the_audit():
    appetite = parse_appetite(FILE)
    check_began(appetite, "2024-03-01T23:00:00Z")
    check_began(appetite, "2026-12-01T00:00:00Z")
    check_began(appetite, "")
    with pytest.raises(InputError, match="set on 2024-03-01, after this audit began"):
        check_began(appetite, "2024-02-27T12:00:00Z")


@pytest.mark.skipif(clone() is None, reason="docs lie in a clone alone")
def test_the_documented_example_is_whole_and_passes_what_it_should():
    path = clone() / "docs" / "examples" / "appetite.toml"
    appetite = read_appetite(path)
    assert set(appetite.thresholds) == set(KINDS)
    page = (clone() / "docs" / "appetite.md").read_text()
    for name in KINDS:
        assert f"| `{name}` |" in page
    assert judge(make_evidence(groups=groups({})), appetite).outcome == "fail"
    good = make_evidence(
        {"exposed": 11, "exposed_high": 12.0, "by_chance": 1.0, "at_most_false": 4},
        lira=0.52,
        survival=make_survival(0.8, 150),
        groups=groups({"within_low": 1.2, "ratio_within": 1.8}),
        patients=5000,
    )
    assert judge(good, appetite).outcome == "pass"
    assert (
        judge(make_evidence(NOBODY, targets=32, survival=make_survival(0.7, 99)), appetite).outcome
        == "not evaluable"
    )
