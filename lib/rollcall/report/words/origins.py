"""Where a report comes from: version and commit, hashes of the tables behind it, the command."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from rollcall import __version__
from rollcall.runs.derived.manifests import describe_inputs, read_manifest
from rollcall.runs.derived.parts import STEPS
from rollcall.runs.run import Run
from rollcall.util.errors import InputError
from rollcall.util.files import PACKAGE, clone

HASH = re.compile(r"[0-9a-f]{40}")


def describe_tool() -> dict[str, str]:
    """Return version, commit and a sha256 over the sources of the Rollcall that runs now.

    The commit is that of the clone, where it runs from one: sources that were changed since have
    another sha256.
    """
    digest = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        digest.update(str(path.relative_to(PACKAGE).as_posix()).encode() + b"\0")
        digest.update(path.read_bytes())
    return {"version": __version__, "commit": _find_commit(), "sources": digest.hexdigest()}


def show_tool(tool: dict[str, str]) -> str:
    """Write what describe_tool returned in a few words."""
    commit = f"commit {tool['commit'][:10]}" if tool["commit"] else "installed, no commit known"
    return f"Rollcall {tool['version']} ({commit})"


def write_day(day: str) -> str:
    """Write a day, 2026-11-30, in words: 30 November 2026."""
    when = date.fromisoformat(day)
    return f"{when.day} {when:%B %Y}"


def list_hashes(run: Run) -> dict[str, str]:
    """List the sha256 of what the numbers were made from: tables of the steps, scores, members."""
    inputs = describe_inputs(run)
    hashes = {
        "cohort (fingerprint)": inputs["fingerprint"],
        "scores, all models": inputs["scores"],
        "members.npy (who was in which training set)": inputs["members"],
    }
    for step in STEPS:
        try:
            hashes |= read_manifest(run, step)["files"]
        except InputError:  # a step that was not taken
            continue
    return hashes


def show_command(words: Sequence[str]) -> str:
    """Write a command as it can be given again, each path cut to its last name.

    So that no report says where somebody's files are, nor who that is.
    """
    return shlex.join(["rollcall", *map(_shorten, words)]) if words else ""


def _shorten(word: str) -> str:
    if "://" in word:
        return word.split("://")[0] + "://..."
    start, sign, rest = word.partition("=")
    if sign and os.sep in rest and os.sep not in start:
        return f"{start}={Path(rest).name}"
    return Path(word).name if os.sep in word else word


def _find_commit() -> str:
    """Return the commit of the clone that this runs from; "" if there is none, or it is not plain.

    Read from the files of git, which need not be there.
    """
    top = clone()
    try:
        folder = Path(top or "/nowhere") / ".git"
        head = (folder / "HEAD").read_text(encoding="ascii").strip()
        if not head.startswith("ref: "):
            return head if HASH.fullmatch(head) else ""
        name = head.removeprefix("ref: ")
        if (folder / name).is_file():
            commit = (folder / name).read_text(encoding="ascii").strip()
            return commit if HASH.fullmatch(commit) else ""
        for line in (folder / "packed-refs").read_text(encoding="ascii").splitlines():
            if line.endswith(f" {name}") and HASH.fullmatch(line[:40]):
                return line[:40]
    except (OSError, ValueError):
        pass
    return ""
