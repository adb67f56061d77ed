"""What the files of a run were made from, and whether they still fit it.

Each step of an audit, each figure, each executed notebook and the report is a part. For a part
there is a manifest, made/<part>.json: what the part was made from, and the sha256 of its files. It
is removed before the first of them is replaced and written after the last: without it, or if it
fits no longer, what stands there is not read.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from rollcall import __version__
from rollcall.runs.appetite import digest_appetite
from rollcall.runs.arrays import CONTENTS, read_members
from rollcall.runs.derived.parts import APPETITE, CELL, STEPS, list_derived
from rollcall.runs.folder import clear_parts
from rollcall.runs.run import Run
from rollcall.runs.sealed import compute_digest, read_sealed, write_sealed
from rollcall.util.errors import InputError, first_line
from rollcall.util.faults import raise_machine_fault
from rollcall.util.files import UNREADABLE, make_private, sha256

FOLDER = "made"
NAMES = {
    "fingerprint": "another cohort",
    "members": "other training sets",
    "scores": "other scores",
    "targets": "another number of target models",
    "seed": "another seed",
    "version": "another version of Rollcall",
    CELL: "another smallest cell",
    APPETITE: "another file of thresholds",
    "attack": "an earlier attack",
    "disparity": "an earlier comparison of groups",
    "paper": "an earlier computation as in the paper",
}


def describe(
    run: Run,
    needs: Sequence[str] = (),
    cell: bool = False,
    inputs: dict | None = None,
    appetite: bool = False,
) -> dict:
    """Return what something is made from that is made of a run now.

    fingerprint of the cohort; members and scores: sha256; targets; seed; version; cell: the
    smallest cell; appetite: the sha256 of the thresholds; needs: of each step that it names, the
    digest of its manifest. inputs: as describe_inputs. InputError if a target is missing, or if
    what a step has left does not fit.
    """
    inputs = inputs or describe_inputs(run)
    return (
        inputs
        | ({CELL: run.smallest_cell} if cell else {})
        | ({APPETITE: digest_appetite(run)} if appetite else {})
        | {step: compute_digest(check_step(run, step, inputs)) for step in needs}
    )


def describe_step(run: Run, step: str, inputs: dict | None = None) -> dict:
    """Return what a step is made from if it is taken now, as `describe`."""
    return describe(run, STEPS[step].needs, STEPS[step].cell, inputs)


def describe_inputs(run: Run) -> dict:
    """Return what everything of a run is made from, the first six of `describe`."""
    return {
        "fingerprint": run.config["fingerprint"],
        "members": digest_members(run),
        "scores": digest_scores(run),
        "targets": run.targets,
        "seed": run.seed,
        "version": __version__,
    }


def digest_scores(run: Run) -> str:
    """Return the digest of a run's scores, by what its targets' json or run.json says of them."""
    if "recipe" in run.config:
        return compute_digest([run.info(target)["sha256"] for target in range(run.targets)])
    given = run.config.get(CONTENTS, {}).get("scores.npy")
    return given or _hash(run.file("scores.npy"), "run `rollcall attack` again")


def digest_members(run: Run) -> str:
    """Return the digest of who is in which training set; `Run.members` checks it."""
    path = run.file("members.npy")
    try:
        rows = np.load(path, mmap_mode="r", allow_pickle=False)[: run.targets]
    except UNREADABLE:
        rows = read_members(run.path, run.config, run.targets)  # which says what is wrong
    return hashlib.sha256(np.ascontiguousarray(rows)).hexdigest()


def check_step(run: Run, step: str, inputs: dict | None = None) -> dict:
    """Return the manifest of a step; InputError if there is none, or it does not fit the run."""
    manifest = read_manifest(run, step)
    _refuse_others(run, step, manifest["made_from"], describe_step(run, step, inputs))
    return manifest


def _refuse_others(run: Run, part: str, made_from: dict, now: dict) -> None:
    reason = compare(made_from, now)
    if reason == NAMES["members"]:
        read_members(run.path, run.config, run.targets)  # which says what is wrong, if they are
    if reason:
        raise InputError(
            f"{run.path}: {_name(part)} were made from {reason}; {say_again(run, part)}"
        )


def compare(made_from: Mapping, now: Mapping) -> str:
    """Say by what two descriptions differ; empty if they are the same."""
    keys = [key for key in {**now, **made_from} if made_from.get(key) != now.get(key)]
    if not keys:
        return ""
    if "targets" in keys:  # then members and scores differ, too
        return f"{made_from.get('targets')} target models, and not {now.get('targets')}"
    return NAMES.get(keys[0], keys[0])


def say_again(run: Run, step: str) -> str:
    """Say what makes a step's tables again."""
    command = "audit" if "recipe" in run.config else "attack"
    notebook = STEPS[step].notebook if step in STEPS else "its notebook"
    return f"run {notebook} again, or the whole `rollcall {command}`"


