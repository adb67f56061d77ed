"""Read a release's table, whose columns differ between its editions, and say so when one lacks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from rollcall.data import tables
from rollcall.util.errors import InputError


def read_edition(
    path: Path,
    columns: tuple[str, ...],
    editions: str,
    *,
    other_names: Mapping[str, tuple[str, ...]] | None = None,
    **options,
) -> pd.DataFrame:
    """Read the columns of a table that may be of one of several editions, as `tables.read_table`.

    editions: which editions have these columns, for the error that a column is missing.
    other_names: what a column is called in other editions; the first that is there is read, under
    the name in `columns`. InputError as `tables.read_table`, and for a missing column with the
    editions.
    """
    header = tables.read_header(path, options.get("separator", ","))
    names = {}  # as the table calls a column: as `columns` does
    for column in columns:
        others = (other_names or {}).get(column, ())
        name = next((name for name in (column, *others) if name in header), None)
        if name is None:
            also = f" (or {' or '.join(map(repr, others))})" if others else ""
            raise InputError(
                f"{path}: lacks the column {column!r}{also}; expected the columns of {editions}; "
                f"it has {', '.join(map(repr, header))[:300]}"
            )
        names[name] = column
    return tables.read_table(path, tuple(names), **options).rename(columns=names)
