"""What an owner says of data that Rollcall does not know: the keys of a cohort.toml, checked.

What a description names lies in the folder it lies in; the values of its keys are checked in
`rollcall.datasets.described.keys`.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from rollcall.data.release import resolve_inside
from rollcall.datasets.described.keys import FORMATS, KEYS, Group
from rollcall.util.errors import InputError, first_line, unknown_name
from rollcall.util.faults import raise_machine_fault

DATASET = "table"  # the dataset whose release is described
USUAL = "cohort.toml"
TABLES = (".csv", ".csv.gz", ".parquet")
OF_PICTURES, OF_RECORDINGS = ("size", "mode"), ("rate", "leads", "seconds", "scale")  # keys
LONGEST = 2**20  # bytes of a description


@dataclass(frozen=True)
class Description:
    """What a cohort.toml says; docs/own-data.md has a line on every key.

    path        the description itself; all that it names lies in its folder
    name        of the cohort, and of its folder in results/
    table       name of the csv, csv.gz or parquet file, in the folder
    header      whether the table's first row holds the names of its columns
    names       those names, where it does not; (): none given
    separator   between two fields; "": whichever makes the most columns
    encoding    of the table's text, as Python calls it
    patient     column of ids; "": a row is a patient
    label       column(s) of what is predicted; several: each is yes or no (multilabel)
    cut         a number label asks whether it is at least this; None: no number
    positive    values of the label that are 1, all others 0; (): as they are
    groups      columns whose groups are compared
    drop        columns that are no inputs
    words       columns of numbers that are codes of words
    missing     words that stand for nothing, beside those of rollcall.data.cleaning
    test        column that is true in held-out rows; "": none
    time        column that says when a row was made, a date or a number; "": none
    unit        what a patient is: "patient", or "lesion", ...
    restricted  False if inputs may be shown in reports
    source, licence     sentences for the report
    files       column with the name of each record's picture or recording; "": a table alone
    folder      where these files lie, in the description's folder
    size        pixels of a side that pictures are made to; 0: the default
    mode        "grey" or "rgb"; "": grey where no picture has colours
    format      of recordings, one of FORMATS; "": pictures
    rate        Hz that recordings are made to; 0: their own
    leads       channels of recordings that are kept, in order; (): all
    seconds     of each recording, from its start; 0: all of it
    scale       factor of recordings before a model sees them; 0: one over their spread
    """

    path: Path
    name: str
    table: str
    label: tuple[str, ...]
    header: bool = True
    names: tuple[str, ...] = ()
    separator: str = ""
    encoding: str = "utf-8"
    patient: str = ""
    cut: float | None = None
    positive: tuple[str, ...] = ()
    groups: tuple[Group, ...] = ()
    drop: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    test: str = ""
    time: str = ""
    unit: str = "patient"
    restricted: bool = True
    source: str = ""
    licence: str = ""
    files: str = ""
    folder: str = ""
    size: int = 0
    mode: str = ""
    format: str = ""
    rate: float = 0.0
    leads: tuple[str, ...] = ()
    seconds: float = 0.0
    scale: float = 0.0

    @property
    def root(self) -> Path:
        """The folder that all it names lies in."""
        return self.path.parent

    @property
    def table_path(self) -> Path:
        """The table's path; InputError if it is not there, or not in the folder."""
        path = resolve_inside(self.root, self.table)
        if not path.is_file():
            there = ", ".join(_list_tables(self.root)) or "none"
            raise InputError(
                f"{self.path}: table = {self.table!r}, but {path} is no file (tables there: "
                f"{there})"
            )
        return path

    @property
    def kind(self) -> str:
        """What a record's input is: "features", "images" or "signals"."""
        if not self.files:
            return "features"
        return "signals" if self.format else "images"

    def columns(self) -> dict[str, list[str]]:
        """Return the columns of the table that each key names, by key."""
        named = {
            "patient": [self.patient],
            "label": [*self.label],
            "groups": [group.column for group in self.groups],
            "drop": [*self.drop],
            "words": [*self.words],
            "test": [self.test],
            "time": [self.time],
            "files": [self.files],
        }
        return {key: [name for name in names if name] for key, names in named.items()}

    def check_columns(self, there: list[str]) -> None:
        """Check that the table has every column that is named; InputError with the nearest."""
        for key, names in self.columns().items():
            for name in names:
                if name not in there:
                    raise unknown_name(f"column in {key}:", name, there, f"({self.path})")


def find(path: str | Path) -> tuple[Path, str]:
    """Return the description that a user's path means, absolute, and the dataset that reads it.

    A toml, or a folder with cohort.toml or one toml of another name. The two are `root` and
    `cohort` of auditing.plan. InputError, with what to do, for anything else.
    """
    if not path or path == Path():
        raise InputError(
            f"{DATASET} is not fetched: ROOT= must name the folder that holds the table and the "
            f"{USUAL} that `rollcall describe TABLE.csv` writes (see docs/own-data.md)"
        )
    path = Path(path).expanduser().absolute()
    try:
        return _find(path), DATASET
    except OSError as error:
        raise_machine_fault(error, path)
        raise InputError(f"{path}: not readable ({first_line(error)})") from error


