"""JupyterLab as `rollcall lab` starts it, on a home of its own with one finished run.

def test_a_notebook(lab, visit):
    lab.give("2_attack.ipynb", targets=16)
    page = lab.open(visit, "2_attack.ipynb")
    lab.run_all(page)
    assert not lab.errors("2_attack.ipynb")
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

SECONDS = 120  # for all cells of a notebook, on a busy machine
# The kernel is idle and no cell waits, five times one after another.
DONE = """() => {
    const idle = document.querySelector('.jp-Notebook-ExecutionIndicator').dataset.status === 'idle'
    const prompts = [...document.querySelectorAll('.jp-InputArea-prompt')]
    const waits = prompts.some((prompt) => prompt.innerText.includes('*'))
    window.timesDone = idle && !waits ? (window.timesDone ?? 0) + 1 : 0
    return window.timesDone >= 5
}"""
# Of the finished run of tests/conftest.py, as a notebook takes them.
TINY = {"targets": 16, "options": ["patients:120"], "recipe": ["epochs:30"]}


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab: where it is, how one enters, and its home."""

    address: str
    token: str
    home: Path

    @property
    def notebooks(self) -> Path:
        return self.home / "results" / "notebooks"

    def give(self, name: str, **parameters) -> None:
        """Write parameters into a copy, as its reader would; TINY are those of the finished run."""
        book = self.read(name)
        (cell,) = [
            cell for cell in book["cells"] if "parameters" in cell["metadata"].get("tags", [])
        ]
        source = "".join(cell["source"])
        for key, value in parameters.items():
            pattern = rf"(?m)^({key}: \w+ = )[^#\n]*"
            assert re.search(pattern, source), f"{name} has no parameter {key}"
            source = re.sub(pattern, lambda match, v=value: f"{match[1]}{v!r}  ", source)
        cell["source"] = source
        (self.notebooks / name).write_text(json.dumps(book))

    def read(self, name: str) -> dict:
        """Read a copy as it is saved."""
        return json.loads((self.notebooks / name).read_text())

    def open(self, visit, name: str, **window):
        """Open a file of the notebooks' folder in a window of its own; wait until it is there."""
        page = visit(
            f"{self.address}lab/tree/results/notebooks/{name}?token={self.token}&reset", **window
        )
        page.locator(".jp-NotebookPanel:visible .jp-Notebook").wait_for()
        page.get_by_text("(ipykernel) | Idle").wait_for()  # before, cells would be lost
        return page

    def run_all(self, page) -> None:
        """Run all cells by the menu, wait for the last one, and save."""
        page.get_by_role("menubar").get_by_text("Run", exact=True).click()
        page.get_by_text("Run All Cells", exact=True).click()
        page.wait_for_selector("[data-status=busy]", state="attached")
        page.wait_for_function(DONE, timeout=1000 * SECONDS, polling=200)
        page.keyboard.press("Control+s")
        page.wait_for_selector(".jp-NotebookPanel:visible:not(.jp-mod-dirty)")
        page.wait_for_timeout(500)

    def outputs(self, name: str) -> list[dict]:
        """List the outputs that a saved copy has."""
        cells = self.read(name)["cells"]
        return [output for cell in cells for output in cell.get("outputs", [])]

    def errors(self, name: str) -> list[str]:
        """List what its cells have raised."""
        outputs = self.outputs(name)
        return ["\n".join(out["traceback"]) for out in outputs if out["output_type"] == "error"]


@pytest.fixture(scope="package")
def lab(finished, tmp_path_factory) -> Iterator[Lab]:
    """JupyterLab on a home with the finished run of tests/conftest.py; once for this folder."""
    home = tmp_path_factory.mktemp("lab")
    shutil.copytree(finished.out, home / "results")
    shutil.copytree(finished.data, home / "data")
    process = subprocess.Popen(
        [sys.executable, "-m", "rollcall", "lab", "--no-browser", "--port", "8950"],
        # settings of the theme and such stay here, whoever changes them
        env=os.environ
        | {"ROLLCALL_HOME": str(home), "JUPYTERLAB_SETTINGS_DIR": str(home / "settings")},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        lines = iter(process.stdout.readline, "")
        line = next(line for line in lines if line.startswith("JupyterLab is at"))
        address, token = re.search(r"(http://\S+?/)lab\S*token=(\w+)", line).groups()
        yield Lab(address, token, home)
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()
