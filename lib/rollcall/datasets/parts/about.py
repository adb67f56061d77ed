"""What is known about a dataset before any of it is read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Dataset:
    """One dataset, in the words of `rollcall list` and docs/datasets.md.

    name           what `--cohort` takes; the name of its module
    title          what its publisher calls it
    licence        the licence or agreement it is under
    access         who grants access, in two or three words
    records        what a record is, and what is predicted
    rehearsable    whether `rollcall rehearse` can write a simulated release in its layout
    is_table       whether a record is a row of a table: no picture, no signal
    is_signals     whether a record is a signal of one or several leads
    root_optional  whether it can be loaded without a release on disk (drawn here, or fetched)
    """

    name: str
    title: str
    licence: str
    access: str
    records: str
    rehearsable: bool = False
    is_table: bool = False
    is_signals: bool = False
    root_optional: bool = False

    @property
    def kind(self) -> str:
        """The kind of its inputs: "features", "signals" or "images"."""
        if self.is_table:
            return "features"
        return "signals" if self.is_signals else "images"
