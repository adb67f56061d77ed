"""Files written whole or not at all, and their hashes; and how many cores there are to write them with."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]  # lib/rollcall in a clone


@contextlib.contextmanager
def atomic_write(path: Path):
    """A binary file that takes the place of `path` when the block ends well; nothing changes there when it does not."""
    part = path.with_name(path.name + ".part")
    try:
        with open(part, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_json(path: Path, content: dict) -> None:
    with atomic_write(path) as file:
        file.write(json.dumps(content, indent=1).encode())


def write_table(path: Path, table) -> None:
    """A pandas table as parquet."""
    with atomic_write(path) as file:
        table.to_parquet(file, index=False)


def sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def home() -> Path:
    """Return the folder that holds data/ and results/ unless a user names others.

    ROLLCALL_HOME where it is set; the top of the clone that Rollcall runs from; else, installed, the folder one stands in.
    """
    if named := os.environ.get("ROLLCALL_HOME"):
        return Path(named).absolute()
    return clone() or Path.cwd()


def clone() -> Path | None:
    """Return the top of the clone that this package lies in, or None if it is installed."""
    top = PACKAGE.parents[1]
    return (
        top
        if PACKAGE.parent.name == "lib"
        and (top / "notebooks").is_dir()
        and (top / "pyproject.toml").is_file()
        else None
    )


def notebooks() -> Path:
    """Return the folder of the notebooks: the clone's, or the installed package's own."""
    top = clone()
    return top / "notebooks" if top else PACKAGE / "notebooks"
