"""`rollcall describe`: what it guesses, what it writes, what it says should be looked at."""

import tomllib

import numpy as np
import pandas as pd
import pytest

from rollcall.commands.describe import run
from rollcall.datasets.described.description import read
from rollcall.datasets.described.features.page import describe
from rollcall.util.errors import InputError
from tests.datasets.described import made_up
from tests.datasets.described.made_up import invent


def save(folder, frame, name="my.csv", **options):
    options = {"index": False, "encoding": "utf-8", **options}
    frame.to_csv(folder / name, **options)
    return folder / name


def suspects(made):
    """What should be looked at first, joined."""
    lines = made.lines
    return "\n".join(lines[lines.index("Look at these first:") :]) if len(lines) > 5 else ""


def hospital(rows=300, seed=3):
    """Stays of patients: ids, an age that is top-coded, codes, outcomes in disguise, text."""
    rng = np.random.default_rng(seed)
    stays = np.arange(rows)
    died = rng.random(rows) < 0.3
    age = rng.integers(30, 95, rows)
    return pd.DataFrame(
        {
            "subject_id": 10_000 + stays // 2,
            "stay": [f"S{stay}" for stay in stays],
            "age": [">89" if years > 89 else str(years) for years in age],
            "sex": rng.choice(["F", "M"], rows),
            "ward_code": rng.integers(1, 9, rows),
            "lactate": np.where(rng.random(rows) < 0.1, -9, rng.gamma(2, 1, rows).round(2)),
            "deathtime": np.where(died, "2020-03-01 10:00", ""),
            "discharge_to": rng.choice(["home", "hospice"], rows),
            "comment": [f"came at {k}, went home" for k in stays],
            "died": died.astype(int),
        }
    )


def test_a_first_description_of_a_hospitals_table(tmp_path):
    path = save(tmp_path, hospital())
    made = describe(path)
    assert made.written
    text = (tmp_path / "cohort.toml").read_text()
    assert len(text.splitlines()) <= 12
    assert tomllib.loads(text) == {
        "name": "my",
        "table": "my.csv",
        "patient": "subject_id",
        "label": "died",
        "groups": [{"column": "age", "bands": [40, 60, 80], "over": ">89"}, "sex"],
        "drop": ["deathtime"],
        "words": ["ward_code"],
        "restricted": True,
    }
    said = suspects(made)
    assert (
        "tell the label by themselves (AUROC above 0.99), as an outcome in disguise: deathtime"
        in said
    )
    assert "known only afterwards: discharge_to" in said
    assert "free text or many words, left out: comment" in said
    assert "lactate: -9 may stand for no value" in said
    cohort = made_up.read(tmp_path / "cohort.toml")  # and it can be audited as it is
    assert len(cohort.patients) == 150


def test_the_page_has_a_line_for_each_column(tmp_path):
    frame = hospital()
    made = describe(save(tmp_path, frame))
    assert made.lines[0] == "my.csv: 300 rows of 150 patients (subject_id), 10 columns"
    table = made.lines[4].splitlines()
    assert [line.split()[0] for line in table] == ["column", *frame.columns]
    by_name = {line.split()[0]: line for line in table}
    assert by_name["stay"].endswith("left out: ids, a value of its own for each patient or row")
    assert by_name["subject_id"].endswith("patient")
    assert "z-score and groups ('>89' taken as 89, with a flag)" in by_name["age"]
    assert by_name["died"].endswith("label")


def test_what_is_there_is_not_replaced(tmp_path):
    path = save(tmp_path, hospital())
    toml = tmp_path / "cohort.toml"
    toml.write_text('label = "sex"\npatient = "subject_id"\ndrop = ["died"]\n')
    made = describe(path)
    assert not made.written
    assert toml.read_text().startswith('label = "sex"')
    assert any("dropped" in line for line in made.lines[3].splitlines() if "died" in line)
    save(tmp_path, hospital(), "other.csv")
    toml.write_text('label = "sex"\ntable = "my.csv"\n')
    with pytest.raises(InputError, match=r"describes my\.csv, and is not replaced"):
        describe(tmp_path / "other.csv")


def test_label_and_patient_may_be_named(tmp_path):
    path = save(tmp_path, hospital())
    made = describe(path, label="lactate", patient="subject_id")
    assert made.description.label == ("lactate",)
    assert made.description.cut == pytest.approx(hospital()["lactate"].median(), abs=0.01)
    (tmp_path / "cohort.toml").unlink()
    with pytest.raises(InputError, match=r"column in label: 'lactat'.*did you mean 'lactate'"):
        describe(path, label="lactat")
    with pytest.raises(InputError, match=r"column in patient: 'nobody'"):
        describe(path, patient="nobody")
    assert not (tmp_path / "cohort.toml").exists()


@pytest.mark.parametrize(
    ("options", "key", "value"),
    [
        ({"header": False}, "names", ["c1", "c2", "c3"]),
        ({"sep": ";"}, "table", "my.csv"),
        ({"encoding": "cp1252"}, "encoding", "cp1252"),
        ({"encoding": "utf-8-sig"}, "table", "my.csv"),
    ],
)
def test_tables_as_they_come(tmp_path, options, key, value):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"größe": rng.normal(170, 9, 60).round(1), "b": rng.integers(0, 40, 60)})
    frame["krank"] = rng.integers(0, 2, 60)
    made = describe(save(tmp_path, frame, **options))
    assert tomllib.loads((tmp_path / "cohort.toml").read_text(encoding="utf-8"))[key] == value
    assert made.description.label[0] in ("krank", "c3")
    assert len(made_up.read(tmp_path / "cohort.toml")) == 60


