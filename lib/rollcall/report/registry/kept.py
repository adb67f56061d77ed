"""What an experiment's figure was drawn from, kept beside it, so that it can be drawn again.

<folder>/tables/<figure>/arguments.json says what there is, with the sha256 of each file: tables as
parquet, arrays as npy, numbers and words in the json itself. They stay where the data may be.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rollcall.report import style
from rollcall.report.registry.table import REGISTRY, Entry
from rollcall.runs.folder import hide_from_git
from rollcall.runs.sealed import compute_digest, read_sealed, write_sealed
from rollcall.util.errors import InputError, first_line
from rollcall.util.faults import raise_machine_fault
from rollcall.util.files import make_private, parse_table, sha256, write_array, write_table

if TYPE_CHECKING:
    from IPython.display import HTML

FOLDER, ARGUMENTS = "tables", "arguments.json"
TABLE, TABLES, ARRAY, VALUE = "table", "tables", "array", "value"


def show_kept(name: str, folder: Path, made_from: Any, **arguments: Any) -> HTML:
    """Keep what a figure is drawn from, draw it, save it in `folder`, and return it for display.

    name: of REGISTRY, an experiment's; arguments: of its function. None of them may name a patient.
    """
    hide_from_git(folder)
    digest = compute_digest(made_from)
    keep(name, folder, digest, arguments)
    return style.show(load(REGISTRY[name])(**arguments), folder, digest)


def load(entry: Entry) -> Any:
    """Import the function that draws a figure."""
    module, _, function = entry.function.partition(":")
    return getattr(import_module(module), function)


def keep(name: str, folder: Path, digest: str, arguments: Mapping[str, Any]) -> None:
    """Write what a figure is drawn from, its description last."""
    place = make_private(make_private(folder / FOLDER) / name)
    (place / ARGUMENTS).unlink(missing_ok=True)
    described = {key: _write(place, key, value) for key, value in arguments.items()}
    write_sealed(place / ARGUMENTS, {"figure": name, "made_from": digest, "arguments": described})


def _write(place: Path, key: str, value: Any) -> dict:
    if isinstance(value, pd.DataFrame):
        path, kind = place / f"{key}.parquet", TABLE
        write_table(path, _plain(value))
    elif isinstance(value, Mapping):  # tables by name
        path, kind = place / f"{key}.parquet", TABLES
        parts = [table.assign(_of=name) for name, table in value.items()]
        write_table(path, _plain(pd.concat(parts, ignore_index=True)))
    elif isinstance(value, np.ndarray):
        path, kind = place / f"{key}.npy", ARRAY
        write_array(path, value)
    else:
        return {"kind": VALUE, "value": value}
    return {"kind": kind, "file": path.name, "sha256": sha256(path)}


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    table = table.reset_index(drop=True)
    table.attrs = {}
    return table


def find_kept(out: Path, name: str) -> list[Path]:
    """List the folders of figures under <out>/<dataset>[/<run>] that have a figure's tables."""
    patterns = (f"*/figures/{FOLDER}/{name}", f"*/*/figures/{FOLDER}/{name}")
    kept = [path for pattern in patterns for path in out.glob(f"{pattern}/{ARGUMENTS}")]
    return sorted(path.parents[2] for path in kept)


def draw_kept(name: str, folder: Path) -> tuple[style.Figure, str]:
    """Draw a figure from what `keep` has left in <folder>; the digest of what it was made from.

    InputError, with the notebook to run again, if that is damaged or of another version.
    """
    entry, place = REGISTRY[name], folder / FOLDER / name
    try:
        content = read_sealed(place / ARGUMENTS, older=False)
        arguments = {key: _read(place, each) for key, each in content["arguments"].items()}
        return load(entry)(**arguments), content["made_from"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise_machine_fault(error, place)
        raise InputError(
            f"{place}: damaged or of another version ({first_line(error)}); run {entry.notebook} "
            "again"
        ) from error


def _read(place: Path, described: Mapping[str, Any]) -> Any:
    if described["kind"] == VALUE:
        return described["value"]
    path = place / described["file"]
    if sha256(path) != described["sha256"]:
        raise ValueError(f"{path.name} is not what was written")
    with open(path, "rb") as file:
        if described["kind"] == ARRAY:
            return np.load(file, allow_pickle=False)
        table = parse_table(file)
    if described["kind"] == TABLE:
        return table
    return {
        name: part.drop(columns="_of").reset_index(drop=True)
        for name, part in table.groupby("_of", sort=False)
    }
