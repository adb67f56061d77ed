import re
import sys

import pytest

from rollcall.util import progress
from rollcall.util.progress import Foretold, announce, bar, track, write_seconds


def test_a_bar_takes_the_amount_done(monkeypatch, capsys):
    monkeypatch.setenv("ROLLCALL_PLAIN_PROGRESS", "1")
    with bar(4, "Preparing", "file") as show:
        show(1)
        show(4)
    assert "Preparing: 100%" in capsys.readouterr().err


def test_items_are_tracked_in_order(monkeypatch, capsys):
    monkeypatch.setenv("ROLLCALL_PLAIN_PROGRESS", "1")
    assert list(track(iter("abc"), "Attacking", "attack")) == ["a", "b", "c"]
    assert "3/3 attacks" in capsys.readouterr().err


def test_an_announcement_is_a_line_on_stderr(capsys):
    announce("reading")
    assert capsys.readouterr() == ("", "reading\n")


# --- in a notebook


@pytest.fixture
def shown(monkeypatch):
    """What a notebook's cell shows: a list of lines for each bar, as it is renewed."""
    bars = []

    class Handle:
        def __init__(self, html):
            self.lines = [html.data]

        def update(self, html):
            self.lines.append(html.data)

    def display(html, display_id):
        assert display_id
        bars.append(Handle(html))
        return bars[-1]

    monkeypatch.setattr(progress, "is_notebook", lambda: True)
    monkeypatch.setattr("IPython.display.display", display)
    monkeypatch.setattr(progress, "REDRAWN", -1.0)
    return bars


def test_one_bar_that_leaves_a_sentence(shown):
    with bar(64, "Training", "model", "64 models") as show:
        show(32.4)
    (only,) = shown
    *_, drawn, left = only.lines
    assert only.lines[0].count("<progress") == drawn.count("<progress") == 1
    assert "32 of 64 models" in drawn
    assert 'aria-label="Training"' in drawn
    assert re.fullmatch(r"<div>64 models in \d+ s</div>", left)


def test_what_is_done_on_the_way_leaves_nothing(shown):
    list(track("abc", "Attacking", "attack"))
    assert shown[0].lines[-1] == ""


def test_a_bar_inside_another_is_a_line_of_it_and_leaves_nothing(shown):
    for _ in track("ab", "Variants", "variant", "2 variants"):
        with bar(4, "Training", "model", "4 models") as show:
            show(4)
            assert shown[0].lines[-1].count("<progress") == 2
        assert shown[0].lines[-1].count("<progress") == 1
    assert len(shown) == 1
    assert shown[0].lines[-1] == "<div>2 variants in 0 s</div>"
    with bar(4, "Training", "model", "4 models"):
        pass
    assert "4 models" in shown[1].lines[-1]


def test_an_iteration_that_is_left_takes_its_bar_with_it(shown):
    for _ in track("ab", "Variants", "variant", "2 variants"):
        break
    with bar(4, "Training", "model", "4 models"):
        assert len(shown) == 2
    assert shown[0].lines[-1] == ""


def test_who_stops_it_reads_one_line(shown):
    with pytest.raises(KeyboardInterrupt) as stopped, bar(4, "Training", "model", "4 models"):
        raise KeyboardInterrupt
    assert stopped.value._render_traceback_() == ["stopped; the same cell resumes where it was"]
    assert shown[0].lines[-1] == ""


def test_outside_of_notebooks_no_html(monkeypatch):
    assert not progress.is_notebook()
    monkeypatch.setitem(sys.modules, "ipykernel", object())
    assert not progress.is_notebook()


# --- how long it takes


def test_getting_ready_is_no_pace():
    foretold = Foretold(64)
    assert foretold.estimate(0, 100.0) is None
    assert foretold.estimate(0.5, 130.0) is None  # half a minute of imports
    assert foretold.estimate(1.0, 131.0) is None  # too early
    assert foretold.estimate(4.5, 138.0) == pytest.approx(8 * 59.5 / 4)


def test_an_even_pace_is_foretold_evenly():
    """Work of fractions, in bursts of eight: no estimate is off by more than a quarter."""
    foretold, seconds = Foretold(64), 128.0
    for step in range(1, 640):
        done = step / 10
        estimate = foretold.estimate(done, 2 * done + (0.7 if step % 80 < 40 else 0))
        if estimate is not None and done < 60:
            assert estimate == pytest.approx(seconds - 2 * done, rel=0.25)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0 s"), (58, "58 s"), (150, "2 min"), (9000, "2.5 h")]
)
def test_durations_as_people_say_them(seconds, text):
    assert write_seconds(seconds) == text
