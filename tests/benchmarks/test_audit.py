"""An audit's time is divided among its stages, and every second is in one of them."""

import pytest

from benchmarks import audit
from benchmarks.audit import Span

EMPTY = dict.fromkeys(audit.STAGES, 0.0)


def test_every_second_is_in_one_stage():
    spans = [
        Span("imports", 12, 13),
        Span("training", 14, 24),
        Span(audit.BETWEEN, 10, 30),
        Span("imports", 32, 32.5),
        Span("attacks", 37, 39),
        Span("evaluation", 36, 41),
        Span("risk", 41, 42),
        Span("scores, tables of attacks", 35, 43),
        Span("figures and tables", 34, 45),
        Span("figures and tables", 46, 47),
        Span(audit.BETWEEN, 31, 50),
    ]
    seconds = audit.divide(spans, (17, 22), 0, 60)
    assert seconds == pytest.approx(
        EMPTY
        | {
            "command line and planning": 10,
            "kernel start": 2 + 1,
            "imports": 1 + 0.5,
            "worker start and end": 5,
            "training": 5,
            "attacks": 2,
            "evaluation": 3,
            "risk": 1,
            "scores, tables of attacks": 2,
            "figures and tables": 3 + 1,
            "between cells": 1 + 1.5 + 1,
            "kernel end": 6 + 3,
            "report page and end": 11,
        }
    )
    assert sum(seconds.values()) == pytest.approx(60)


def test_what_workers_did_is_read_off_their_logs(tmp_path):
    for name, seconds in (("one", (7, 9)), ("two", (6, 8))):
        lines = [f"2026-11-25 20:00:0{second},250 INFO target stored" for second in seconds]
        (tmp_path / name).write_text("\n".join(lines))
    first, last = audit.read_logs([tmp_path / "one", tmp_path / "two"])
    assert last - first == pytest.approx(3)
    assert first % 60 == pytest.approx(6.25)


def test_the_median_audit_is_shown(monkeypatch, tmp_path):
    times, planned = iter([5, 1, 3]), []
    monkeypatch.setattr(audit.auditing, "plan", lambda **options: planned.append(options))
    monkeypatch.setattr(audit, "run_audit", lambda words, folder: {"risk": next(times), "page": 1})
    table = audit.table(cohort="simulated", data=str(tmp_path), rounds=3)
    assert list(table["stage"]) == ["risk", "page", "the whole audit"]
    assert list(table["seconds"]) == [3, 1, 4]
    assert list(table["share"]) == [0.75, 0.25, 1]
    assert [options["targets"] for options in planned] == [64]


@pytest.mark.slow
def test_a_whole_audit(tmp_path):
    table = audit.table(
        targets=8, data=str(tmp_path), options=("patients=60",), recipe=("epochs=1",)
    )
    seconds = table.set_index("stage")["seconds"]
    assert list(seconds.index) == [*audit.STAGES, audit.WHOLE]
    assert (seconds > 0).all()
    assert seconds.iloc[:-1].sum() == pytest.approx(seconds[audit.WHOLE])
