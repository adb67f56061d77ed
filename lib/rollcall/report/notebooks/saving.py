"""What JupyterLab saves: never an output into a notebook that git tracks.

Outputs may show patients. JupyterLab runs this before it writes any file.
"""

from __future__ import annotations

import json
from pathlib import Path

from rollcall.util.files import notebooks


def strip_tracked(path: str, model: dict, contents_manager, **_) -> None:
    """Strip a notebook of Rollcall's own folder of outputs and counts before it is saved.

    path: below contents_manager.root_dir. model: as jupyter_server has it, changed in place. Its
    metadata stay what they are on disk. A copy elsewhere keeps its outputs.
    """
    file = Path(contents_manager.root_dir, path.lstrip("/")).resolve()
    if model.get("type") != "notebook" or file.parent != notebooks().resolve():
        return
    content = model["content"]
    for cell in content["cells"]:
        tags = cell.get("metadata", {}).get("tags")
        cell["metadata"] = {"tags": tags} if tags else {}
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    try:
        content["metadata"] = json.loads(file.read_text(encoding="utf-8"))["metadata"]
    except (OSError, ValueError, KeyError):  # a new one
        return
