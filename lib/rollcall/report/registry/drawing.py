"""Draw figures of finished runs again, from what is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rollcall.report import catalogue, gallery, style
from rollcall.report.gallery.runs import FinishedRun, FinishedRuns
from rollcall.report.registry.kept import draw_kept, find_kept
from rollcall.report.registry.stored import StoredRun
from rollcall.report.registry.table import COMPOSED, OF_EXPERIMENT, OF_RUN, REGISTRY, Entry
from rollcall.report.style import Figure
from rollcall.report.tables.showing import Table
from rollcall.runs.derived.manifests import describe, describe_inputs, forget, note_made
from rollcall.runs.derived.tables import has_table
from rollcall.runs.folder import clear_parts, hide_from_git
from rollcall.runs.sealed import compute_digest
from rollcall.util.errors import InputError, unknown_name

ALL = "all"


@dataclass(frozen=True)
class Drawn:
    """A figure that was drawn again, or why it was not.

    of: the run, or what else it is of. path: of its png; None if nothing was drawn, then `why`.
    """

    name: str
    of: str
    path: Path | None
    why: str = ""


def choose(name: str) -> list[Entry]:
    """Return the entries that a name means, "all": every one; InputError if there is none."""
    if name == ALL:
        return list(REGISTRY.values())
    if name not in REGISTRY:
        raise unknown_name("figure", name, [ALL, *REGISTRY])
    return [REGISTRY[name]]


def draw(
    name: str, finished: FinishedRuns, data: Path, folder: Path | None = None
) -> Iterator[Drawn]:
    """Draw a figure, or all of them, of finished runs; what cannot be drawn is said, not raised.

    data: the folder of prepared cohorts. folder: where they go, <folder>/<dataset>/<run> those of
    one run; None: where the notebooks put them. InputError if the name is unknown.
    """
    entries, finished = choose(name), replace(finished, data=data)
    of_runs = [entry for entry in entries if entry.kind == OF_RUN]
    for one in finished.runs if of_runs else ():
        stored = StoredRun(one.run, data)
        for entry in of_runs:
            yield _try(entry, one.name, lambda entry=entry, one=one, stored=stored: draw_of_run(
                entry, one, stored, folder))  # fmt: skip
    for entry in entries:
        if entry.kind == OF_EXPERIMENT:
            yield from _draw_experiments(entry, finished, folder)
        elif entry.kind != OF_RUN:
            yield from _draw_of_runs(entry, finished, folder)


def _try(entry: Entry, of: str, make: Callable[[], Drawn]) -> Drawn:
    try:
        return make()
    except InputError as error:
        return Drawn(entry.name, of, None, str(error))


def draw_of_run(entry: Entry, one: FinishedRun, stored: StoredRun, folder: Path | None) -> Drawn:
    """Draw a figure of one run; in the run's own figures/ with what it was made from."""
    run = stored.run
    for table in entry.inputs:
        if not has_table(run, table):
            return Drawn(
                *(entry.name, one.name, None),
                f"no {table} is stored; run {entry.notebook} of this run",
            )
    if entry.records:
        _ = stored.whole
    if entry.notebook == "2_attack":
        _ = stored.attacked  # read once for all figures
    shown = catalogue.FIGURES[entry.name](stored)
    if isinstance(shown, Table):
        return Drawn(
            entry.name,
            one.name,
            None,
            shown.empty or f"no pictures; {entry.notebook} shows a table",
        )
    if shown.drawing is None:
        return Drawn(entry.name, one.name, None, shown.alt)
    needs = ["attack", "disparity"] if catalogue.is_of_groups(entry.name) else ["attack"]
    made_from = describe(run, needs, cell=True)
    if folder is not None:
        place = folder / one.name
        style.save(shown, place, compute_digest(made_from))
        return Drawn(entry.name, one.name, place / f"{shown.name}.png")
    with run.hold("figures"):
        forget(run, entry.name)
        saved = [f"figures/{file}" for file in style.files_of(shown)]
        clear_parts(*map(run.file, saved))
        style.save(shown, run.file("figures"), compute_digest(made_from))
        note_made(run, entry.name, made_from, saved)
    return Drawn(entry.name, one.name, run.file(f"figures/{shown.name}.png"))


def _draw_of_runs(entry: Entry, finished: FinishedRuns, folder: Path | None) -> Iterator[Drawn]:
    """Draw a figure that compares runs, and the one of groups for each run."""
    if entry.name == "subgroups":
        for one in finished.runs:
            yield _try(entry, one.name, lambda one=one: _save(
                entry, one.name, gallery.groups.subgroups(one), finished, folder))  # fmt: skip
        return
    known = gallery.COMPOSED if entry.kind == COMPOSED else gallery.FIGURES
    of = f"{len(finished.runs)} run{'s' * (len(finished.runs) != 1)}"
    yield _try(
        *(entry, of),
        lambda: _save(entry, of, known[entry.name](finished), finished, folder),
    )


def _save(
    entry: Entry, of: str, figure: Figure, finished: FinishedRuns, folder: Path | None
) -> Drawn:
    if figure.drawing is None:
        tables = " and ".join(entry.inputs)
        why = f"no {tables} to draw; run 2_attack and 3_disparity"
        if any(all(has_table(one.run, table) for table in entry.inputs) for one in finished.runs):
            why = f"of {tables} nothing may be shown: too few patients, or a way to so few"
        return Drawn(entry.name, of, None, why)
    made_from = {one.name: describe_inputs(one.run) for one in finished.runs}
    place = folder or hide_from_git(finished.folder / gallery.FOLDER)
    style.save(figure, place, compute_digest(made_from))
    return Drawn(entry.name, of, place / f"{figure.name}.png")


def _draw_experiments(entry: Entry, finished: FinishedRuns, folder: Path | None) -> Iterator[Drawn]:
    """Draw a figure of an experiment wherever its tables are kept."""
    places = find_kept(finished.folder, entry.name)
    if not places:
        why = f"its tables are not stored yet; run {entry.notebook}"
        yield Drawn(entry.name, f"{finished.folder}", None, why)
    for place in places:
        of = "/".join(place.relative_to(finished.folder).parts[:-1])

        def make(place: Path = place, of: str = of) -> Drawn:
            figure, digest = draw_kept(entry.name, place)
            if figure.drawing is None:
                return Drawn(entry.name, of, None, figure.alt)
            target = place if folder is None else folder / of
            style.save(figure, target, digest)
            return Drawn(entry.name, of, target / f"{figure.name}.png")

        yield _try(entry, of, make)


def list_names() -> Sequence[str]:
    """Write every figure's name and what it shows, by what it is of."""
    lines, kind = [], ""
    for entry in REGISTRY.values():
        if entry.kind != kind:
            kind = entry.kind
            lines += [f"Of {kind}:" if kind != COMPOSED else "The paper's figures, composed:"]
        lines.append(f"  {entry.name:17} {entry.shows}")
    return lines
