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

HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")  # of SHA-1, of SHA-256
MOST_REFERENCES = 5  # that follow one another, as git has it


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
    commit = f"commit {tool['commit'][:10]}" if tool["commit"] else "no commit known"
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

    Read from the files of git, which need not be installed.
    """
    top = clone()
    if top is None:
        return ""
    try:
        folder = _find_git(top)
        shared = folder / "commondir"  # of a worktree: where the branches of all worktrees are
        common = folder / shared.read_text("utf-8").strip() if shared.is_file() else folder
        word = (folder / "HEAD").read_text("utf-8").strip()
        for _ in range(MOST_REFERENCES):
            if not word.startswith("ref: "):
                break
            word = _look_up(word.removeprefix("ref: ").strip(), folder, common)
    except (OSError, ValueError):
        return ""
    return word if HASH.fullmatch(word) else ""


def _find_git(top: Path) -> Path:
    """Return the folder of git of a clone, a worktree or a submodule; the latter two name it."""
    place = top / ".git"
    if not place.is_file():
        return place
    return top / place.read_text("utf-8").strip().removeprefix("gitdir:").strip()


def _look_up(name: str, folder: Path, common: Path) -> str:
    """Return what a reference holds, a hash or "ref: another"; "" if it is not there."""
    for place in (folder / name, common / name):
        if place.is_file():
            return place.read_text("utf-8").strip()
    for line in (common / "packed-refs").read_text("utf-8").splitlines():
        commit, _, packed = line.partition(" ")
        if packed == name:
            return commit
    return ""
