"""A table as those who make it describe it, before anybody shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Table:
    """A table with its caption; rows is None if there is nothing to list, and `empty` says why.

    The first column names the rows. by: a column of groups of rows, which stands above each group
    once. main: the columns to be seen first; () for as many as fit a sheet. p: how likely each
    row's difference is by chance (float, nan where nothing was compared): of a long table the most
    different rows are seen first.
    """

    rows: pd.DataFrame | None
    caption: str
    empty: str = ""
    by: str = ""
    main: Sequence[str] = ()
    p: Sequence[float] | None = None
