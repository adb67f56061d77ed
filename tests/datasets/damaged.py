"""What every damaged release must do: one line that names the place, exit status 2, and a cache that stays as it was."""

import hashlib
import re
import shutil
from pathlib import Path

from rollcall.__main__ import main


def snapshot(folder: Path) -> dict[str, str]:
    """Every prepared file and its hash; what is still being built (.building-…, locks) aside."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    }


def refused(
    name: str, intact: Path, prepared: Path, damage, match: str, tmp_path: Path, capsys, options=()
) -> str:
    """Copy the release `intact`, do `damage(root)` to the copy, and audit it beside a copy of the cache `prepared`. Returns the line.

    prepared: the `data` folder in which the intact release was prepared; it must come out of this unchanged.
    """
    root, data, out = tmp_path / "release", tmp_path / "data", tmp_path / "out"
    shutil.copytree(intact, root, symlinks=True)
    shutil.copytree(prepared, data)
    before = snapshot(data)
    assert before, "the intact release was not prepared"
    damage(root)
    capsys.readouterr()
    status = main(
        [
            "audit",
            "--cohort",
            name,
            "--root",
            str(root),
            "--data",
            str(data),
            "--out",
            str(out),
            "--targets",
            "8",
            *(part for option in options for part in ("--option", option)),
        ]
    )
    said = capsys.readouterr()
    lines = [line for line in said.err.splitlines() if not line.startswith("preparing ")]
    lines = [line for line in lines if line.strip() and "Preparing" not in line]  # the progress bar
    assert status == 2, said
    assert len(lines) == 1 and lines[0].startswith("rollcall: "), lines
    assert re.search(match, lines[0]), lines[0]
    assert snapshot(data) == before
    assert not out.exists()
    return lines[0]
