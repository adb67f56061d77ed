"""The report of a run: put in place whole, of one audit, while others wait or come between."""

import json
import threading

import pytest

from rollcall import auditing
from rollcall.auditing import report
from rollcall.report import notebooks
from rollcall.runs.derived.manifests import check_made
from rollcall.runs.run import Run, open_run
from rollcall.util.errors import InputError

STEPS = {"1_train": {"n": 1}, "2_attack": {"n": 2}}


@pytest.fixture
def study(tmp_path, tiny, invent):
    return invent(tmp_path / "r", tiny, targets=16)


@pytest.fixture
def executing(monkeypatch):
    """Let a function stand for the execution of a notebook: it is called with its name."""

    def use(act=lambda name: None):
        def execute(notebook, output, parameters, cwd, stream=None, server=None, first=""):
            try:
                act(notebook.stem)
            except RuntimeError as error:
                failed = output.with_name(f"{output.stem}.failed.ipynb")
                failed.write_text(BOOK)
                raise RuntimeError(f"{error}; more in {failed}") from error
            output.write_text(BOOK)

        monkeypatch.setattr(notebooks, "execute_notebook", execute)

    return use


BOOK = json.dumps(
    {
        "cells": [{"cell_type": "markdown", "id": "0", "metadata": {}, "source": "# A"}],
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
)


def test_a_report_is_of_what_the_run_has(study, executing):
    executing(lambda name: study.attack() if name == "2_attack" else None)
    said = []
    sentences = report.make_report(study, STEPS, said.append)
    assert said == ["[1/2] 1_train", "[2/2] 2_attack"]
    run = open_run(study.run.path)
    assert check_made(run) == []
    twin = json.loads(run.file("report.json").read_text())
    assert twin["summary"] == sentences
    assert twin["made_from"]["targets"] == 16
    names = {path.name for path in run.file("made").iterdir()}
    expected = {"1_train", "2_attack", "attack", "model_card", "report"}
    assert names == {f"{name}.json" for name in expected}
    assert run.file("model_card.md").read_text().startswith("# Model card: simulated")
    assert twin["decision"] is None
    assert not run.file("verdict.json").exists()


def test_an_audit_of_other_targets_leaves_nothing_of_the_first(study, executing, tiny):
    executing(lambda name: study.attack() if name == "2_attack" else None)
    report.make_report(study, STEPS, lambda line: None)
    few = auditing.Audit(Run(study.run.path, study.run.config | {"targets": 8}), tiny)

    def attack(name):
        if name == "2_attack":
            few.attack()
            left = {path.name for path in few.run.path.iterdir()}
            assert not left & {"report.html", "report.json"}
            assert not list(few.run.file("notebooks").iterdir())

    executing(attack)
    report.make_report(few, STEPS, lambda line: None)
    assert json.loads(few.run.file("report.json").read_text())["made_from"]["targets"] == 8
    assert check_made(few.run) == []
    assert check_made(study.run)


def test_somebody_elses_attack_in_between_is_one_line(study, executing, tiny):
    few = auditing.Audit(Run(study.run.path, study.run.config | {"targets": 8}), tiny)

    def attack(name):
        if name == "2_attack":
            study.attack()
            few.attack()  # by hand, in a notebook

    executing(attack)
    with pytest.raises(InputError, match="made from 8 target models, and not 16; run 2_attack"):
        report.make_report(study, STEPS, lambda line: None)
    assert not study.run.file("report.html").exists()


def test_a_notebook_that_fails_is_left_in_the_run(study, executing):
    def fail(name):
        raise RuntimeError("failed at In [3]")

    executing(fail)
    with pytest.raises(RuntimeError) as caught:
        report.make_report(study, STEPS, lambda line: None)
    left = study.run.file("notebooks/1_train.failed.ipynb")
    assert str(caught.value) == f"failed at In [3]; more in {left}"
    assert left.stat().st_mode & 0o777 == 0o600


def test_two_audits_queue_after_the_training(study, executing, caplog):
    """The second trains at once, and attacks when the first has written its report."""
    inside, order, second = threading.Event(), [], []

    def act(name):
        number = 2 if threading.current_thread() in second else 1
        order.append((number, name))
        if (number, name) == (1, "2_attack"):
            second.append(threading.Thread(target=make))
            second[0].start()
            assert inside.wait(30)
            second[0].join(0.3)
            assert (2, "2_attack") not in order
        if (number, name) == (2, "1_train"):
            inside.set()
        if name == "2_attack":
            auditing.attack(study)

    def make():
        return report.make_report(study, STEPS, lambda line: None)

    executing(act)
    make()
    second[0].join(60)
    assert order == [(1, "1_train"), (1, "2_attack"), (2, "1_train"), (2, "2_attack")]
    assert "another process is at work on this run (audit); waiting" in caplog.text
    assert check_made(study.run) == []
