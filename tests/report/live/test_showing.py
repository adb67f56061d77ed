"""What is shown of runs under way."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from rollcall.report.live import showing
from rollcall.runs.listing import State
from rollcall.util.progress import draw_bar

NOW = 1000.0


@pytest.fixture
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("ROLLCALL_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    run = SimpleNamespace(targets=64, path=tmp_path / "results" / "a b" / "<r>")
    return State("a b/<r>", run, tuple(range(12)), NOW - 1, 95.0, False, False)


def test_how_far_it_is(state):
    html = showing.show_state(state, ["1 < 2"], NOW).data
    assert "12 of 64 models trained, about 2 min left" in html
    assert "<li>1 &lt; 2</li>" in html
    assert "a b/&lt;r&gt;" in html
    assert "<r>" not in html
    assert 'aria-label="models of a b/&lt;r&gt;"' in html


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"trained": ()}, "0 of 64 models trained: the first ones are under way"),
        ({"left": None}, "12 of 64 models trained<"),
        ({"left": 2.0}, "12 of 64 models trained, any moment now"),
        ({"stopped": True, "last": NOW - 300}, "nothing new for 5 min: it seems to have stopped"),
        ({"trained": tuple(range(64)), "left": None}, "all 64 models are trained"),
    ],
)
def test_what_is_said_of_it(state, changes, words):
    assert words in showing.show_state(replace(state, **changes), [], NOW).data


def test_a_report_is_a_link_from_where_the_kernel_stands(state, tmp_path, monkeypatch):
    done = replace(state, report=True)
    assert 'href="results/a%20b/%3Cr%3E/report.html"' in showing.show_runs([done], NOW).data
    (tmp_path / "results" / "notebooks").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "results" / "notebooks")
    assert 'href="../a%20b/%3Cr%3E/report.html"' in showing.show_runs([done], NOW).data
    monkeypatch.setenv("ROLLCALL_HOME", str(tmp_path / "elsewhere"))
    html = showing.show_runs([done], NOW).data
    assert "href" not in html
    assert f"report: {tmp_path}" in html


def test_no_runs():
    assert "No run yet" in showing.show_runs([], NOW).data


def test_a_bar_has_a_label_and_its_numbers():
    assert draw_bar(3, 12, 'a "b"').startswith(
        '<progress value="3.00" max="12" aria-label="a &quot;b&quot;"'
    )
