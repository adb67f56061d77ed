"""Tables put into a made-up run as a step of an audit would, and put there once more, changed."""

from pathlib import Path

from rollcall.runs.derived.manifests import describe_step, note_made, read_manifest
from rollcall.runs.derived.parts import STEPS, name_file, step_of
from rollcall.runs.derived.tables import write_step
from rollcall.runs.run import Run, open_run
from rollcall.runs.sealed import write_sealed
from rollcall.stats.members import draw_members
from rollcall.util.files import make_private, write_array, write_table


def write_inputs(run: Run) -> None:
    """Write members.npy as the seed draws it, and a json of each target, without its logits."""
    members = draw_members(run.targets, run.config["patients"], run.seed)
    write_array(run.file("members.npy"), members)
    make_private(run.file("targets"))
    for target in range(run.targets):
        info = {"target": target, "sha256": f"{target:064d}", "metrics": {}}
        write_sealed(run.file(f"targets/{target:04d}.json"), info)


def write_tables(run: Run, tables: dict) -> None:
    """Write tables by name, step after step; an attack is there in any case."""
    for name, step in STEPS.items():
        chosen = {table: tables[table] for table in step.tables if table in tables}
        if chosen or not run.file("made/attack.json").exists():
            write_step(run, name, describe_step(run, name), chosen)


def replace_table(path: Path, name: str, table) -> None:
    """Replace or add one table of a step, and note that in its manifest."""
    run, step = open_run(path), step_of(name)
    write_table(run.file(name_file(name)), table)
    manifest = read_manifest(run, step)
    note_made(run, step, manifest["made_from"], sorted({*manifest["files"], name_file(name)}))
