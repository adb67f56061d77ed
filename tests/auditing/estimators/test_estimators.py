"""Whole audits of estimators: planted leaks, nulls, resumed, in any number of processes."""

import subprocess
import sys
import warnings
from dataclasses import FrozenInstanceError

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import rollcall
from rollcall import attacks, risk
from rollcall.auditing.estimators.fitting import count_workers, draw_seed, prepare
from rollcall.stats.members import draw_members
from rollcall.util.errors import InputError
from rollcall.util.parallel import cores
from tests.auditing.estimators.conftest import Failing, Rote, invent_leaky, logits_of

FAULTS = 5  # false names among 24 and more, of which at most 5% on average: P(more) < 0.2%


@pytest.fixture(scope="module")
def planted():
    X, y, groups, leaks = invent_leaky()
    sex = np.where(np.char.str_len(groups) % 2, "f", "m")
    return rollcall.audit(Rote(), X, y, groups=groups, attributes={"sex": sex}), leaks


def exposed_of(audited):
    table = audited.patients
    return set(table.loc[table["exposed"], "patient_id"])


@pytest.mark.slow
def test_who_leaks_is_exposed_and_hardly_anybody_else(planted):
    audited, leaks = planted
    true = {f"p{number}" for number in np.flatnonzero(leaks)}
    named = exposed_of(audited)
    assert len(named & true) >= 23
    assert len(named - true) <= FAULTS
    assert "are exposed" in audited.summary()


@pytest.mark.slow
def test_members_and_scores_are_those_of_a_naive_audit(planted):
    audited, _ = planted
    X, y, groups, _ = invent_leaky()
    codes = pd.factorize(groups)[0]
    members = draw_members(32, codes.max() + 1, 0)
    assert (audited.members == members).all()
    for model in (0, 1, 17, 31):
        rows = members[model][codes]
        seed = int(audited.performance.loc[model, "seed"])
        p = Rote(random_state=seed).fit(X[rows], y[rows]).predict_proba(X)
        own = p[np.arange(len(y)), y]
        assert audited.scores[model] == pytest.approx(np.log(own / (1 - own)), abs=1e-4)


@pytest.mark.slow
def test_nothing_is_told_of_members_drawn_again(planted):
    audited, _ = planted
    order = np.random.default_rng(5).permutation(audited.members.shape[1])
    members, index = audited.members[:, order], audited.study.cohort.patient_index
    auc = attacks.run_all(audited.scores, members, index).pooled.set_index(["attack", "variant"])
    assert auc.loc[("LiRA", "online"), "auc"] == pytest.approx(0.5, abs=0.02)
    assert risk.assess_risk(audited.scores, members, index).cohort["exposed"] <= FAULTS


@pytest.mark.slow
def test_what_comes_back_is_complete_and_frozen(planted, tmp_path):
    audited, _ = planted
    assert len(audited.patients) == 240
    assert audited.patients["sex"].isin(["f", "m"]).all()
    assert set(audited.groups["group"]) == {"f", "m"}
    assert {"LiRA", "RMIA", "blind"} <= set(audited.attacks["attack"])
    assert len(audited.performance) == 32
    assert (
        audited.performance["auroc_members"].mean()
        > audited.performance["auroc_non_members"].mean()
    )
    assert "Rote" in repr(audited)
    assert "<table" in audited._repr_html_()
    with pytest.raises(FrozenInstanceError):
        audited.name = "other"
    table = audited.patients
    table["exposed"] = False
    assert exposed_of(audited)
    page = audited.to_html(tmp_path / "a.html").read_text()
    assert "32 x Rote, each fitted on a random half of the patients" in page
    assert "decision_function, exact" in page
    assert 4 <= page.count("<figure ") <= 6
    assert (tmp_path / "a.json").exists()
    card = audited.to_model_card(tmp_path / "a.md")
    assert card == (tmp_path / "a.md").read_text()
    assert "# Model card: Rote" in card
    with pytest.raises(InputError, match=r"expected the path of a file that ends in \.html"):
        audited.to_html(tmp_path)


@pytest.mark.usefixtures("fits_only")
def test_neither_names_of_patients_nor_a_fixed_seed_of_the_estimator_change_anything(leaky):
    X, y, groups, _ = leaky
    one = rollcall.audit(Rote(random_state=3), X, y, groups=groups, models=8)
    renamed = pd.Series(groups).map(lambda name: f"{hash(name) % 1000}-{name}")
    other = rollcall.audit(Rote(), X, y, groups=renamed, models=8)
    assert (one.members == other.members).all()
    assert (logits_of(one) == logits_of(other)).all()


@pytest.mark.slow
def test_the_order_of_rows_decides_the_halves_but_not_who_is_exposed(leaky):
    X, y, groups, leaks = leaky
    order = np.random.default_rng(2).permutation(len(y))
    shuffled = rollcall.audit(Rote(), X[order], y[order], groups=groups[order])
    true = {f"p{number}" for number in np.flatnonzero(leaks)}
    named = exposed_of(shuffled)
    assert len(named & true) >= 23
    assert len(named - true) <= FAULTS


@pytest.mark.slow
@pytest.mark.usefixtures("fits_only")
def test_any_number_of_processes_gives_the_same_bits(mixed, pipeline, tmp_path):
    table, y, groups = mixed
    forest = make_pipeline(*[step for _, step in pipeline.steps[:-1]], RandomForestClassifier(5))
    options = {"groups": groups, "models": 8, "seed": 4}
    one = rollcall.audit(forest, table, y, n_jobs=1, out=tmp_path / "1", **options)
    two = rollcall.audit(forest, table, y, n_jobs=2, out=tmp_path / "2", **options)
    assert (logits_of(one) == logits_of(two)).all()
    assert one.study.cohort.task == "multiclass"
    assert one.reading.startswith("shares of 5 votes")