def read_manifest(run: Run, part: str) -> dict:
    """Return the manifest of a part: part, made_from, files; InputError if there is none."""
    path = _manifest(run, part)
    try:
        manifest = read_sealed(path, older=False)
        if not all(isinstance(manifest.get(key), dict) for key in ("made_from", "files")):
            raise ValueError("it does not say what was made from what")
        if manifest.get("part") != part:
            raise ValueError(f"it is not of {part}")
    except FileNotFoundError as error:
        raise InputError(
            f"{run.path}: nothing says what {_name(part)} were made from (they were not made yet, "
            f"not finished, or made by an older version); {say_again(run, part)}"
        ) from error
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: damaged ({first_line(error)}); {say_again(run, part)}"
        ) from error
    return manifest


def check_file(run: Run, part: str, manifest: dict, name: str, digest: str) -> None:
    """InputError unless a file is what its part's manifest has the sha256 of."""
    if manifest["files"].get(name) != digest:
        raise InputError(
            f"{run.file(name)}: damaged (its sha256 is not the one in {FOLDER}/{part}.json); "
            f"{say_again(run, part)}"
        )


def note_made(run: Run, part: str, made_from: dict, files: Sequence[str]) -> dict:
    """Write and return the manifest of a part, whose files stand; their writer holds its lock."""
    digests = {name: sha256(run.file(name)) for name in files}
    manifest = {"part": part, "made_from": made_from, "files": digests}
    path = _manifest(run, part)
    make_private(path.parent)
    clear_parts(path)
    write_sealed(path, manifest)
    return manifest


def forget(run: Run, part: str) -> None:
    """Remove the manifest of a part, before its files are written again."""
    _remove(_manifest(run, part))


def discard_stale(run: Run) -> None:
    """Remove every file that was made from a run and does not fit it; the caller holds its lock.

    Files that people put there themselves stay.
    """
    kept, inputs = set(), describe_inputs(run)
    for path in sorted(run.file(FOLDER).glob("*.json")):
        with contextlib.suppress(InputError):
            files = check_part(run, path.stem, inputs)["files"]
            kept |= {f"{FOLDER}/{path.name}", *files}
            continue
        _remove(path)
    for name in list_derived():
        if name not in kept:
            _remove(run.file(name))


def check_part(run: Run, part: str, inputs: dict | None = None) -> dict:
    """Return the manifest of a part; InputError if it does not fit the run."""
    if part in STEPS:
        return check_step(run, part, inputs)
    manifest = read_manifest(run, part)
    made_from = manifest["made_from"]
    needs = [step for step in STEPS if step in made_from]
    now = describe(run, needs, CELL in made_from, inputs, APPETITE in made_from)
    _refuse_others(run, part, made_from, now)
    return manifest


def check_made(run: Run) -> list[str]:
    """Return a line for each file of a run that is damaged or does not fit it; empty if all do."""
    lines, inputs = [], describe_inputs(run)
    for path in sorted(run.file(FOLDER).glob("*.json")):
        part = path.stem
        try:
            manifest = check_part(run, part, inputs)
        except InputError as error:
            lines.append(str(error))
            continue
        for name in manifest["files"]:
            try:
                check_file(run, part, manifest, name, _hash(run.file(name), say_again(run, part)))
            except InputError as error:
                lines.append(str(error))
    return list(dict.fromkeys(lines))


def _manifest(run: Run, part: str) -> Path:
    return run.file(FOLDER) / f"{part}.json"


def _name(part: str) -> str:
    if part in STEPS:
        return f"the tables of {STEPS[part].notebook}"
    return f"the files of {part}"


def _hash(path: Path, again: str) -> str:
    try:
        return sha256(path)
    except OSError as error:
        raise_machine_fault(error, path)
        raise InputError(f"{path}: not readable ({first_line(error)}); {again}") from error


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise_machine_fault(error, path)
        raise
