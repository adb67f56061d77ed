"""Tables of a release: strings first, and every value checked before it is used.

Every message names the file, the row (as a line of the file, the header being line 1) and the
column.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data import csv_files
from rollcall.util.errors import InputError, first_line
from rollcall.util.faults import raise_machine_fault

LONGEST_FIELD = 100_000  # characters; no column of any dataset comes near it
FETCH = "fetch the release again"  # what mends a table of a release,
SAVE = "save it again, as a csv in UTF-8"  # and one that somebody made
# "YYYY-MM-DD HH:MM:SS", or the date alone; no time zone: those do not mix with none.
TIME_PATTERN = r"[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?)?"


def read_table(
    path: Path,
    columns: list[str] | tuple[str, ...],
    key: str | tuple[str, ...] = (),
    rows: bool = True,
    optional=(),
    separator: str = ",",
) -> pd.DataFrame:
    """Return columns of a csv or csv.gz of a release, as strings.

    Nothing is taken for missing; an empty field is "".

    key        column(s) whose values (together) may stand in the table only once
    rows       whether a table without rows is an error
    optional   further columns, read if the table has them
    separator  what stands between two fields

    InputError for a table that cannot be read, is cut short, lacks a column, has short or overlong
    rows or fields. MachineError if the machine refuses to read it.
    """
    path = Path(path)
    header = read_header(path, separator)
    columns = [*columns, *(column for column in optional if column in header)]
    _check_header(path, header, columns)
    table = _parse(path, header, [header.index(column) for column in columns], separator, FETCH)
    if rows and not len(table):
        raise InputError(f"{path}: holds no rows, only a header; {FETCH}")
    if key:
        keys = [key] if isinstance(key, str) else list(key)
        expected = f"this {' and '.join(keys)} is in the table already; expected each once"
        refuse_rows(path, table, keys[-1], table.duplicated(keys), expected)
    return table


def read_whole_table(
    path: Path,
    key: str = "",
    separator: str = "",
    names: Sequence[str] = (),
    encoding: str = csv_files.UTF8,
    line_breaks: bool = False,
    mend: str = SAVE,
) -> pd.DataFrame:
    """Return a table that somebody made, as strings: every column that has a name.

    Nothing is taken for missing. Names without the spaces around them. InputError for a table that
    cannot be read, has two columns of one name, or no rows; MachineError if the machine refuses to
    read it.

    separator    between fields; "": a comma, semicolon, tab or bar, whichever makes a column called
                 `key`, or the most columns
    names        of the columns, where the first row holds none
    line_breaks  fields may hold them, in quotes
    mend         what its owner can do about text in another encoding
    """
    path = Path(path)
    if not separator:
        separator = _say_what_failed(
            path,
            mend,
            lambda: csv_files.choose_separator(path, key, len(names), encoding),
            encoding,
        )
    header = [strip_name(name) for name in read_header(path, separator, mend, encoding)]
    if (not key or key not in header) and header[0].startswith(("sep=", "#")):
        raise InputError(
            f"{path}: row 1 is {header[0]!r:.42}; expected the names of the columns there: delete "
            "what is above them"
        )
    if names and len(names) != len(header):
        raise InputError(f"{path}: row 1 has {len(header)} fields; expected {len(names)}")
    header = list(names) or header
    named = [position for position, name in enumerate(header) if name]
    _check_header(path, header, [header[position] for position in named])
    table = _parse(
        path,
        header,
        named,
        separator,
        mend,
        encoding,
        named_inside=not names,
        line_breaks=line_breaks,
    )
    if not len(table):
        raise InputError(f"{path}: holds no rows, only a header")
    if len(named) < len(header):
        _refuse_nameless(path, header, separator, encoding, line_breaks)
    return table.set_axis(table.index - 1) if names else table


def strip_name(name: str) -> str:
    """Return the name of a column without spaces around it, seen or not."""
    return name.strip().strip("\ufeff\u200b").strip()


def _refuse_nameless(
    path: Path, header: list[str], separator: str, encoding: str, line_breaks: bool
) -> None:
    """InputError for a column without a name that holds something; a first may number the rows."""
    nameless = [position for position, name in enumerate(header) if not name]
    table = csv_files.parse(path, header, nameless, separator, encoding, line_breaks=line_breaks)
    for position, values in zip(nameless, table.T.to_numpy(str), strict=True):
        numbers = position == 0 and len(set(values)) == len(values) and "".join(values).isdigit()
        if numbers or not "".join(values).strip():
            continue
        advice = "give it one"
        if len(nameless) * 2 > len(header):
            named = len(header) - len(nameless)
            advice = f"row 1 names {named} of {len(header)}: is it a title? Then delete it"
        raise InputError(f"{path}: column {position + 1} has no name in row 1; {advice}")


def read_header(
    path: Path, separator: str = ",", mend: str = FETCH, encoding: str = csv_files.UTF8
) -> list[str]:
    """Return the names of a csv's columns; InputError if it cannot be read.

    mend: what its owner can do about it.
    """
    names = _say_what_failed(
        path, mend, lambda: csv_files.read_names(path, separator, encoding), encoding
    )
    if not names:
        raise InputError(f"{path}: empty, or its first row is; {mend}")
    return names


def _check_header(path: Path, header: list[str], columns: list[str]) -> None:
    for column in columns:
        if header.count(column) != 1:
            fault = "has more than once the column" if column in header else "lacks the column"
            raise InputError(
                f"{path}: {fault} {column!r}; it has {', '.join(map(repr, header))[:300]}"
            )


def _parse(
    path: Path,
    header: list[str],
    positions: list[int],
    separator: str,
    mend: str,
    encoding: str = csv_files.UTF8,
    named_inside: bool = True,
    line_breaks: bool = False,
) -> pd.DataFrame:
    def parse() -> pd.DataFrame:
        return csv_files.parse(
            path, header, positions, separator, encoding, named_inside, line_breaks
        )

    table = _say_what_failed(path, mend, parse, encoding)
    unclosed = "a line break in a field; is a quote not closed?"
    for column in table:
        broken = table[column].str.contains("\n", regex=False)
        if line_breaks and broken.any():
            broken &= table[column].map(lambda text: _holds_rows(text, separator, len(header)))
        refuse_rows(path, table, column, broken, unclosed)
        overlong = table[column].str.len() > LONGEST_FIELD
        refuse_rows(
            path, table, column, overlong, f"a field of more than {LONGEST_FIELD:,} characters"
        )
    return table


def _holds_rows(text: str, separator: str, columns: int) -> bool:
    """Say whether most lines below the first of a field are rows of a table of so many columns."""
    lines = text.split("\n")[1:]
    return 2 * sum(line.count(separator) == columns - 1 for line in lines) >= len(lines) > 0


def _say_what_failed(path: Path, mend: str, read, encoding: str = csv_files.UTF8):
    """Return what `read` returns; what it raises becomes a MachineError or an InputError."""
    not_text = "row 1 is not UTF-8" if encoding == csv_files.UTF8 else f"not {encoding}"
    try:
        return read()
    except InputError:
        raise
    except UnicodeDecodeError:
        raise InputError(f"{path}: {not_text} text; {mend}") from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{path}: damaged or cut short ({first_line(error)}); {mend}") from error
    except (OSError, ValueError, MemoryError, csv.Error) as error:  # the parser's name the row
        raise_machine_fault(error, path)
        if isinstance(error, FileNotFoundError):
            raise InputError(f"{path}: not a readable csv; there is no such file") from None
        if "UTF8" in str(error):
            line = csv_files.find_bad_line(path)
            raise InputError(f"{path}: row {line} is not UTF-8 text; {mend}") from None
        raise InputError(f"{path}: not a readable csv ({first_line(error)}); {mend}") from error


def refuse_rows(path: Path, table: pd.DataFrame, column: str, bad, why: str) -> None:
    """Raise InputError naming the first row of `table` where `bad` (bool per row) holds, if any."""
    rows = np.flatnonzero(np.asarray(bad, dtype=bool))
    if len(rows):
        value = table[column].iloc[rows[0]]
        value = str("" if pd.isna(value) else value)
        raise InputError(
            f"{path}: row {find_line(table, rows[0])}, column {column!r}: {value[:40]!r}; {why}"
            + (f" ({len(rows):,} such rows)" if len(rows) > 1 else "")
        )


def find_line(table: pd.DataFrame, position: int) -> int:
    """Return the line of the file that the row at `position` came from, the header being line 1.

    Fields with line breaks aside.
    """
    return int(table.index[position]) + 2


def read_numbers(
    path: Path,
    table: pd.DataFrame,
    column: str,
    missing: bool = False,
    low: float = -np.inf,
    high: float = np.inf,
) -> np.ndarray:
    """Return the column as float64 (rows,), finite and from low to high.

    "" becomes NaN if `missing` is allowed; InputError for any other value.
    """
    values = pd.to_numeric(table[column], errors="coerce").to_numpy(dtype=float)
    empty = (table[column] == "").to_numpy(dtype=bool) & missing
    if np.isfinite(low) and np.isfinite(high):
        limits = f" from {low:g} to {high:g}"
    elif np.isfinite(low):
        limits = f" of at least {low:g}"
    else:
        limits = ""
    with np.errstate(invalid="ignore"):
        wrong = ~empty & ~(np.isfinite(values) & (values >= low) & (values <= high))
    expected = f"expected a number{limits}{' or nothing' if missing else ''}"
    refuse_rows(path, table, column, wrong, expected)
    return values


def read_codes(path: Path, table: pd.DataFrame, column: str, allowed) -> np.ndarray:
    """Return the position of each value in `allowed`, (rows,) int; InputError for any other."""
    positions = pd.Index(list(allowed)).get_indexer(table[column])
    expected = f"expected one of {', '.join(map(repr, allowed))}"
    refuse_rows(path, table, column, positions < 0, expected)
    return positions


def read_ids(path: Path, table: pd.DataFrame, column: str) -> pd.Series:
    """Return the column itself; InputError unless every value is a whole number in digits."""
    whole = table[column].str.fullmatch(r"[0-9]+").fillna(False).astype(bool)
    refuse_rows(path, table, column, ~whole, "expected a whole number")
    return table[column]


def read_times(path: Path, table: pd.DataFrame, column: str, missing: bool = False) -> pd.Series:
    """Return the column as timestamps, from "YYYY-MM-DD HH:MM:SS" or the date alone.

    "" becomes NaT if `missing` is allowed; InputError for any other value.
    """
    plain = table[column].str.fullmatch(TIME_PATTERN)
    values = pd.to_datetime(table[column].where(plain), format="ISO8601", errors="coerce")
    empty = (table[column] == "") & missing
    expected = "expected a time such as 2180-05-06 19:17:00"
    refuse_rows(path, table, column, values.isna() & ~empty, expected)
    return values
