"""Every file of a finished run, damaged in every way: one line, or the same result. Never another.

The run is tiny, its logits are invented; all steps are real but the execution of notebooks.
"""

import json
import os
import re
import shutil
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest

from rollcall.auditing import report
from rollcall.runs.derived.manifests import check_made, describe, describe_step, note_made
from rollcall.runs.derived.parts import ARRAYS, ENDINGS, NOTEBOOKS, STEPS, name_file
from rollcall.runs.derived.tables import has_table, read_array, read_table, write_step
from rollcall.runs.run import Run, open_run
from rollcall.runs.sealed import compute_digest
from rollcall.util.errors import InputError

NOTHING = {".gitignore", "READ_ME_FIRST.txt"}  # from which nothing is read


@pytest.fixture(scope="module")
def finished(tmp_path_factory, tiny, invent):
    """A finished run, and another of another seed, with every file that an audit leaves."""
    folder = tmp_path_factory.mktemp("damage")
    first, second = (invent(folder / f"{seed}", tiny, seed=seed) for seed in (0, 1))
    first.attack()
    first.disparity()
    first.paper()
    for name in ("roc", "survival"):
        first.show(name)
    for name, step in STEPS.items():  # as if the second had been attacked
        files = {table: name_file(table) for table in step.tables}
        tables = {
            table: (read_array if file.endswith("npy") else read_table)(first.run, table)
            for table, file in files.items()
            if first.run.file(file).exists()
        }
        write_step(second.run, name, describe_step(second.run, name), tables)
    for name in ("roc", "survival"):
        files = [f"figures/{name}.{ending}" for ending in ENDINGS]
        for file in files:
            path = second.run.file(file)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(first.run.file(file).read_bytes() + b" ")
        note_made(second.run, name, describe(second.run, ["attack"], cell=True), files)
    for study in (first, second):
        study.run.finish()
        write_books(study, folder)
    return folder


def write_books(study, folder) -> None:
    """Write what would be executed notebooks, and the report."""
    for name in NOTEBOOKS:
        cells = [nbformat.v4.new_markdown_cell(f"# {name} {study.run.seed}", id="0")]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / f"{name}.ipynb")
    books = [folder / f"{name}.ipynb" for name in NOTEBOOKS]
    report._write_report(study, books, (), None, ())


WHAT_TO_DO = ("again", "1_train")


def list_files(run: Path) -> list[str]:
    files = (path for path in run.rglob("*") if path.is_file())
    names = [str(path.relative_to(run)) for path in files]
    return sorted(name for name in names if not name.startswith("locks/") and name not in NOTHING)


def read_all(run: Run) -> str:
    """Everything that can be read of a run, as text."""
    parts = [json.dumps(run.config, sort_keys=True)]
    parts.append(np.array2string(run.members()))
    for target in range(run.targets):
        parts += [json.dumps(run.info(target, "metrics"), sort_keys=True)]
        parts.append(str(np.asarray(run.logits(target)).tobytes()[:400]))
    for step in STEPS.values():
        for name in step.tables:
            if name in ARRAYS:
                parts.append(str(read_array(run, name).sum()))
            elif has_table(run, name) or name != "paper_panel":
                parts.append(str(pd.util.hash_pandas_object(read_table(run, name)).sum()))
    if lines := check_made(run):
        raise InputError(lines[0])
    return "\n".join(parts)


def flip(content: bytes, rng) -> bytes:
    changed = bytearray(content)
    changed[rng.integers(len(changed))] ^= 1 << rng.integers(8)
    return bytes(changed)


def zero(content: bytes, rng) -> bytes:
    at = int(rng.integers(len(content)))
    return content[:at] + bytes(min(16, len(content) - at)) + content[at + 16 :]


def cut(content: bytes, rng) -> bytes:
    return content[: rng.integers(1, len(content))]


