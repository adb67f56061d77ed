"""One model and references that never saw the patients: chance, power, and what cannot be told."""

import json
import re

import jsonschema
import numpy as np
import pandas as pd
import pytest

from rollcall.attacks.offline import attack_offline
from rollcall.auditing.offline import audit_offline, check_out
from rollcall.report.twin import read_schema
from rollcall.runs.given.designs.outsiders import read_offline
from rollcall.util.errors import InputError

PATIENTS, REFERENCES = 400, 6


def simulate(seed, shift=0.0):
    """(target, references, index, status, leaks): half are members, a third of whom leak."""
    rng = np.random.default_rng(seed)
    index = np.sort(np.append(np.arange(PATIENTS), rng.integers(0, PATIENTS, 200)))
    status = (np.arange(PATIENTS) % 2).astype(int)
    leaks = (status == 1) & (rng.random(PATIENTS) < 1 / 3)
    common = rng.standard_normal((1 + REFERENCES, PATIENTS))[:, index]
    noise = 0.7 * common + 0.7 * rng.standard_normal((1 + REFERENCES, len(index)))
    scale = np.exp(0.4 * rng.standard_normal(len(index)))
    scores = rng.normal(0, 2, len(index)) + scale * noise
    scores[0] += shift * scale * leaks[index]
    return scores[0], scores[1:], index, status, leaks


def test_nobody_is_named_where_nothing_leaks():
    """100 models: 5% name anybody (Monte-Carlo error 2.2%), p-values below 0.05 are 5%."""
    named, p, auc = [], [], []
    for seed in range(100):
        *given, _ = simulate(seed)
        result = attack_offline(*given)
        named.append(result.exposed.any())
        p.append((result.p_value[given[3] == 1] <= 0.05).mean())
        auc.append(abs(result.auc - 0.5) < 1.96 * result.auc_se)
        assert np.isnan(result.p_value[given[3] == 0]).all()
    assert np.mean(named) <= 0.1
    assert np.mean(p) == pytest.approx(0.05, abs=0.01)
    assert np.mean(auc) >= 0.88


def test_members_who_leak_are_named_and_few_others():
    false, power = [], []
    for seed in range(30):
        *given, leaks = simulate(seed, 5.0)
        result = attack_offline(*given)
        false.append((result.exposed & ~leaks).sum() / max(result.exposed.sum(), 1))
        power.append(result.exposed[leaks].mean())
        assert result.auc > 0.55
        assert result.rmia[leaks].mean() > result.rmia[~leaks].mean()
    assert np.mean(false) <= 0.05 + 2 * np.std(false) / np.sqrt(30)
    assert np.mean(power) > 0.8


def test_without_outsiders_nobody_is_named():
    target, references, index, status, _ = simulate(0, 5.0)
    result = attack_offline(target, references, index, np.where(status, 1, -1))
    assert np.isnan(result.p_value).all()
    assert not result.exposed.any()
    assert np.isnan(result.auc)
    with pytest.raises(InputError, match="2 references; expected at least 3"):
        attack_offline(target, references[:2], index, status)


@pytest.fixture
def files(tmp_path):
    target, references, index, status, _ = simulate(0, 5.0)
    ids = np.array([f"p{patient}" for patient in range(PATIENTS)])
    scores = pd.DataFrame({"patient_id": ids[index], "released": target})
    for number, row in enumerate(references):
        scores[f"r{number}"] = row
    members = pd.DataFrame({"patient_id": ids, "released": np.where(status, "1", "0")})
    scores.to_csv(tmp_path / "scores.csv", index=False)
    members.to_csv(tmp_path / "members.csv", index=False)
    return tmp_path, members


def read(folder, target="released"):
    return read_offline(folder / "scores.csv", folder / "members.csv", None, target)


def test_an_offline_audit_of_tables(files):
    folder, members = files
    members.loc[:99, "released"] = ""
    members.sample(frac=1, random_state=0).to_csv(folder / "members.csv", index=False)
    given = read(folder)
    assert (given.status == -1).sum() == 100
    assert given.references.shape[0] == REFERENCES
    sentences = audit_offline(given, folder / "out")
    assert "are exposed at a false-discovery rate of 5%" in sentences[1]
    table = pd.read_parquet(folder / "out" / "offline.parquet")
    assert list(table["patient_id"]) == list(given.ids)
    report = json.loads((folder / "out" / "report.json").read_text(), parse_constant=pytest.fail)
    jsonschema.validate(report, read_schema())
    assert (report["kind"], report["summary"]) == ("offline", sentences)
    page = re.sub(r"base64,[^\"]+", "", (folder / "out" / "report.html").read_text())
    assert not any(name in page for name in given.ids)
    check_out(folder / "out")
    with pytest.raises(InputError, match="holds something else"):
        check_out(folder)


@pytest.mark.parametrize(
    ("change", "target", "message"),
    [
        (lambda t: t.assign(r1="1"), "released", "reference 'r1' had patients"),
        (lambda t: t.assign(released="maybe"), "released", "expected 0, 1 or nothing"),
        (lambda t: t.rename(columns={"released": "m"}), "released", "neither a column 'released'"),
        (lambda t: t[1:], "released", "no row for patient 'p0'"),
        (lambda t: t, "release", "unknown target"),
    ],
)
def test_what_does_not_fit_is_one_line(files, change, target, message):
    folder, members = files
    change(members).to_csv(folder / "members.csv", index=False)
    with pytest.raises(InputError, match=message):
        read(folder, target)