KILLED = """
import sys
import rollcall
from tests.auditing.estimators.conftest import Failing, invent_leaky
X, y, groups, _ = invent_leaky()
rollcall.audit(Failing(at={at}, killed_by={flag!r}), X, y, groups=groups, models=8, out={out!r},
    n_jobs=1)
"""


@pytest.mark.slow
@pytest.mark.usefixtures("fits_only")
def test_killed_and_resumed_gives_the_same_bits(leaky, tmp_path):
    X, y, groups, _ = leaky
    flag, at = tmp_path / "flag", draw_seed(0, 5)
    flag.touch()
    script = KILLED.format(at=at, flag=str(flag), out=str(tmp_path / "out"))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True)
    assert done.returncode == -9, done.stderr.decode()
    finished = sorted((tmp_path / "out" / "targets").glob("*.json"))
    assert [path.stem for path in finished] == ["0000", "0001", "0002", "0003", "0004"]
    times = [path.stat().st_mtime_ns for path in finished]
    flag.unlink()
    estimator = Failing(at=at, killed_by=str(flag))
    options = {"groups": groups, "models": 8}
    resumed = rollcall.audit(estimator, X, y, out=tmp_path / "out", **options)
    assert [path.stat().st_mtime_ns for path in finished] == times
    whole = rollcall.audit(estimator, X, y, **options)
    assert (logits_of(resumed) == logits_of(whole)).all()


@pytest.mark.usefixtures("fits_only")
def test_a_folder_is_of_one_estimator_and_one_table_and_grows(leaky, tmp_path):
    X, y, groups, _ = leaky
    out, options = tmp_path / "out", {"groups": groups, "models": 8}
    first = rollcall.audit(Rote(), X, y, out=out, **options)
    turned = np.where(np.arange(len(y)) == 7, 1 - y, y)
    for estimator, table, labels, more, message in [
        (Rote(leak=5), X, y, {}, r"an audit of another estimator \(its settings\)"),
        (Failing(), X, y, {}, r"an audit of another estimator; models are never mixed"),
        (Rote(), X + 1, y, {}, "an audit of another X"),
        (Rote(), X, turned, {}, "an audit of another y"),
        (Rote(), X, y, {"groups": None}, "an audit of another groups"),
        (Rote(), X, y, {"seed": 1}, "an audit of another seed"),
    ]:
        with pytest.raises(InputError, match=message):
            rollcall.audit(estimator, table, labels, out=out, **(options | more))
    grown = rollcall.audit(Rote(), X, y, out=out, **(options | {"models": 10}))
    assert (logits_of(grown)[:8] == logits_of(first)).all()
    (out / "targets" / "0003.npy").write_bytes(b"damaged")
    with pytest.raises(InputError, match=r"0003\.npy: damaged"):
        logits_of(rollcall.audit(Rote(), X, y, out=out, **(options | {"models": 10})))


def test_a_fit_that_fails_is_named_and_what_is_finished_stays(leaky, tmp_path):
    X, y, groups, _ = leaky
    failing = Failing(at=draw_seed(0, 3))
    with pytest.raises(InputError) as caught:
        rollcall.audit(failing, X, y, groups=groups, models=8, n_jobs=1, out=tmp_path / "out")
    assert str(caught.value) == (
        "model 3: the estimator failed on its half of the patients "
        "(ZeroDivisionError: a column is constant)"
    )
    assert len(list((tmp_path / "out" / "targets").glob("*.json"))) == 3


@pytest.mark.slow
def test_raw_tables_without_skill_are_audited_and_it_is_said(mixed):
    table, y, groups = mixed
    audited = rollcall.audit(
        DummyClassifier(strategy="stratified"), table, y, groups=groups, models=10
    )
    assert "hardly learnt their task" in audited.summary()
    assert not exposed_of(audited)


@pytest.mark.usefixtures("fits_only")
def test_warnings_of_a_fit_are_counted_and_not_shown(mixed, pipeline):
    table, y, groups = mixed
    lazy = pipeline.set_params(logisticregression__max_iter=1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        audited = rollcall.audit(lazy, table, y, groups=groups, models=8)
    assert not [each for each in caught if "ConvergenceWarning" in str(each.category)]
    assert "8 of 8 models gave a ConvergenceWarning" in audited.study.cohort.notes


def test_every_random_state_is_set_and_what_was_given_stays_as_it_was():
    pipeline = make_pipeline(LogisticRegression(random_state=1), RandomForestClassifier(n_jobs=4))
    copy = prepare(pipeline, 7, is_shared=True)
    settings = copy.get_params()
    assert [value for key, value in settings.items() if key.endswith("random_state")] == [7, 7]
    assert settings["randomforestclassifier__n_jobs"] == 1
    assert prepare(pipeline, 7, is_shared=False)[-1].n_jobs == 4
    assert pipeline[0].random_state == 1
    seeds = [draw_seed(seed, model) for seed in range(4) for model in range(64)]
    assert len(set(seeds)) == len(seeds)


def test_processes_are_counted_as_joblib_does():
    assert count_workers(None) == count_workers(-1) == cores()
    assert count_workers(3) == 3
    assert count_workers(-100) == 1


def test_importing_rollcall_stays_light():
    code = "import sys, rollcall; print(*sys.modules); rollcall.audit; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before, after = map(str.split, run.stdout.splitlines())
    assert not {"numpy", "sklearn"} & set(before)
    assert "torch" not in after
    with pytest.raises(AttributeError, match="no attribute 'odit'"):
        rollcall.odit  # noqa: B018
