"""Copies of notebooks and lessons to work on, so that no output ever enters what git tracks.

A copy is renewed when its notebook is, as long as nobody has changed a cell of it; running it
changes none. A copy that somebody has changed stays, and the new version comes beside it.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from rollcall.runs.folder import hide_from_git
from rollcall.util.files import home, make_private, notebooks, write_bytes, write_json

FOLDER = "notebooks"  # below results/
NOTED = ".copied.json"  # what the cells of each copy were like when it was made
CHECKPOINTS = ".ipynb_checkpoints"
NEW = ".new"  # before the ending: the new version of a notebook whose copy was changed


def renew_copies(folder: Path | None = None) -> tuple[Path, list[str]]:
    """Make or renew the copies of all notebooks; return their folder, and what is to be said.

    folder: by default results/notebooks below home(); private, and git ignores it; lessons lie in
    it as they do in notebooks/. A sentence for each copy that was changed by its owner and of which
    there is a new version.
    """
    folder = hide_from_git(folder or home() / "results" / FOLDER)
    noted, sentences = _read_noted(folder), []
    for source in _list_sources():
        path = source.relative_to(notebooks())
        name, beside = path.as_posix(), path.with_name(f"{path.stem}{NEW}{path.suffix}").as_posix()
        make_private((folder / name).parent)
        if _renew(source, folder, name, noted):
            if _is_ours(folder, beside, noted):
                (folder / beside).unlink()
        elif noted.get(name) != digest_cells(_adapt(source)):
            _renew(source, folder, beside, noted)
            sentences.append(
                f"{name}: you have changed this copy, it stays; the new version is {beside}"
            )
    write_json(folder / NOTED, noted)
    return folder, sentences


def _list_sources() -> list[Path]:
    """List the notebooks, lessons included, but for what JupyterLab keeps beside them."""
    paths = sorted(notebooks().glob("**/*.ipynb"))
    return [path for path in paths if path.parent.name != CHECKPOINTS]


def _renew(source: Path, folder: Path, name: str, noted: dict[str, str]) -> bool:
    """Let a copy be its source's, unless its owner has changed it; say whether it is."""
    content, copy = _adapt(source), folder / name
    current = digest_cells(content)
    if copy.exists() and digest_cells(copy.read_bytes()) != current:
        if not _is_ours(folder, name, noted):
            return False
        copy.unlink()
    if not copy.exists():
        write_bytes(copy, content)
    noted[name] = current
    return True


def _is_ours(folder: Path, name: str, noted: dict[str, str]) -> bool:
    """Say whether a copy is there and has the cells that it was made with."""
    copy = folder / name
    return copy.exists() and digest_cells(copy.read_bytes()) == noted.get(name)


def _adapt(source: Path) -> bytes:
    """Return a notebook as its copy is to be: links that leave notebooks/ go up a folder more."""
    leaving = b"](" + b"../" * len(source.relative_to(notebooks()).parts)
    return source.read_bytes().replace(leaving, leaving + b"../")


def digest_cells(content: bytes) -> str:
    """Digest the kinds and texts of a notebook's cells; of what is no notebook, its bytes."""
    try:
        cells = [
            [cell["cell_type"], "".join(cell["source"])] for cell in json.loads(content)["cells"]
        ]
    except (ValueError, KeyError, TypeError):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()


def _read_noted(folder: Path) -> dict[str, str]:
    try:
        noted = json.loads((folder / NOTED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return noted if isinstance(noted, dict) else {}
