"""explore.ipynb in JupyterLab, as people meet it: each widget by keyboard, in either theme."""

import os
import shutil
from itertools import pairwise
from pathlib import Path

import pytest

SHOTS = os.environ.get("ROLLCALL_SHOTS")  # a folder to keep pictures in
SLIDERS = ["Threshold", "Number of models", "Number of models", "Patients at the top"]
MOST_MS = 100  # for a move: the event, the new picture, the browser's next frame
MEASURE = """async (range) => {
    const taken = []
    for (let move = 0; move < 21; move += 1) {
        const start = performance.now()
        range.value = Math.round((Number(range.max) * ((move * 8) % 21)) / 21)
        range.dispatchEvent(new Event('input', { bubbles: true }))
        await new Promise(requestAnimationFrame)
        taken.push(performance.now() - start)
    }
    return taken.sort((a, b) => a - b)[5] // of 21: the others may have waited for other programs
}"""


@pytest.fixture
def explored(lab, visit):
    """The notebook, run to its end, with a second run beside the finished one."""
    folder = lab.home / "results" / "simulated"
    shutil.copytree(folder / "mlp", folder / "second", dirs_exist_ok=True)
    lab.give("explore.ipynb", run="simulated/mlp", other="simulated/second")
    page = lab.open(visit, "explore.ipynb", height=4000)
    lab.run_all(page)
    yield page
    shutil.rmtree(folder / "second")


def press(page, box, key):
    """Press a key on a slider; return what its picture is, and what is said beside it."""
    box.focus()
    page.keyboard.press(key)
    section = box.locator("xpath=ancestor::section")
    sentence = section.locator("[aria-live]").first.text_content()
    return sentence, section.locator("svg").first.inner_html(), box.get_attribute("aria-valuetext")


def check_dark(page):
    """Lines have other colours in the dark, and the pictures are kept to be looked at."""
    colours = {}
    for theme in ("light", "dark"):
        page.evaluate("dark => { document.body.dataset.jpThemeLight = !dark }", theme == "dark")
        for name in ("line.true", "gauss.out"):
            shape = page.locator(f".rollcall path.{name}").first
            colours[theme, name] = shape.evaluate("shape => getComputedStyle(shape).stroke")
        if SHOTS:
            page.screenshot(path=Path(SHOTS) / f"explore-{theme}.png")
    for name in ("line.true", "gauss.out"):
        assert colours["light", name] != colours["dark", name]


def test_every_widget_moves_by_keyboard_at_once_and_nothing_leaves(explored, lab, traffic):
    page = explored
    ranges = page.locator(".rollcall input[type=range]")
    assert ranges.count() == len(SLIDERS)
    for number, name in enumerate(SLIDERS):
        box = ranges.nth(number)
        label = page.locator(f"label[for='{box.get_attribute('id')}']")
        assert label.text_content() == name
        moves = [press(page, box, key) for key in ("Home", "End", "ArrowLeft")]
        for what in pairwise(moves):
            assert all(one != other for one, other in zip(*what, strict=True)), name
        assert box.evaluate(MEASURE) < MOST_MS, name

    check_dark(page)
    groups = page.get_by_label("Groups")
    shown = page.locator(".rollcall table.unseen").text_content()
    groups.focus()
    page.keyboard.press("ArrowDown")
    assert page.locator(".rollcall table.unseen").text_content() != shown

    rank = page.locator("input[type=number]")
    rank.focus()
    page.keyboard.press("ArrowUp")
    page.get_by_text("The patient of rank 2 of 120").wait_for()

    press(page, ranges.first, "Home")
    page.locator(".rollcall code", has_text="-p threshold 0.5").wait_for()
    page.get_by_role("button", name="Copy this view").press("Enter")
    page.get_by_text("Ctrl-C copies it").or_(page.get_by_text("Copied")).wait_for()

    runs = page.get_by_label("Run", exact=True)
    runs.focus()
    page.keyboard.press("ArrowDown")
    page.locator(".rollcall code", has_text="-p run simulated/second").wait_for()
    page.get_by_text("The patient of rank 1 of 120").wait_for()

    assert not lab.errors("explore.ipynb")
    assert not traffic.errors
    assert "Error" not in "".join(page.locator(".jp-OutputArea-output").all_text_contents())
