"""Open what a description's `files` name: pictures or recordings, as inputs of a cohort."""

from __future__ import annotations

import pandas as pd

from rollcall.data.decode import FileInputs
from rollcall.datasets.described.description import Description
from rollcall.datasets.described.records.pictures import open_pictures
from rollcall.datasets.described.records.signals import open_signals


def open_records(
    described: Description, table: pd.DataFrame
) -> tuple[FileInputs, float, list[str]]:
    """Return a row's file for each row of `table`, the scale of the inputs, and notes.

    InputError where a file is not there, or is of no kind that is read.
    """
    if described.kind == "signals":
        return open_signals(described, table)
    files, notes = open_pictures(described, table)
    return files, 1.0, notes
