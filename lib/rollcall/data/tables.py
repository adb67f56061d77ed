"""TODO."""

from __future__ import annotations

import csv
import gzip
import zlib
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.util.errors import InputError

BLOCK = 2**25  # bytes parsed at once; a row may not be longer


LONGEST_FIELD = 100_000  # characters; no column of any dataset comes near it


def read_table(
    path: Path,
    columns: list[str] | tuple[str, ...],
    key: str | tuple[str, ...] = (),
    rows: bool = True,
    optional=(),
    separator: str = ",",
) -> pd.DataFrame:
    """The `columns` of a csv or csv.gz as strings; nothing is taken for missing, an empty field is "".

    key: column(s) whose values (together) may stand in the table only once. rows: whether a table without rows is an error.
    optional: further columns, read if the table has them. separator: what stands between two fields.
    Raises InputError for a table that cannot be read, is cut short, lacks a column, has short or overlong rows or fields.
    """
    from pyarrow import (
        csv as strict,
    )  # strict about the number of fields, fast, and text stays text

    try:
        header = _header(path, separator)
        columns = [*columns, *(column for column in optional if column in header)]
        for column in columns:
            if header.count(column) != 1:
                fault = (
                    "lacks the column" if column not in header else "has more than once the column"
                )
                raise InputError(
                    f"{path}: {fault} {column!r}; it has {', '.join(map(repr, header))[:300]}"
                )
        with _opened(path) as file:
            wanted = strict.ConvertOptions(
                include_columns=list(columns),
                column_types=dict.fromkeys(columns, "string"),
                strings_can_be_null=False,
            )
            table = strict.read_csv(
                file,
                strict.ReadOptions(block_size=BLOCK, use_threads=False),
                strict.ParseOptions(delimiter=separator),
                wanted,
            ).to_pandas()
    except InputError:
        raise
    except UnicodeDecodeError:
        raise InputError(
            f"{path}: row 1 is not UTF-8 text; fetch the release again, or save the table as UTF-8"
        ) from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(
            f"{path}: damaged or cut short ({_line(error)}); fetch the release again"
        ) from error
    except (
        OSError,
        ValueError,
        MemoryError,
    ) as error:  # pyarrow's parser errors are ValueErrors and name the row
        if "UTF8" in str(error):
            raise InputError(
                f"{path}: row {_first_bad_line(path)} is not UTF-8 text; fetch the release again, or save the table as UTF-8"
            ) from None
        raise InputError(
            f"{path}: not a readable csv ({_line(error)}); fetch the release again"
        ) from error
    table = table[list(columns)]
    if rows and not len(table):
        raise InputError(f"{path}: holds no rows, only a header; fetch the release again")
    for column in columns:
        refuse_rows(
            path,
            table,
            column,
            table[column].str.contains("\n", regex=False),
            "a line break in a field; is a quote not closed?",
        )
        refuse_rows(
            path,
            table,
            column,
            table[column].str.len() > LONGEST_FIELD,
            f"a field of more than {LONGEST_FIELD:,} characters",
        )
    if key:
        key = [key] if isinstance(key, str) else list(key)
        repeated = table.duplicated(key)
        refuse_rows(
            path,
            table,
            key[-1],
            repeated,
            f"this {' and '.join(key)} is in the table already; expected each once",
        )
    return table


def _opened(path: Path):
    return gzip.open(path, "rb") if path.suffix == ".gz" else open(path, "rb")


def read_header(path: Path) -> list[str]:
    """The names of a csv's columns; InputError if it cannot be read."""
    try:
        return _header(path)
    except InputError:
        raise
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise InputError(f"{path}: not a readable csv ({_line(error)})") from error


def _header(path: Path, separator: str = ",") -> list[str]:
    with _opened(path) as file:
        line = file.readline(BLOCK).decode("utf-8-sig")
    if not line.strip():
        raise InputError(f"{path}: empty, or its first row is; fetch the release again")
    return next(csv.reader([line], delimiter=separator))


def _first_bad_line(path: Path) -> int | str:
    with _opened(path) as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return number
    return "?"


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def refuse_rows(path: Path, table: pd.DataFrame, column: str, bad, why: str) -> None:
    """InputError naming the first row of `table` where `bad` (bool per row) holds; nothing if none does."""
    rows = np.flatnonzero(np.asarray(bad, dtype=bool))
    if len(rows):
        value = table[column].iloc[rows[0]]
        raise InputError(
            f"{path}: row {find_line(table, rows[0])}, column {column!r}: {str('' if pd.isna(value) else value)[:40]!r}; {why}"
            + (f" ({len(rows):,} such rows)" if len(rows) > 1 else "")
        )


def find_line(table: pd.DataFrame, position: int) -> int:
    """The line of the file that the row at `position` came from, the header being line 1 (fields with line breaks aside)."""
    return int(table.index[position]) + 2


def read_numbers(
    path: Path,
    table: pd.DataFrame,
    column: str,
    missing: bool = False,
    low: float = -np.inf,
    high: float = np.inf,
) -> np.ndarray:
    """The column as float64 (rows,), finite and from low to high; "" becomes NaN if `missing` is allowed."""
    values = pd.to_numeric(table[column], errors="coerce").to_numpy(dtype=float)
    empty = (table[column] == "").to_numpy(dtype=bool) & missing
    limits = (
        f" from {low:g} to {high:g}"
        if np.isfinite(low) and np.isfinite(high)
        else f" of at least {low:g}"
        if np.isfinite(low)
        else ""
    )
    with np.errstate(invalid="ignore"):
        wrong = ~empty & ~(np.isfinite(values) & (values >= low) & (values <= high))
    refuse_rows(
        path, table, column, wrong, f"expected a number{limits}{' or nothing' if missing else ''}"
    )
    return values


def read_codes(path: Path, table: pd.DataFrame, column: str, allowed) -> np.ndarray:
    """The position of each value in `allowed` (rows,) int; InputError for any other value."""
    positions = pd.Index(list(allowed)).get_indexer(table[column])
    refuse_rows(
        path, table, column, positions < 0, f"expected one of {', '.join(map(repr, allowed))}"
    )
    return positions


def read_ids(path: Path, table: pd.DataFrame, column: str) -> pd.Series:
    """The column itself, every value a whole number written in digits (an id)."""
    refuse_rows(
        path,
        table,
        column,
        ~table[column].str.fullmatch(r"[0-9]+").fillna(False).astype(bool),
        "expected a whole number",
    )
    return table[column]


def read_times(path: Path, table: pd.DataFrame, column: str, missing: bool = False) -> pd.Series:
    """The column as timestamps, format "YYYY-MM-DD HH:MM:SS" (or the date alone)."""
    plain = table[column].str.fullmatch(
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?)?"
    )  # time zones do not mix with none
    values = pd.to_datetime(table[column].where(plain), format="ISO8601", errors="coerce")
    refuse_rows(
        path,
        table,
        column,
        values.isna() & ~((table[column] == "") & missing),
        "expected a time such as 2180-05-06 19:17:00",
    )
    return values
