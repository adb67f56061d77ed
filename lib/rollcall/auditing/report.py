"""From notebooks to the report of a run: executed, put in their place together, whole or not."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rollcall.runs.appetite import digest_appetite
from rollcall.runs.derived.manifests import (
    check_made,
    describe,
    describe_inputs,
    discard_stale,
    forget,
    note_made,
)
from rollcall.runs.derived.parts import FAILED, NOTEBOOKS, REPORT, STEPS
from rollcall.runs.folder import clear_parts
from rollcall.runs.run import Run
from rollcall.runs.sealed import compute_digest
from rollcall.util import files
from rollcall.util.errors import InputError
from rollcall.util.temporary import private_folder

if TYPE_CHECKING:
    from rollcall.auditing import Audit
    from rollcall.report.notebooks.kernels import KernelServer
    from rollcall.report.words.statement import Statement

TRAINING = NOTEBOOKS[0]  # which several audits of a run take at once


def make_report(
    study: Audit,
    steps: Mapping[str, dict],
    announce: Callable[[str], None],
    server: KernelServer | None = None,
    first: str = "",
    statement: Statement | None = None,
    words: Sequence[str] = (),
) -> list[str]:
    """Execute notebooks of an audit, write them and report.html into its run; return its sentences.

    steps: the parameters of each notebook, by its name. announce: called with a line before each.
    statement: what people stated; words: of the command line, for the report.
    server, first: as of execute_notebook, first for the first notebook alone. After the training
    one audit of a run goes on at a time; others wait. The run's notebooks and report are replaced
    when all is there. InputError, MachineError or RuntimeError as execute_notebook, of the first
    notebook that failed; if patients were assessed, the report is written before, of what there is.
    InputError if somebody else's audit of the run came between.
    """
    from rollcall.report import notebooks

    with private_folder() as folder, contextlib.ExitStack() as stack:
        executed, failures = [], {}
        for number, (name, parameters) in enumerate(steps.items(), 1):
            if name != TRAINING:
                stack.enter_context(study.run.hold("audit"))
            announce(f"[{number}/{len(steps)}] {name}")
            source = files.notebooks() / f"{name}.ipynb"
            path = folder.resolve() / source.name
            try:
                with _keeping_failed(path.parent, study.run):
                    notebooks.execute_notebook(
                        source, path, parameters, source.parent, sys.stderr, server, first
                    )
                executed.append(path)
            except Exception as error:
                if name == TRAINING:
                    raise
                failures[path.with_suffix(FAILED)] = error
                if not _has_sentences(study):
                    break
            first = ""
        if failures:
            with contextlib.suppress(Exception), study.run.hold("steps"):
                _write_report(study, executed, list(failures), statement, words)
            raise next(iter(failures.values()))
        with study.run.hold("steps"):
            return _write_report(study, executed, (), statement, words)


@contextlib.contextmanager
def _keeping_failed(folder: Path, run: Run):
    """Move a notebook that failed from `folder` to the run, and say that it is there.

    Not where the input was at fault: its line says all.
    """
    target = run.file("notebooks")
    try:
        yield
    except InputError:
        raise
    except BaseException as error:
        left = list(folder.glob(f"*{FAILED}"))
        for path in left:
            with contextlib.suppress(OSError), files.atomic_write(_place(run, path.name)) as file:
                file.write(path.read_bytes())
        if left and type(error) is RuntimeError:
            text = str(error).replace(f"{folder}{os.sep}", f"{target}{os.sep}")
            raise RuntimeError(text) from error
        raise


def _has_sentences(study: Audit) -> bool:
    """Tell whether patients were assessed, so that there is something to report."""
    try:
        return bool(study.summary())
    except Exception:  # what failed before is what is said
        return False


def _place(run: Run, name: str) -> Path:
    """Return the path of a notebook of the run, its folder made."""
    return files.make_private(run.file("notebooks")) / name


def _write_report(
    study: Audit,
    executed: list[Path],
    failed: Sequence[Path],
    statement: Statement | None,
    words: Sequence[str],
) -> list[str]:
    """Write executed notebooks, the page, model card and verdict into the run, whose steps the
    caller has locked.

    failed: notebooks that did not run to their end, as far as they are there.
    """
    from rollcall.report import appetite
    from rollcall.report.page import write_page
    from rollcall.report.page.gathering import gather_document

    run = study.run
    inputs, taken = describe_inputs(run), [path.stem for path in executed]
    needs = {name: _list_needs(name) for name in taken}
    made_from = {name: describe(run, needs[name], True, inputs) for name in taken}
    everything = [step for step in STEPS if any(step in each for each in needs.values())]
    whole = describe(run, everything, True, inputs, bool(digest_appetite(run)))
    sentences, facts = study.summary(), study.facts()
    verdict = appetite.judge_run(run, study.cohort)
    if failed:
        names = " and ".join(path.name.removesuffix(FAILED) for path in failed)
        sentences = [f"This report is not complete: {names} failed.", *sentences]
    discard_stale(run)
    for part in ("report", *taken):
        forget(run, part)
    placed = []
    for path in executed:
        placed.append(_place(run, path.name))
        _store_notebook(path, placed[-1], made_from[path.stem])
        run.file("notebooks").joinpath(f"{path.stem}{FAILED}").unlink(missing_ok=True)
        note_made(run, path.stem, made_from[path.stem], [f"notebooks/{path.name}"])
    kind = "Rehearsal" if study.cohort.simulated else "Privacy audit"
    document = gather_document(
        run,
        study.cohort,
        title=f"{kind}: {study.cohort.name}",
        summary=sentences,
        facts=facts,
        statement=statement,
        words=words,
        made_from=whole,
        decision=appetite.show_verdict(verdict),
    )
    appetite.write_decision(run, study.cohort, whole, verdict)
    clear_parts(*map(run.file, REPORT))
    books = sorted([*placed, *filter(Path.exists, failed)], key=lambda path: path.name)
    write_page(run.file(REPORT[0]), document, books)
    note_made(run, "report", whole, REPORT)
    if lines := check_made(run):
        raise InputError(lines[0])
    return [document.notice, *sentences] if study.cohort.simulated else sentences


def _list_needs(notebook: str) -> list[str]:
    """List the steps that an executed notebook shows something of."""
    needs = [step for step in STEPS if STEPS[step].notebook == notebook]
    return [*STEPS["disparity"].needs, *needs] if "disparity" in needs else needs


def _store_notebook(source: Path, output: Path, made_from: dict) -> None:
    """Write an executed notebook with what it was made from."""
    book = json.loads(source.read_bytes())
    book["metadata"]["rollcall"] = {"made_from": made_from, "digest": compute_digest(made_from)}
    clear_parts(output)
    with files.atomic_write(output) as file:
        file.write(json.dumps(book, indent=1, ensure_ascii=False).encode() + b"\n")