WAYS = {"flip": flip, "zero": zero, "cut": cut, "empty": lambda content, rng: b""}
ALL = (*WAYS, "gone", "swapped")
# Files whose parts do not decide how another is read: without its manifest a part is nothing.
FREE = {f"made/{name}.json" for name in ("roc", "survival", "report", *NOTEBOOKS)}


def test_no_damage_is_silent(finished, tmp_path):
    """Each file in one way, what decides the run in all; every file in all with LONG set."""
    path, rng = tmp_path / "r", np.random.default_rng(0)
    shutil.copytree(finished / "0", path)
    truth, outcomes = read_all(open_run(path)), {}
    names = list_files(path)
    for number, name in enumerate(names):
        decides = name in ("run.json", "members.npy", "made/attack.json", "targets/0003.json")
        for way in ALL if decides or "LONG" in os.environ else [ALL[number % len(ALL)]]:
            content = (path / name).read_bytes()
            if way == "gone":
                (path / name).unlink()
            else:
                other = (finished / "1" / name).read_bytes() if way == "swapped" else None
                (path / name).write_bytes(other or WAYS[way](content, rng))
            outcomes[name, way] = try_to_read(path, truth)
            (path / name).write_bytes(content)
    assert read_all(open_run(path)) == truth
    assert set(outcomes.values()) <= {"same", "refused"}, outcomes
    same = {name for name, outcome in outcomes.items() if outcome == "same"}
    assert same <= {(name, "gone") for name in FREE}
    assert len(names) > 45


def try_to_read(path: Path, truth: str) -> str:
    """Read a damaged run: "same", "refused", or what is wrong."""
    try:
        return "same" if read_all(open_run(path)) == truth else "SILENT"
    except InputError as error:
        clear = "\n" not in str(error) and any(word in str(error) for word in WHAT_TO_DO)
        return "refused" if clear else f"UNCLEAR: {error}"


def test_a_pair_of_files_of_another_run_is_noticed(finished, tmp_path):
    """Logits and their json together; a manifest and its tables together."""
    for names in (
        ["targets/0003.npy", "targets/0003.json"],
        ["made/attack.json", *map(name_file, STEPS["attack"].tables[:-1])],
        ["members.npy", "run.json"],
        ["run.json"],
    ):
        path = tmp_path / names[0].replace("/", "-")
        shutil.copytree(finished / "0", path)
        for name in names:
            shutil.copyfile(finished / "1" / name, path / name)
        with pytest.raises(InputError):
            read_all(open_run(path))


def test_a_target_under_anothers_number_is_noticed(finished, tmp_path):
    shutil.copytree(finished / "0", tmp_path / "r")
    for ending in ("npy", "json"):
        source = tmp_path / "r" / "targets" / f"0002.{ending}"
        shutil.copyfile(source, source.with_name(f"0005.{ending}"))
    with pytest.raises(InputError, match=r"0005\.json: damaged \(it is not of target 5\)"):
        open_run(tmp_path / "r").logits(5)


def test_what_is_stale_is_said_of_each_part(finished, tmp_path):
    shutil.copytree(finished / "0", tmp_path / "r")
    run = open_run(tmp_path / "r")
    assert check_made(run) == []
    made_from = json.loads(run.file("report.json").read_text())["made_from"]
    assert made_from == describe(run, ["attack", "disparity", "paper"], cell=True)
    page = run.file("report.html").read_text()
    book = json.loads(run.file("notebooks/2_attack.ipynb").read_text())
    (made,) = re.findall(r'<meta [^>]*name="rollcall-made-from"[^>]*>', page)
    assert f'content="{compute_digest(made_from)}"' in made
    assert book["metadata"]["rollcall"]["made_from"] == describe(run, ["attack"], cell=True)
    few = Run(run.path, run.config | {"smallest_cell": 5})
    assert {line.split(": ")[1].split(" were")[0] for line in check_made(few)} == {
        "the files of 1_train",
        "the files of 2_attack",
        "the files of roc",
        "the files of survival",
        "the tables of 3_disparity",
    }
