"""Watching an audit: what is said of how many models, and that nothing is written."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from rollcall.auditing import watch, watching
from rollcall.runs.listing import read_state
from rollcall.util.errors import InputError


@pytest.fixture(scope="module")
def state(finished):
    return read_state(finished.run)


def listed(folder):
    """Everything below a folder, and when it was last written."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("trained", [(), (0, 1, 2, 3, 4, 5), (0, 1, 2, 3, 4, 5, 6, 9, 10, 12)])
def test_before_eight_in_pairs_nothing_is_said(state, finished, trained):
    early = replace(state, trained=trained)
    assert watching.estimate(early, finished.data) == ["First estimates come with 8 models."]


def test_eight_name_nobody_and_ten_may(state, finished):
    eight, ten, every = (
        watching.estimate(replace(state, trained=tuple(range(number))), finished.data)
        for number in (8, 10, 16)
    )
    assert eight[0] == "First estimates, by 8 of 16 models: they still move."
    assert "too few to name anybody" in eight[1]
    assert "true AUC of 0.9 or more" in eight[2]
    assert not any("exposed" in sentence for sentence in eight)
    assert "too few" not in " ".join(ten)
    assert "by 10 of 16" in ten[0]
    assert every[0].startswith("By all models, before the attack")


def test_what_all_models_say_is_what_the_report_says(state, finished):
    """The same numbers as the attack has, but for the control."""
    every = watching.estimate(state, finished.data)
    assert every[1] in finished.stdout


def test_models_need_their_other_half(state):
    part = replace(state, trained=(0, 2, 3, 5, 6, 7, 9))
    assert watching.list_paired(part) == [2, 3, 6, 7]


def test_without_the_cohort_it_is_said(state, tmp_path):
    (sentence,) = watching.estimate(state, tmp_path)
    assert sentence == f"No estimates: the prepared cohort of this run is not in {tmp_path}."


def test_it_writes_nothing(finished, capsys):
    before = listed(finished.run), listed(finished.data)
    watch(run="simulated/mlp", out=str(finished.out), data=str(finished.data))
    with pytest.raises(InputError, match="did you mean 'simulated/mlp'"):
        watch(run="simulated/mpl", out=str(finished.out))
    with pytest.raises(InputError, match="no run yet"):
        watch(out=str(finished.out / "none"))
    assert (listed(finished.run), listed(finished.data)) == before
    assert not (finished.out / "none").exists()


class Handle:
    def __init__(self):
        self.shown = []

    def update(self, html):
        self.shown.append(html.data)


def test_it_follows_a_run_that_grows(state, monkeypatch):
    """Estimates at 8, at half as many more, and at the end; what they say is not waited for."""
    counts, asked, handle = iter([0, 4, 8, 8, 10, 12, 14, 16, 16, 16]), [], Handle()
    monkeypatch.setattr(
        watching, "read_state", lambda _: replace(state, trained=tuple(range(next(counts, 16))))
    )

    def say(seen):
        asked.append(len(seen.trained))
        return [f"by {len(seen.trained)}"]

    asyncio.run(watching._follow(Path("a"), handle, say, seconds=0.05))
    assert asked == [8, 12, 16]
    assert "0 of 16 models trained" in handle.shown[0]
    assert "by 8" in " ".join(handle.shown)
    assert "all 16 models are trained" in handle.shown[-1]
    assert "by 16" in handle.shown[-1]
    assert "<progress" not in handle.shown[-1]


def test_what_ends_the_watching_is_shown(monkeypatch):
    handle = Handle()

    async def fail():
        raise InputError("the run <is> gone")

    async def watch_it():
        task = asyncio.create_task(fail())
        await asyncio.wait([task])
        watching._show_end(task, handle)

    asyncio.run(watch_it())
    assert "Watching has ended: the run &lt;is&gt; gone" in handle.shown[0]
