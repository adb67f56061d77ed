"""What every notebook is held to, wherever it is tested."""

import json
import subprocess
import sys
from pathlib import Path


def clean_cells(path: Path) -> list[dict]:
    """The cells of a notebook, which is committed without outputs, opens with a question and has its parameters in its second cell."""
    cells = json.loads(path.read_text())["cells"]
    assert all(
        not cell["outputs"] and cell["execution_count"] is None
        for cell in cells
        if cell["cell_type"] == "code"
    )
    title = "".join(cells[0]["source"]).splitlines()[0]
    assert title.startswith("# ")
    assert title.endswith("?")
    assert cells[1]["metadata"]["tags"] == ["parameters"]
    return cells


def assert_stripped(path: Path) -> None:
    """nbstripout finds nothing to take away."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "nbstripout",
            "--verify",
            "--keep-id",
            "--extra-keys",
            "metadata.papermill cell.metadata.papermill",
            str(path),
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
