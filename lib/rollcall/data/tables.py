"""Tables of a release: strings first, and every value checked before it is used.

Every message names the file, the row (as a line of the file, the header being line 1) and the
column.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.util.errors import InputError, first_line

BYTES_PER_BLOCK = 2**25  # parsed at once; a row may not be longer
LONGEST_FIELD = 100_000  # characters; no column of any dataset comes near it
REENCODE = "fetch the release again, or save the table as UTF-8"
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
    """Return columns of a csv or csv.gz as strings.

    Nothing is taken for missing; an empty field is "".

    key        column(s) whose values (together) may stand in the table only once
    rows       whether a table without rows is an error
    optional   further columns, read if the table has them
    separator  what stands between two fields

    InputError for a table that cannot be read, is cut short, lacks a column, has short or overlong
    rows or fields.
    """
    try:
        header = _read_header(path, separator)
        columns = [*columns, *(column for column in optional if column in header)]
        _check_header(path, header, columns)
        table = _parse(path, columns, separator)[columns]
    except InputError:
        raise
    except UnicodeDecodeError:
        raise InputError(f"{path}: row 1 is not UTF-8 text; {REENCODE}") from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(
            f"{path}: damaged or cut short ({first_line(error)}); fetch the release again"
        ) from error
    except (OSError, ValueError, MemoryError) as error:  # the parser's are ValueErrors, with a row
        if "UTF8" in str(error):
            raise InputError(
                f"{path}: row {_first_bad_line(path)} is not UTF-8 text; {REENCODE}"
            ) from None
        raise InputError(
            f"{path}: not a readable csv ({first_line(error)}); fetch the release again"
        ) from error
    if rows and not len(table):
        raise InputError(f"{path}: holds no rows, only a header; fetch the release again")
    for column in columns:
        broken = table[column].str.contains("\n", regex=False)
        refuse_rows(path, table, column, broken, "a line break in a field; is a quote not closed?")
        overlong = table[column].str.len() > LONGEST_FIELD
        refuse_rows(
            path, table, column, overlong, f"a field of more than {LONGEST_FIELD:,} characters"
        )
    if key:
        keys = [key] if isinstance(key, str) else list(key)
        expected = f"this {' and '.join(keys)} is in the table already; expected each once"
        refuse_rows(path, table, keys[-1], table.duplicated(keys), expected)
    return table


def _check_header(path: Path, header: list[str], columns: list[str]) -> None:
    for column in columns:
        if header.count(column) != 1:
            fault = "has more than once the column" if column in header else "lacks the column"
            raise InputError(
                f"{path}: {fault} {column!r}; it has {', '.join(map(repr, header))[:300]}"
            )


def _parse(path: Path, columns: list[str], separator: str) -> pd.DataFrame:
    """Parse with pyarrow: strict about the number of fields, fast, and text stays text."""
    from pyarrow import csv as arrow

    with _open(path) as file:
        return arrow.read_csv(
            file,
            arrow.ReadOptions(block_size=BYTES_PER_BLOCK, use_threads=False),
            arrow.ParseOptions(delimiter=separator),
            arrow.ConvertOptions(
                include_columns=columns,
                column_types=dict.fromkeys(columns, "string"),
                strings_can_be_null=False,
            ),
        ).to_pandas()


def _open(path: Path):
    return gzip.open(path, "rb") if path.suffix == ".gz" else open(path, "rb")


def read_header(path: Path) -> list[str]:
    """Return the names of a csv's columns; InputError if it cannot be read."""
    try:
        return _read_header(path)
    except InputError:
        raise
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise InputError(f"{path}: not a readable csv ({first_line(error)})") from error


def _read_header(path: Path, separator: str = ",") -> list[str]:
    with _open(path) as file:
        line = file.readline(BYTES_PER_BLOCK).decode("utf-8-sig")
    if not line.strip():
        raise InputError(f"{path}: empty, or its first row is; fetch the release again")
    return next(csv.reader([line], delimiter=separator))


def _first_bad_line(path: Path) -> int | str:
    with _open(path) as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return number
    return "?"


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
