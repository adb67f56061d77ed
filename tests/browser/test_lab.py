"""JupyterLab as people meet it: the page to start from, links, all cells run, an audit watched."""

import subprocess
import sys

import pytest

from rollcall.util.files import clone
from tests.browser.lab import TINY

STARTING = """
from rollcall import auditing
if __name__ == "__main__":
    run = "under-way"
    auditing.plan(run=run, targets=16, options=["patients=120"], recipe=["epochs=30"]).train()
"""


def test_the_page_to_start_from(lab, visit, traffic, tmp_path):
    page = lab.open(visit, "start.ipynb")
    panel = page.locator(".jp-NotebookPanel:visible")
    panel.get_by_role("heading", name="Where do I start?").wait_for()
    assert page.get_by_text("official Jupyter news").count() == 0  # no question lies over it
    lab.run_all(page)
    assert not lab.errors("start.ipynb")
    page.screenshot(path=tmp_path / "start.png")
    panel.get_by_role("link", name="report", exact=True).first.click()
    report = page.frame_locator("iframe")
    report.get_by_role("heading", name="simulated", exact=False).first.wait_for()
    page.screenshot(path=tmp_path / "report.png")
    page.get_by_role("tab", name="start.ipynb").click()
    panel.get_by_role("link", name="2_attack").first.click()
    page.get_by_role("heading", name="Which patients could be picked out?").wait_for()
    assert not traffic.errors


def test_all_cells_of_a_notebook_run(lab, visit, traffic, tmp_path):
    lab.give("3_disparity.ipynb", **TINY)
    page = lab.open(visit, "3_disparity.ipynb")
    lab.run_all(page)
    page.screenshot(path=tmp_path / "disparity.png")
    assert not lab.errors("3_disparity.ipynb")
    outputs = lab.outputs("3_disparity.ipynb")
    assert not [out for out in outputs if out.get("name") == "stderr"]  # no bar of text
    shown = ["".join(out.get("data", {}).get("text/html", "")) for out in outputs]
    assert sum("<figure>" in html for html in shown) > 1
    assert not any("<progress" in html for html in shown)  # no bar stays
    assert not traffic.errors


def test_a_run_is_watched_while_another_process_trains_it(lab, visit, tmp_path):
    page = lab.open(visit, "watch.ipynb")
    environment = {"ROLLCALL_HOME": str(lab.home), "PYTHONPATH": str(clone() / "lib")}
    (tmp_path / "train.py").write_text(STARTING)
    with subprocess.Popen([sys.executable, tmp_path / "train.py"], env=environment) as process:
        while not (lab.home / "results" / "simulated" / "under-way" / "run.json").exists():
            assert process.poll() is None
            page.wait_for_timeout(200)
        lab.run_all(page)
        shown = page.locator(".jp-NotebookPanel:visible .jp-OutputArea-output").last
        shown.get_by_text("of 16 models trained").wait_for()
        page.screenshot(path=tmp_path / "under-way.png")
        shown.get_by_text("all 16 models are trained").wait_for(timeout=60_000)
        shown.get_by_text("By all models, before the attack with its controls").wait_for()
        page.screenshot(path=tmp_path / "trained.png")
    assert process.returncode == 0
    assert not lab.errors("watch.ipynb")


@pytest.mark.parametrize("name", ["1_train.ipynb", "watch.ipynb"])
def test_what_git_tracks_is_not_what_opens(lab, name):
    assert (lab.notebooks / name).exists()
    assert lab.notebooks != clone() / "notebooks"
