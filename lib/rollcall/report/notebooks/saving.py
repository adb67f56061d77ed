"""What JupyterLab saves: never an output into a notebook that git tracks.

Outputs may show patients. JupyterLab runs this before it writes any file.
"""

from __future__ import annotations

import json
from pathlib import Path

from rollcall.util.files import notebooks

FOLDED = "jupyter"  # the key of a cell's metadata that says whether its code is shown


def strip_tracked(path: str, model: dict, contents_manager, **_) -> None:
    """Strip a notebook or lesson of Rollcall's own folder of outputs and counts before it is saved.

    path: below contents_manager.root_dir. model: as jupyter_server has it, changed in place. Its
    metadata stay what they are on disk, and so does which code is folded away. A copy elsewhere
    keeps its outputs.
    """
    file = Path(contents_manager.root_dir, path.lstrip("/")).resolve()
    if model.get("type") != "notebook" or not file.is_relative_to(notebooks().resolve()):
        return
    content, on_disk = model["content"], _read(file)
    folded = {
        cell.get("id"): cell["metadata"][FOLDED]
        for cell in on_disk.get("cells", ())
        if FOLDED in cell.get("metadata", {})
    }
    for cell in content["cells"]:
        metadata = {
            "tags": cell.get("metadata", {}).get("tags"),
            FOLDED: folded.get(cell.get("id")),
        }
        cell["metadata"] = {key: value for key, value in metadata.items() if value}
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    content["metadata"] = on_disk.get("metadata", content.get("metadata", {}))


def _read(file: Path) -> dict:
    """Read a notebook as it is on disk; an empty one if it is new, or damaged."""
    try:
        book = json.loads(file.read_text(encoding="utf-8"))
        return book if all("cell_type" in cell for cell in book["cells"]) else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