@pytest.mark.parametrize("name", ['a "b"', "a\\b", "ä; 'x' = #", "naïve\ttab"])
def test_names_are_written_as_toml_reads_them(tmp_path, name):
    frame = invent().rename(columns={"died": name, "ward": f"sex {name}"})
    describe(save(tmp_path, frame, quoting=1), label=name.strip())
    described = read(tmp_path / "cohort.toml")
    assert described.label == (name,)
    assert described.groups[-1].column == f"sex {name}"


def test_repeated_ids_without_a_name_that_says_so(tmp_path):
    rng = np.random.default_rng(4)
    who = np.repeat(np.arange(60), 4)
    frame = pd.DataFrame(
        {
            "zper": 125_000 + 7 * who,
            "height": rng.normal(170, 9, 60).round(1)[who],
            "born": rng.integers(1930, 2000, 60)[who],
            "town": rng.choice(["A", "B", "C"], 60)[who],
            "visit": np.tile(np.arange(4), 60),
            "ill": rng.integers(0, 2, 240),
        }
    )
    said = suspects(describe(save(tmp_path, frame)))
    assert 'then say patient = "zper"' in said


def test_what_is_no_table(tmp_path):
    for name, words in (
        ("absent.csv", "no such file"),
        ("my.xlsx", "expected a table"),
        ("empty.csv", "empty, or its first row is"),
    ):
        if name != "absent.csv":
            (tmp_path / name).touch()
        with pytest.raises(InputError, match=words):
            describe(tmp_path / name)
    assert not (tmp_path / "cohort.toml").exists()


def test_a_table_called_like_a_dataset_gets_another_name(tmp_path):
    made = describe(save(tmp_path, invent(), "diabetes130.csv"), taken=("diabetes130",))
    assert made.description.name == "my-diabetes130"
    folder = tmp_path / "b"
    folder.mkdir()
    assert describe(save(folder, invent(), "été (neu).csv")).description.name == "t-neu-"


def test_the_command_says_what_comes_next(tmp_path, capsys):
    class Arguments:
        table, label, patient = str(save(tmp_path, invent())), "", ""

    assert run(Arguments) == 0  # pyright: ignore[reportArgumentType]
    assert f"then: rollcall audit {tmp_path / 'cohort.toml'}" in capsys.readouterr().out
    assert run(Arguments) == 0  # pyright: ignore[reportArgumentType]
    assert "was there already and stays as it is" in capsys.readouterr().out


def test_what_would_fit_as_a_label_is_said(tmp_path):
    frame = invent().assign(result=["a", "b"] * 30)
    made = describe(save(tmp_path, frame))
    assert made.description.label == ("died",)
    assert "  a guess; result would fit as well: --label names another" in made.lines
    assert "a guess" in (tmp_path / "cohort.toml").read_text()


def test_a_label_that_is_given_is_no_guess(tmp_path):
    made = describe(save(tmp_path, invent()), "smoker")
    assert not [line for line in made.lines if line.startswith("  a guess")]
    assert "a guess" not in (tmp_path / "cohort.toml").read_text()


@pytest.mark.parametrize("asked", [{"label": "smoker"}, {"patient": "record"}])
def test_what_is_asked_is_not_ignored_where_a_description_says_otherwise(tmp_path, asked):
    path = save(tmp_path, invent())
    describe(path)
    before = (tmp_path / "cohort.toml").read_bytes()
    with pytest.raises(InputError, match="is there and is not replaced"):
        describe(path, **asked)
    assert (tmp_path / "cohort.toml").read_bytes() == before
    assert not describe(path, label="died").written


def test_names_that_an_owner_gave_are_those_of_the_page(tmp_path):
    path = save(tmp_path, invent().drop(columns="record"), header=False)
    describe(path)
    toml = tmp_path / "cohort.toml"
    toml.write_text(toml.read_text().replace('"c1", "c2"', '"age", "weight"'))
    assert "\n  weight " in "\n".join(describe(path).lines)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["2020-01-03", "03/04/2020", "5 Jan 2021", "2020/02/01", "x"], "x ('03/04/2020')"),
        (["5%", "6", "7%", "8", "9"], "x ('5%')"),
        (["120/80", "130/90", "125/85", "110/70"], "x ('110/70')"),
        (["Yes", "yes", "no"], "differ by capitals or spaces alone: x ('Yes', 'yes')"),
        (["a b", "a  b", "no"], "differ by capitals or spaces alone: x ('a  b', 'a b')"),
    ],
)
def test_words_that_may_be_something_else(tmp_path, values, words):
    frame = invent(60)
    made = describe(save(tmp_path, frame.assign(x=(values * 60)[:60])))
    assert words in suspects(made)


def test_a_label_of_few_is_said_and_is_no_free_text(tmp_path):
    frame = invent(60)
    label = ["rare" if row < 3 else "ab"[row % 2] for row in range(60)]
    assert "fewer than 10 patients have rare" in suspects(
        describe(save(tmp_path, frame.assign(died=label)), "died")
    )
    (tmp_path / "cohort.toml").unlink()
    named = [f"w{row}" for row in range(60)]
    assert "free text" not in suspects(describe(save(tmp_path, frame.assign(died=named)), "died"))


def test_words_alone_without_a_header(tmp_path):
    frame = invent(80)[["ward", "smoker", "died"]]
    made = describe(save(tmp_path, frame, header=False))
    assert (made.description.header, made.description.names) == (False, ("c1", "c2", "c3"))
