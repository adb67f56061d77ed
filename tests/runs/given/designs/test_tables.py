"""Scores and members in tables: long or wide, csv or parquet, are the same audit."""

import numpy as np
import pandas as pd
import pytest

from rollcall.runs import external
from rollcall.util.errors import InputError

MODELS, PATIENTS = 13, 60


@pytest.fixture
def audit(tmp_path):
    rng = np.random.default_rng(0)
    members = np.stack([rng.permutation(PATIENTS) < 30 for _ in range(MODELS)])
    owner = np.sort(np.append(np.arange(PATIENTS), rng.integers(0, PATIENTS, 20)))
    scores = rng.standard_normal((MODELS, len(owner)))
    scores += 3 * (members & (np.arange(PATIENTS) < 12))[:, owner]
    names = np.array([f"m{number}" for number in range(MODELS)])
    ids = np.array([f"p{number}" for number in range(PATIENTS)])
    long = pd.DataFrame(
        {
            "patient_id": np.repeat(ids[owner], MODELS),
            "record_id": np.repeat(np.arange(len(owner)), MODELS),
            "model": np.tile(names, len(owner)),
            "score": scores.T.ravel(),
            "member": members[:, owner].T.ravel().astype(int),
        }
    )
    wide = pd.DataFrame({"patient_id": ids[owner]} | dict(zip(names, scores, strict=True)))
    of_members = pd.DataFrame({"patient_id": ids} | dict(zip(names, members, strict=True)))
    return tmp_path, long, wide, of_members.astype(dict.fromkeys(names, int))


def save(folder, name, table):
    path = folder / name
    table.to_parquet(path) if path.suffix == ".parquet" else table.to_csv(path, index=False)
    return path


def check(folder, scores, members=None):
    return external.check(scores, members, None, None, folder / "out")


@pytest.mark.parametrize("ending", ["csv", "parquet", "csv.gz"])
def test_long_and_wide_tables_are_the_same(audit, ending):
    folder, long, wide, members = audit
    whole = check(folder, save(folder, f"long.{ending}", long))
    shuffled = members.sample(frac=1, axis=1, random_state=1).sample(frac=1, random_state=1)
    apart = check(
        folder,
        save(folder, f"wide.{ending}", wide),
        save(
            folder,
            f"members.{ending}",
            shuffled[["patient_id", *shuffled.drop(columns="patient_id")]],
        ),
    )
    of_patient = long[["patient_id", "model", "member"]].drop_duplicates()
    joined = check(
        folder,
        save(folder, f"scores.{ending}", long.drop(columns="member")),
        save(folder, f"who.{ending}", of_patient),
    )
    for other in (apart, joined):
        assert np.array_equal(whole.scores.array, other.scores.array)
        assert np.array_equal(whole.members, other.members)
        assert whole.records.equals(other.records)
    assert whole.design.kind == "fixed-size"


def drop_one(long):
    return long.drop(index=17)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop_one, r"no score of model 'm4' for '\w+, record 1' \(1 such\)"),
        (lambda t: pd.concat([t, t[:1]]), "column 'model': 'm0'; stands in the table already"),
        (lambda t: t.drop(columns="record_id"), "of several records of a patient give 'record_id'"),
        (lambda t: t.drop(columns="patient_id"), "lacks the column 'patient_id'"),
        (lambda t: t.drop(columns="member"), "not given; give --members"),
        (lambda t: t.assign(member=2), "'2'; expected 0 or 1"),
        (lambda t: t.assign(score=t["score"].astype(object).where(t.index != 3, "high")), "'high'"),
        (lambda t: t.assign(member=(t.index % 7 == 0).astype(int)), "wholly in or out"),
    ],
)
def test_a_long_table_that_does_not_fit_is_one_line(audit, change, message):
    folder, long, _, _ = audit
    with pytest.raises(InputError, match=message):
        check(folder, save(folder, "long.csv", change(long)))


def test_models_are_joined_by_name(audit):
    folder, _, wide, members = audit
    scores = save(folder, "wide.csv", wide)
    other = save(folder, "members.csv", members.rename(columns={"m3": "m33"}))
    with pytest.raises(InputError, match="lacks 'm3'; beyond them 'm33'"):
        check(folder, scores, other)
    with pytest.raises(InputError, match="names the patients itself"):
        external.check(scores, other, scores, None, folder / "out")


def test_an_audit_of_models_one_by_one_is_written_and_read(audit):
    folder, long, _, _ = audit
    checked = check(folder, save(folder, "long.parquet", long))
    run, _ = external.write(checked, folder / "out")
    again, cohort = external.read(folder / "out")
    assert again.config["design"]["kind"] == "fixed-size"
    assert np.allclose(again.config["design"]["rates"], 0.5)
    assert run.targets == MODELS
    assert any("one by one" in note for note in cohort.notes)
    assert np.array_equal(again.members(), checked.members)


def test_records_may_be_counted_anew_for_each_patient(audit):
    folder, long, _, _ = audit
    whole = check(folder, save(folder, "a.csv", long))
    visit = long.groupby(["patient_id", "model"]).cumcount() + 1
    again = check(folder, save(folder, "b.csv", long.assign(record_id=visit)))
    assert np.array_equal(whole.scores.array, again.scores.array)
    assert whole.records.equals(again.records)


def test_models_numbered_by_floats_are_those_numbered(audit):
    folder, long, _, members = audit
    numbers = long["model"].str[1:].astype(float)
    of_members = members.rename(columns=lambda name: name.removeprefix("m"))
    scores = save(folder, "a.csv", long.drop(columns="member").assign(model=numbers))
    assert check(folder, scores, save(folder, "b.csv", of_members)).scores.array.shape[0] == MODELS


def test_models_with_names_stand_in_any_order(tmp_path):
    rng = np.random.default_rng(3)
    half = np.stack([rng.permutation(PATIENTS) < PATIENTS // 2 for _ in range(4)])
    members = np.concatenate([half, ~half])[rng.permutation(8)]
    names = [f"m{number}" for number in range(8)]
    table = {"patient_id": [f"p{number}" for number in range(PATIENTS)]}
    scores = pd.DataFrame(table | dict(zip(names, rng.standard_normal((8, PATIENTS)), strict=True)))
    of_members = pd.DataFrame(table | dict(zip(names, members.astype(int), strict=True)))
    checked = check(tmp_path, save(tmp_path, "a.csv", scores), save(tmp_path, "b.csv", of_members))
    assert checked.design.kind == "pairs"
    place = [list(map(list, members)).index(list(row)) for row in checked.members]
    assert np.allclose(checked.scores.array, scores[names].to_numpy().T[place])
