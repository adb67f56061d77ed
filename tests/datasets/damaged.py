"""What every damaged release must do: one line that names the place, exit status 2, no harm.

No harm: what was prepared before stays as it was.
"""

import contextlib
import hashlib
import re
import shutil
from pathlib import Path

import pytest

from rollcall.__main__ import main
from rollcall.data import decode, store
from rollcall.report.notebooks import kernels
from tests.datasets.quick import Threads


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
    """Audit a damaged copy of a release; returns the one line that refuses it.

    `damage(root)` is done to a copy of the release `intact`; beside it is a copy of the cache
    `prepared`, the `data` folder in which the intact release was prepared. It must come out of this
    unchanged.
    """
    root, data, out = tmp_path / "release", tmp_path / "data", tmp_path / "out"
    shutil.copytree(intact, root, symlinks=True)
    shutil.copytree(prepared, data)
    before = snapshot(data)
    assert before, "the intact release was not prepared"
    damage(root)
    capsys.readouterr()
    words = ["audit", "--cohort", name, "--root", root, "--data", data, "--out", out]
    words += ["--targets", 8, *(word for option in options for word in ("--option", option))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decode.futures, "ProcessPoolExecutor", Threads)
        patch.setattr(kernels, "start_kernel_server", lambda *_: contextlib.nullcontext(None))
        patch.setattr(store, "MOST_DAMAGED_SHARE", 0)  # as if one file were more than is borne
        status = main(list(map(str, words)))
    printed = capsys.readouterr()
    lines = [line for line in printed.err.splitlines() if not line.startswith("preparing ")]
    lines = [line for line in lines if line.strip() and "Preparing" not in line]  # the progress bar
    assert status == 2, printed
    assert len(lines) == 1, lines
    assert lines[0].startswith("rollcall: "), lines
    assert re.search(match, lines[0]), lines[0]
    assert snapshot(data) == before
    assert not out.exists()
    return lines[0]