def _find(path: Path) -> Path:
    if path.is_dir():
        tomls = sorted(each.name for each in path.glob("*.toml") if each.is_file())
        if USUAL in tomls:
            return path / USUAL
        if len(tomls) == 1:
            return path / tomls[0]
        tables = _list_tables(path)
        advice = (
            f"name one of its tomls: {', '.join(tomls)}"
            if tomls
            else f"`rollcall describe {path / (tables[0] if tables else 'TABLE.csv')}` writes one"
        )
        raise InputError(f"{path}: holds no {USUAL}; {advice}")
    if path.name.endswith(TABLES):
        raise InputError(
            f"{path}: a table; expected the {USUAL} that describes it: "
            f"`rollcall describe {path}` writes a first one"
        )
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a {USUAL}, or the folder that holds one")
    if path.suffix != ".toml":
        raise InputError(f"{path}: expected a .toml that describes a cohort, or its folder")
    return path


def read(path: str | Path) -> Description:
    """Read and check the description that `path` means, as `find`.

    InputError names the file and the key, what was expected, and the nearest known name of an
    unknown key. MachineError if the machine refuses.
    """
    path = find(path)[0]
    content = _parse(path)
    for key in content:
        if key not in KEYS:
            raise unknown_name("key", key, KEYS, f"in {path}")
    values = {}
    for key, value in content.items():
        fit, expected = KEYS[key]
        try:
            values[key] = fit(value)
        except (TypeError, ValueError, KeyError):
            raise InputError(f"{path}: {key} = {_show(value)}; expected {expected}") from None
    if "label" not in values:
        raise InputError(f'{path}: no label; expected label = "the column that is predicted"')
    values.setdefault("name", _name_after(path))
    if "table" not in values:
        values["table"] = _only_table(path)
    description = Description(path=path, **values)
    _check_together(description)
    return description


def _parse(path: Path) -> dict:
    """Return what a toml says; a byte order mark before it is none of it."""
    try:
        with open(path, "rb") as file:
            text = file.read(LONGEST + 1)
        if len(text) > LONGEST:
            raise InputError(f"{path}: longer than {LONGEST:,} bytes; expected a description")
        return tomllib.loads(text.decode("utf-8-sig").replace("\r\n", "\n"))
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8 text; save it again as UTF-8") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"{path}: not a readable toml ({first_line(error)})") from None
    except (OSError, MemoryError) as error:
        raise_machine_fault(error, path)
        raise InputError(f"{path}: not readable ({first_line(error)})") from error


def _show(value) -> str:
    return repr(value) if len(repr(value)) <= 60 else f"{repr(value)[:60]}..."


def _name_after(path: Path) -> str:
    """Return the toml's name without its ending; of a cohort.toml the folder's."""
    name = path.parent.name if path.name == USUAL else path.stem
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).lstrip("._-") or DATASET


def _list_tables(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir() if each.name.endswith(TABLES))


def _only_table(path: Path) -> str:
    tables = _list_tables(path.parent)
    if len(tables) != 1:
        raise InputError(
            f'{path}: no table; expected table = "the file with a row for each record" '
            f"(there: {', '.join(tables) or 'none'})"
        )
    return tables[0]


def _check_together(description: Description) -> None:
    """Check what single keys do not show; InputError."""
    it, path = description, description.path
    if it.names and it.header:
        raise InputError(f"{path}: names are given, so there is none in the table; header = false")
    if not it.header and not it.names and not it.table.endswith(".parquet"):
        raise InputError(f'{path}: header = false needs names = ["of", "every", "column"]')
    if it.cut is not None and (it.positive or len(it.label) > 1):
        raise InputError(f"{path}: cut is for one label of numbers, without positive")
    if it.positive and len(it.label) > 1:
        raise InputError(f"{path}: positive is for one label; several are yes or no each")
    for key in ("folder", "format", *OF_PICTURES, *OF_RECORDINGS):
        if getattr(it, key) and not it.files:
            raise InputError(f"{path}: {key} needs files, the column with each record's file")
    for key in OF_RECORDINGS:
        if getattr(it, key) and not it.format:
            raise InputError(f"{path}: {key} is of recordings; give format, one of {FORMATS}")
    for key in OF_PICTURES:
        if getattr(it, key) and it.format:
            raise InputError(
                f"{path}: {key} is of pictures, and format {it.format!r} of recordings"
            )
    columns = it.columns()
    for key in ("patient", "test", "time", "files"):
        if set(columns[key]) & {*it.label}:
            raise InputError(f"{path}: {columns[key][0]!r} is {key} and label; expected one")
    if it.patient and it.patient in columns["groups"]:
        raise InputError(f"{path}: {it.patient!r} is patient and in groups; groups are of many")
