"""A verdict in a run: beside what it was made from, or refused."""

import json

import pytest

from rollcall.report import appetite
from rollcall.runs.appetite import count_earlier
from rollcall.runs.derived.manifests import check_made, describe, discard_stale, note_made
from rollcall.runs.run import open_run
from rollcall.util.errors import InputError
from tests.report.appetite.examples import FILE, write_file


@pytest.fixture(scope="module")
def attacked(tmp_path_factory, tiny, invent):
    """A run of 12 invented targets, attacked. Each test changes files that the next one writes."""
    study = invent(tmp_path_factory.mktemp("run") / "r", tiny, targets=12)
    study.attack()
    return study


@pytest.fixture
def judged(attacked, tiny):
    return judge(attacked.run, tiny, FILE)


def judge(run, cohort, text):
    run = appetite.state_appetite(open_run(run.path), appetite.parse_appetite(text))
    verdict = appetite.judge_run(run, cohort)
    made_from = describe(run, ["attack"], True, None, True)
    appetite.write_decision(run, cohort, made_from, verdict)
    return run


def test_a_verdict_is_read_back_with_the_file_and_its_sha256(judged, tiny):
    verdict = appetite.read_verdict(open_run(judged.path))
    assert verdict == appetite.describe_verdict(appetite.judge_run(judged, tiny))
    assert verdict["appetite"]["text"] == FILE
    assert verdict["appetite"]["sha256"] == appetite.parse_appetite(FILE).sha256
    manifest = json.loads(judged.file("made/verdict.json").read_text())
    assert manifest["made_from"]["appetite"] == verdict["appetite"]["sha256"]
    card = judged.file("model_card.md").read_text()
    assert "## Decision" in card
    assert verdict["outcome"].upper() in card
    assert check_made(judged) == []


def test_another_file_of_thresholds_makes_a_verdict_stale(judged, tiny):
    other = appetite.parse_appetite(write_file(thresholds={"lira_auc": 0.9}))
    run = appetite.state_appetite(judged, other)
    with pytest.raises(InputError, match="were made from another file of thresholds"):
        appetite.read_verdict(run)
    assert count_earlier(run) >= 1
    discard_stale(run)
    assert not run.file("verdict.json").exists()
    assert not run.file("model_card.md").exists()
    again = judge(run, tiny, FILE)
    assert appetite.read_verdict(again)["judged_before"] >= 1


def test_without_thresholds_there_is_no_verdict_and_the_old_one_goes(judged, tiny):
    run = appetite.state_appetite(judged, None)
    assert appetite.read_verdict(run) is None
    assert appetite.judge_run(run, tiny) is None
    appetite.write_decision(run, tiny, describe(run, ["attack"], True), None)
    assert not run.file("verdict.json").exists()
    assert "## Decision" not in run.file("model_card.md").read_text()


@pytest.mark.parametrize("damage", ["cut", "changed", "gone", "no manifest", "manifest of another"])
def test_a_damaged_verdict_is_refused(judged, damage):
    path, manifest = judged.file("verdict.json"), judged.file("made/verdict.json")
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:100])
    elif damage == "changed":
        path.write_text(path.read_text().replace('"exit_status": ', '"exit_status": 1'))
    elif damage == "gone":
        path.unlink()
    elif damage == "no manifest":
        manifest.unlink()
    else:
        manifest.write_bytes(judged.file("made/attack.json").read_bytes())
    with pytest.raises(InputError) as caught:
        appetite.read_verdict(judged)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", ["smallest_cell", "targets", "version"])
def test_a_verdict_made_from_something_else_is_refused(judged, key):
    made_from = json.loads(judged.file("made/verdict.json").read_text())["made_from"]
    note_made(judged, "verdict", made_from | {key: 8}, ["verdict.json"])
    with pytest.raises(InputError, match="the files of verdict were made from"):
        appetite.read_verdict(judged)


def test_thresholds_dated_after_the_run_began_are_refused(judged):
    run = type(judged)(judged.path, judged.config | {"started": "2024-02-27T00:00:00Z"})
    with pytest.raises(InputError, match="after this audit began"):
        appetite.state_appetite(run, appetite.parse_appetite(FILE))


def test_the_same_file_again_is_no_other_file(judged, tiny):
    before = count_earlier(judged)
    assert count_earlier(judge(judged, tiny, FILE)) == before
