"""The table that a description names, as text: csv or parquet, missing values empty."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data import cleaning, csv_files, tables
from rollcall.data.bands import DATE, NUMBER
from rollcall.datasets.described.description import Description
from rollcall.util.errors import InputError, first_line
from rollcall.util.faults import raise_machine_fault
from rollcall.util.files import parse_table

LARGEST_WHOLE = 2.0**53  # whole numbers beyond are not exact in a float
MEND = 'mend it, or save it again as a csv in UTF-8 (text of Windows: say encoding = "cp1252")'


def read(described: Description) -> pd.DataFrame:
    """Return the table as strings, stripped; "" is a missing value, whatever word it was.

    InputError for a table that cannot be read, or lacks a column that is named; MachineError if the
    machine refuses.
    """
    path = described.table_path
    if path.name.endswith(".parquet"):
        table = _open_parquet(described)
    else:
        table = tables.read_whole_table(
            path,
            described.label[0] if described.label and described.header else "",
            described.separator,
            described.names,
            csv_files.UTF8
            if described.encoding.lower() in ("utf-8", "utf8")
            else described.encoding,
            line_breaks=True,
            mend=MEND,
        )
        if described.header:
            _refuse_names_again(path, table)
        if described.header and described.label:  # else whoever guesses looks at it
            _refuse_values(described, table)
        if not described.header:
            _refuse_names(described, table)
    described.check_columns(list(table.columns))
    return table.apply(_clean, missing=described.missing)


def _clean(values: pd.Series, missing: tuple[str, ...]) -> pd.Series:
    """Strip the fields of a column; words for missing become ""."""
    codes, written = pd.factorize(values)  # what is done to a value is done to it once
    words = cleaning.strip_fields(pd.Series(written, dtype="str"))
    gone = cleaning.is_missing(words) | words.isin(missing)
    if missing:  # -9 is -9.0 as well
        gone |= words.str.replace(r"[.]0*$", "", regex=True).isin(missing)
    return pd.Series(words.mask(gone, "").to_numpy()[codes], values.index, "str", values.name)


def _refuse_values(described: Description, table: pd.DataFrame) -> None:
    """InputError where what should be names of columns looks like a row of values."""
    header = list(table.columns)
    if look_like_values(header) or recur_below(table):
        raise InputError(
            f"{described.path}: row 1 of {described.table} looks like values, not names "
            f"({', '.join(map(repr, header[:5]))}, ...); say header = false and names = [...]"
        )


def _refuse_names_again(path: Path, table: pd.DataFrame) -> None:
    """InputError where the names of the columns stand below again, as in tables put together."""
    last = table.columns[-1]
    rows = table[table[last].str.strip() == last] if table.shape[1] > 1 else table[:0]
    again = [[value.strip() for value in row] == list(table.columns) for row in rows.to_numpy()]
    if any(again) and not recur_below(table.drop(rows.index[again])):
        expected = "the names of the columns stand there again; delete that row"
        tables.refuse_rows(path, rows, last, pd.Series(again, rows.index, bool), expected)


def _refuse_names(described: Description, table: pd.DataFrame) -> None:
    """InputError where the first row rather holds names: words above columns of numbers."""
    are = table.apply(lambda values: values.str.fullmatch(NUMBER))
    numeric = are.iloc[1:].all()
    if len(table) > 1 and numeric.any() and not are.iloc[0][numeric].any():
        raise InputError(
            f"{described.path}: row 1 of {described.table} looks like names, not values "
            f"({', '.join(f'{name!r:.20}' for name in table.iloc[0][:5])}, ...); leave out header "
            "and names"
        )


def look_like_values(header: list[str]) -> bool:
    """Say whether half of what should be names of columns are numbers or dates, not counted up."""
    names = pd.Series([name.strip() for name in header], dtype="str")
    numbers = names.str.fullmatch(NUMBER) | names.str.fullmatch(DATE)
    counted = names.tolist() in ([str(k + first) for k in range(len(names))] for first in (0, 1))
    return bool(numbers.sum() * 2 >= len(names) and numbers.sum() > 1 and not counted)


def recur_below(table: pd.DataFrame) -> bool:
    """Say whether half of the names of columns stand below as values of their own columns."""
    below = [bool((table[name].str.strip() == name).any()) for name in table.columns]
    return sum(below) * 2 >= len(below) and sum(below) > 1


def _open_parquet(described: Description) -> pd.DataFrame:
    """Read a parquet file; numbers, dates and truth values as text that is read back the same."""
    path = described.table_path
    try:
        with open(path, "rb") as file:
            table = parse_table(file)
    except Exception as error:  # damage may make the library raise anything
        raise_machine_fault(error, path)
        raise InputError(f"{path}: not a readable parquet file ({first_line(error)})") from error
    if table.index.names != [None]:
        table = table.reset_index()
    names = list(described.names) or [str(name).strip() for name in table.columns]
    if len(names) != table.shape[1]:
        raise InputError(f"{path}: has {table.shape[1]} columns; expected {len(names)}")
    twice = pd.Index(names).duplicated()
    if twice.any():
        raise InputError(f"{path}: has more than once the column {names[int(twice.argmax())]!r}")
    if not len(table):
        raise InputError(f"{path}: holds no rows")
    table = table.set_axis(pd.RangeIndex(-1, len(table) - 1)).set_axis(names, axis=1)
    return pd.DataFrame({name: _write(described, table[name]) for name in names})


def _write(described: Description, values: pd.Series) -> pd.Series:
    """Write the values of a column as text; "" where one is missing."""
    kind, missing = values.dtype, values.isna().to_numpy()
    if isinstance(kind, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
        kind = values.dtype
    if pd.api.types.is_bool_dtype(kind):
        text = values.map({True: "true", False: "false"})
    elif pd.api.types.is_datetime64_any_dtype(kind):
        text = values.dt.strftime("%Y-%m-%d %H:%M:%S")
    elif pd.api.types.is_timedelta64_dtype(kind):
        text = _write_floats(values.dt.total_seconds() / 86_400)
    elif pd.api.types.is_float_dtype(kind):
        text = _write_floats(values)
    else:
        first = next((each for each in values[~missing] if not pd.api.types.is_scalar(each)), None)
        if first is not None or values[~missing].map(lambda each: isinstance(each, bytes)).any():
            raise InputError(
                f"{described.table_path}: column {values.name!r} holds lists, tables or bytes; "
                "expected one value in each row"
            )
        text = values.astype(object).where(~missing, "").map(str)
    return text.astype(object).where(~missing, "").astype("str")


def _write_floats(values: pd.Series) -> pd.Series:
    """Write floats so that they are read back the same; whole ones as whole numbers."""
    numbers = values.to_numpy(float, na_value=np.nan).tolist()
    text = [
        str(int(number)) if number.is_integer() and abs(number) < LARGEST_WHOLE else repr(number)
        for number in numbers
    ]
    return pd.Series(text, values.index)
